"""The schema of GET /v1/network/status, which is what a node knows of why something is, or is not, being committed."""

from api.openapi_schemas import BOOLEAN, DIGEST, INTEGER, TEXT, Schema, array, optional, record, ref


def detail_schema() -> Schema:
    """Return the form of GET /v1/network/status (api.node_detail says what each field means)."""
    seconds, names = optional({"type": "number"}), array(TEXT)
    convicted = optional({"type": "object", "additionalProperties": names})
    consensus = {"height": INTEGER, "view": INTEGER, "primary": TEXT, "changing_view": BOOLEAN, "votes": BOOLEAN}
    consensus |= {"why_silent": optional(TEXT), "validators": names, "quorum": INTEGER, "has_proposal": BOOLEAN}
    consensus |= {"prepares": names, "commits": names, "view_changes": names, "bad_proposals": names}
    silences = {"type": "object", "additionalProperties": seconds}
    consensus |= {"silent_seconds": silences, "stalled_seconds": {"type": "number"}, "decided_seconds": seconds}
    consensus |= {"floods": {"type": "object", "additionalProperties": INTEGER}}
    left_out = {
        "primary": TEXT,
        "organisation": TEXT,
        "transaction": DIGEST,
        "seconds": {"type": "number"},
        "blocks": INTEGER,
    }
    consensus |= {"left_out": optional(record(left_out))}
    peer = {"name": TEXT, "address": TEXT, "observer": BOOLEAN, "connected": BOOLEAN, "height": optional(INTEGER)}
    peer |= {"round_trip_seconds": seconds, "clock_offset_seconds": seconds, "connections": INTEGER}
    disk = {"free_bytes": INTEGER, "total_bytes": INTEGER, "set_aside": names}
    disk |= dict.fromkeys(("sync_seconds_median", "sync_seconds_max"), seconds)
    pool = {"transactions": INTEGER, "bytes": INTEGER, "transactions_max": INTEGER, "bytes_max": INTEGER}
    pool |= {"oldest_seconds": seconds, "has_candidates": BOOLEAN}
    helpers = {"executor_pid": optional(INTEGER), "executor_restarts": INTEGER}
    helpers |= {"reader_pid": optional(INTEGER), "reader_restarts": INTEGER, "verifier_processes": INTEGER}
    helpers |= {"verifier_restarts": INTEGER, "lacks_protocol": BOOLEAN, "snapshot_failure": optional(TEXT)}
    own = {"node": ref("NodeStatus"), "chain_id": DIGEST, "observer": BOOLEAN, "clock": INTEGER, "convicted": convicted}
    own |= {"clock_drift_max": INTEGER, "view_timeout_max": INTEGER, "certificate_expires": INTEGER}
    return record(
        {
            **own,
            "phase": {"enum": ["running", "joining"]},
            "refused_connections": {"type": "object", "additionalProperties": INTEGER},
            "peers": array(record({**peer, "last_error": optional(TEXT)})),
            "disk": record(disk),
            "consensus": optional(record(consensus)),
            "pool": optional(record(pool)),
            "helpers": optional(record(helpers)),
        }
    )
