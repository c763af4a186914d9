"""From evidence to findings: pure, so that every cause can be tried out without a cluster."""

import time
from collections.abc import Iterator
from typing import Any, Final

from cli.diagnosis.evidence import Evidence, NodeEvidence
from cli.diagnosis.findings import RANK, Finding, Severity
from cli.diagnosis.voting import seen_by, why_silent

STALLED_SECONDS: Final = 10.0
"""Transactions that wait longer without any block being decided are not merely waiting for their turn."""
SILENT_SECONDS: Final = 5.0
SYNC_SECONDS_MAX: Final = 0.5
DISK_FREE_BYTES_MIN: Final = 1024**3
DISK_FREE_SHARE_MIN: Final = 0.03
RESTARTS_MANY: Final = 10
"""A few are survived without harm, and their cause may be long gone; so many have one that lasts."""
EXPIRES_SECONDS: Final = 30 * 24 * 3600
BEHIND_BLOCKS: Final = 10
FULL_SHARE: Final = 0.95
CONSEQUENCES: Final = frozenset({"starting", "catching_up"})
"""What follows from something else where anything else is found."""


def diagnose(evidence: Evidence, now: float | None = None) -> list[Finding]:
    """Return what the evidence shows, the likeliest root of the trouble first; nothing of a healthy cluster."""
    moment = time.time() if now is None else now
    if not evidence.running and not evidence.expected:
        reasons = "; ".join(f"{node.name}: {node.error or 'it joins'}" for node in evidence.nodes)
        return [Finding("nothing_known", Severity.STOPS, f"no node tells anything ({reasons})")]
    found = [*_silence(evidence)]
    stops = any(finding.severity is Severity.STOPS for finding in found)
    found += _agreement(evidence, stops)
    for node in evidence.answered:
        found += _of_node(node, moment)
    found += _of_all(evidence)
    return sorted(found, key=_root_first)


def _root_first(finding: Finding) -> tuple[Severity, bool, int, int]:
    """Order findings: what stops everything, not what merely follows from that, what concerns most nodes."""
    counted = -len(finding.nodes) if finding.severity is Severity.STOPS else 0
    return finding.severity, finding.code in CONSEQUENCES, counted, RANK[finding.code]


def _silence(evidence: Evidence) -> Iterator[Finding]:
    """Yield why validators do not vote; it stops everything where too few are left."""
    silent: dict[str, list[tuple[str, str]]] = {}
    for name in evidence.validators:
        why = why_silent(evidence, name)
        if why is not None:
            silent.setdefault(why[0], []).append((name, why[1]))
    size = len(evidence.validators)
    count = size - sum(map(len, silent.values()))
    enough = count >= evidence.quorum
    severity = Severity.HARMS if enough else Severity.STOPS
    for code, entries in silent.items():
        what = "; ".join(text for _, text in entries)
        yield Finding(code, severity, what, tuple(name for name, _ in entries), keeps_from_voting=True)


def _agreement(evidence: Evidence, is_stopped: bool) -> Iterator[Finding]:
    """Yield what keeps validators that vote from deciding."""
    voices = {node.name: node.consensus for node in evidence.running if node.consensus is not None}
    stalled = {name: voice for name, voice in voices.items() if voice["stalled_seconds"] > STALLED_SECONDS}
    severity = Severity.STOPS if stalled and not is_stopped else Severity.HARMS
    clocks = list(_clocks(evidence, severity))
    yield from clocks
    if not stalled or is_stopped or clocks:
        return
    detail = f"transactions have waited for {max(voice['stalled_seconds'] for voice in stalled.values()):.0f} s"
    quiet = tuple(sorted({voice["primary"] for voice in stalled.values() if _is_unheard(voices, voice["primary"])}))
    if quiet:
        yield Finding("primary_silent", severity, f"{detail}; nothing comes from {', '.join(quiet)}", quiet)
        return
    views = ", ".join(f"{name} in view {voice['view']}" for name, voice in sorted(stalled.items()))
    refused = sorted({line for voice in stalled.values() for line in voice["bad_proposals"]})
    what = f"{detail}: {views}" + (f"; refused: {'; '.join(refused)}" if refused else "")
    yield Finding("no_agreement", severity, what, tuple(sorted(stalled)))


def _is_unheard(voices: dict[str, dict[str, Any]], name: str) -> bool:
    """Tell whether most of those that listen have heard nothing of agreement from a validator lately."""
    heard = [voice["silent_seconds"].get(name) for other, voice in voices.items() if other != name]
    return bool(heard) and sum(since is None or since > SILENT_SECONDS for since in heard) * 2 > len(heard)


def _clocks(evidence: Evidence, severity: Severity) -> Iterator[Finding]:
    """Yield nodes whose clock is far from that of the others: compared by us, and by the nodes among themselves."""
    allowed = max((node.status["clock_drift_max"] for node in evidence.answered if node.status), default=0) / 1000
    offsets = dict(_offsets(evidence))
    if len(offsets) < 2:
        return
    middle = sorted(offsets.values())[(len(offsets) - 1) // 2]
    for name, offset in sorted(offsets.items()):
        off = offset - middle
        if abs(off) > allowed / 2:
            way = "ahead" if off > 0 else "behind"
            what = f"the clock of {name} is {abs(off):.1f} s {way}; {allowed:.0f} s are allowed"
            yield Finding("clock", severity if abs(off) > allowed else Severity.HARMS, what, (name,))


def _offsets(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """Yield by how much each known clock is ahead of that of one node that answers."""
    answered = [node for node in evidence.answered if node.clock_offset is not None]
    if not answered:
        return
    first = answered[0]
    assert first.clock_offset is not None
    asked = {node.name for node in answered}
    for peer, entry in first.peers.items():
        if peer not in asked and entry["connected"] and entry["clock_offset_seconds"] is not None:
            yield peer, float(entry["clock_offset_seconds"])
    for node in answered:
        assert node.clock_offset is not None
        # What the asking itself may be wrong by is not held against a clock.
        off = node.clock_offset - first.clock_offset
        doubt = node.clock_doubt + first.clock_doubt
        yield node.name, off - min(abs(off), doubt) * (1 if off > 0 else -1)


def _of_node(node: NodeEvidence, now: float) -> Iterator[Finding]:
    status: dict[str, Any] = node.status or {}
    name, disk, pool, helpers = node.name, status["disk"], status["pool"], status["helpers"]
    if disk["free_bytes"] < DISK_FREE_BYTES_MIN or disk["free_bytes"] < DISK_FREE_SHARE_MIN * disk["total_bytes"]:
        what = f"{name} has {disk['free_bytes'] / 1e6:,.0f} MB left of {disk['total_bytes'] / 1e6:,.0f}"
        yield Finding("disk_low", Severity.HARMS, what, (name,))
    if (disk["sync_seconds_median"] or 0) > SYNC_SECONDS_MAX:
        what = f"syncs of {name} take {disk['sync_seconds_median']:.2f} s, at most {disk['sync_seconds_max']:.2f} s"
        yield Finding("slow_disk", Severity.HARMS, what, (name,))
    if disk["set_aside"]:
        yield Finding("set_aside", Severity.NOTE, f"{name} set aside {', '.join(disk['set_aside'])}", (name,))
    left = status["certificate_expires"] / 1000 - now
    if left < EXPIRES_SECONDS:
        when = f"ended {-left / 86400:.0f} days ago" if left < 0 else f"ends in {left / 86400:.0f} days"
        yield Finding("certificate_expires", Severity.HARMS, f"the certificate of {name} {when}", (name,))
    if helpers is not None:
        yield from _of_helpers(name, helpers)
    if pool is not None:
        yield from _of_pool(name, pool)
    if status["node"]["walls_missing"]:
        what = f"{name} lacks walls around {'; '.join(status['node']['walls_missing'])}"
        yield Finding("walls_missing", Severity.NOTE, what, (name,))
    catch_up = status["node"]["catch_up"]
    if status["phase"] == "running" and catch_up is not None:
        what = f"{name} is at height {catch_up['height']}, the others at {catch_up['target']}"
        yield Finding("behind", Severity.HARMS, what, (name,))


def _of_helpers(name: str, helpers: dict[str, Any]) -> Iterator[Finding]:
    counts = {kind: helpers[f"{kind}_restarts"] for kind in ("executor", "reader", "verifier")}
    # A reader is started again with its executor; over a question of a client's alone it harms nobody.
    harmful = counts["executor"] + counts["verifier"]
    if harmful:
        severity = Severity.HARMS if harmful >= RESTARTS_MANY else Severity.NOTE
        what = ", ".join(f"its {kind} {count} times" for kind, count in counts.items() if count)
        yield Finding("helper_restarts", severity, f"{name} has started {what} again", (name,))
    if helpers["lacks_protocol"]:
        yield Finding("old_program", Severity.HARMS, f"{name} lacks the rules of a change that is decided", (name,))


def _of_pool(name: str, pool: dict[str, Any]) -> Iterator[Finding]:
    used = max(pool["transactions"] / pool["transactions_max"], pool["bytes"] / pool["bytes_max"])
    if used > FULL_SHARE:
        yield Finding("pool_full", Severity.HARMS, f"{pool['transactions']} transactions wait on {name}", (name,))
    if pool["transactions"] and not pool["has_candidates"]:
        what = f"{name} keeps {pool['transactions']} transactions out of its proposals"
        yield Finding("quarantined", Severity.HARMS, what, (name,))


def _of_all(evidence: Evidence) -> Iterator[Finding]:
    versions = {node.name: str(node.status["node"]["version"]) for node in evidence.answered if node.status}
    if len(set(versions.values())) > 1:
        text = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        yield Finding("versions_differ", Severity.NOTE, text, tuple(sorted(versions)))
    convicted = _convicted(evidence)
    if convicted:
        text = "; ".join(f"{name}: {', '.join(sorted(codes))}" for name, codes in sorted(convicted.items()))
        yield Finding("misbehaviour", Severity.HARMS, f"there is evidence against {text}", tuple(sorted(convicted)))
    yield from _left_out(evidence)
    floods = _floods(evidence)
    if floods:
        text = "; ".join(f"{name} floods {', '.join(others)}" for name, others in sorted(floods.items()))
        yield Finding("floods", Severity.HARMS, text, tuple(sorted(floods)))
    if 0 < len(evidence.validators) < 4:
        yield Finding("few_validators", Severity.NOTE, f"there are {len(evidence.validators)} validators")
    for node in evidence.nodes:
        if node.status is None and node.process in (None, "running") and seen_by(evidence, node.name):
            yield Finding("api_silent", Severity.HARMS, f"{node.name}: {node.error}", (node.name,))


def _left_out(evidence: Evidence) -> Iterator[Finding]:
    """Yield which primary leaves out whose transactions, as the nodes see it that complain."""
    seen: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    for node in evidence.running:
        assert node.consensus is not None
        left_out = node.consensus["left_out"]
        if left_out is not None:
            seen.setdefault((left_out["primary"], left_out["organisation"]), []).append((node.name, left_out))
    for (primary, organisation), entries in sorted(seen.items()):
        longest = max((entry for _, entry in entries), key=lambda entry: float(entry["seconds"]))
        since = f"{longest['transaction'][:16]} for {longest['seconds']:.0f} s and {longest['blocks']} blocks"
        who = ", ".join(name for name, _ in entries)
        what = f"the primary {primary} leaves out transactions of {organisation}: {since}; {who} complain"
        yield Finding("left_out", Severity.HARMS, what, (primary,))


def _floods(evidence: Evidence) -> dict[str, list[str]]:
    """Return whom each validator floods that sends too much."""
    found: dict[str, list[str]] = {}
    for node in evidence.running:
        assert node.consensus is not None
        for name in node.consensus["floods"]:
            found.setdefault(name, []).append(node.name)
    return found


def _convicted(evidence: Evidence) -> dict[str, set[str]]:
    """Return what nodes say that they can prove, by validator."""
    found: dict[str, set[str]] = {}
    for node in evidence.answered:
        convicted: dict[str, list[str]] = (node.status or {})["convicted"] or {}
        for name, codes in convicted.items():
            found.setdefault(name, set()).update(codes)
    return found
