"""Which validators vote, and for each that does not, why: from its own words, its process, and what others see."""

from typing import Any, Final

from cli.diagnosis.evidence import Evidence, NodeEvidence
from cli.diagnosis.findings import RANK

ENDINGS: Final = {
    "DISK_FULL": "disk_full",
    "DISK_FAILED": "disk_failed",
    "DATA_DAMAGED": "data_damaged",
    "CONFIGURATION": "configuration",
    "PORT_TAKEN": "configuration",
    "FOREIGN_DATA": "other_chain",
    "FORMAT_UNKNOWN": "old_program",
    "PROTOCOL_UNKNOWN": "old_program",
    "DATA_LOCKED": "configuration",
    "DIVERGED": "diverged",
    "EXECUTOR_FAILED": "helper_failed",
    "VERIFIER_FAILED": "helper_failed",
    "WALLS_MISSING": "walls_required",
}
"""Causes by the name of the exit code that a node ended with."""

SILENCES: Final = {
    "lost_votes": "lost_votes",
    "diverged": "diverged",
    "cannot_execute": "helper_failed",
    "waiting_for_testimony": "starting",
    "below_log": "catching_up",
}
"""Causes by what a node says of itself (consensus.pbft.replica.Status.why_not)."""

TLS_ERRORS: Final = ("foreign-certificate", "not-accepted", "wrong-peer")
OTHER_CHAIN: Final = "other-chain"


def why_silent(evidence: Evidence, name: str) -> tuple[str, str] | None:
    """Return the cause for which a validator does not vote and what was seen of it; None if it does."""
    node = evidence.find(name)
    if node is None or node.status is None:
        return _of_one_that_is_silent(evidence, name, node)
    if node.status["phase"] == "joining":
        catch_up = node.status["node"]["catch_up"] or {}
        return "joining", f"{name} joins ({catch_up.get('phase')}, height {catch_up.get('height')})"
    if node.consensus is not None and not node.consensus["votes"]:
        why = node.consensus["why_silent"]
        # While it waits for others' words a node that nobody lets in is in trouble, not just young.
        trouble = _trouble_with_others(evidence, node) if why == "waiting_for_testimony" else None
        return trouble or (SILENCES.get(why, "starting"), f"{name} does not vote ({why})")
    if node.executor_paused:
        return "paused", f"the executor of {name} is paused"
    if len(connected_voters(evidence, name)) + 1 < evidence.quorum:
        return _trouble_with_others(evidence, node)
    return None


def connected_voters(evidence: Evidence, name: str) -> set[str]:
    """Return the validators with which one that answers is connected."""
    node = evidence.find(name)
    peers = {} if node is None else node.peers
    return {peer for peer, entry in peers.items() if entry["connected"] and peer in evidence.validators}


def seen_by(evidence: Evidence, name: str) -> list[str]:
    """Return the nodes that answer, observers too, which are connected with a node."""
    return [other.name for other in evidence.running if other.peers.get(name, {}).get("connected")]


def _of_one_that_is_silent(evidence: Evidence, name: str, node: NodeEvidence | None) -> tuple[str, str] | None:
    if node is not None and node.process == "ended":
        if node.ending is None:
            return "not_running", f"{name} does not run"
        code, message = node.ending
        return ENDINGS.get(code, "not_running"), f"{name} ended ({code}: {message})"
    if node is not None and node.process == "paused":
        return "paused", f"{name} is paused"
    if seen_by(evidence, name):
        return None
    seen = _seen_by_others(evidence, name)
    return _cause_of_error(seen), f"{name} is reached by nobody ({seen or 'no node that answers knows it'})"


def _trouble_with_others(evidence: Evidence, node: NodeEvidence) -> tuple[str, str] | None:
    """Return why a node that answers us is not connected with enough others, if it is about the node itself."""
    voters = [name for name in evidence.validators if name != node.name]
    lacking = [name for name in voters if not node.peers.get(name, {}).get("connected")]
    if len(voters) - len(lacking) + 1 >= evidence.quorum:
        return None
    alive = [name for name in lacking if _answers(evidence, name)]
    if len(alive) * 2 <= len(lacking):
        # Most of those it lacks are gone themselves: the trouble is theirs.
        return None
    errors = [str(node.peers.get(name, {}).get("last_error") or "") for name in alive]
    errors += [_seen_by_others(evidence, node.name)]
    causes = sorted((_cause_of_error(error) for error in errors if error), key=RANK.__getitem__)
    cause = causes[0] if causes else "disconnected"
    cause = "disconnected" if cause == "unreachable" else cause
    if cause == "other_chain" and node.status is not None:
        return cause, f"{node.name} is on the ledger {node.status['chain_id'][:16]}"
    shown = next((error for error in errors if error and _is_of(error, cause)), errors[0] if errors else "")
    return cause, f"{node.name} is not connected with {', '.join(alive)} ({shown})"


def _answers(evidence: Evidence, name: str) -> bool:
    node = evidence.find(name)
    # Of one that was not asked, all that is known is whether anybody sees it.
    return bool(seen_by(evidence, name)) if node is None else node.status is not None


def _seen_by_others(evidence: Evidence, name: str) -> str:
    """Return the error by which others do not reach a node, the most telling one."""
    errors = [str(entry["last_error"]) for other in evidence.running for entry in (_peer(other, name),) if entry]
    return min(errors, key=lambda error: RANK[_cause_of_error(error)], default="")


def _peer(node: NodeEvidence, name: str) -> dict[str, Any] | None:
    entry = node.peers.get(name)
    return entry if entry is not None and not entry["connected"] and entry["last_error"] else None


def _cause_of_error(error: str) -> str:
    if any(word in error for word in TLS_ERRORS):
        return "certificates"
    return "other_chain" if OTHER_CHAIN in error else "unreachable"


def _is_of(error: str, cause: str) -> bool:
    return _cause_of_error(error) == cause or cause == "disconnected"
