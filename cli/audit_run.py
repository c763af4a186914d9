"""Puts one audit together: the source, the place that an earlier run kept, the watchers, and other sources."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from audit.auditor import run_audit
from audit.checkpoint import CheckpointWatcher
from audit.consistency import Comparison, compare_with_audit, compare_with_source
from audit.invariants import InvariantWatcher
from audit.mismatch import AuditMismatch, Level, Mismatch, SourceUnreadable
from audit.resume import PlaceKeeper, ResumeError, forget_place, open_place, place_key, read_place
from audit.seeing import Point, ProgressListener, Watcher
from audit.signed_heads import compare_with_head
from audit.source import BlockSource
from audit.state_differences import StateWatcher
from audit.state_store import working_store
from audit.statistics import Statistics, statistics_from_json
from audit.verdict import Verdict
from chain.checkpoint import WitnessKey
from chain.encoding import DecodeError
from chain.genesis import Genesis, GenesisError, decode_genesis
from chain.values import dataclass
from cli.audit_sources import Opened, SignedHead, opened, read_other_file
from cli.node_source import NodeSource
from contracts.engine.runtime import Engine


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to have audited."""

    source: str
    genesis_hash: bytes | None
    level: Level
    others: tuple[str, ...]
    resume: Path | None
    processes: int
    invariants_every: int | None = None
    snapshots: Path | None = None
    snapshots_every: int | None = None
    counts: bool = False
    """Whether statistics are wanted; they cost a tenth more."""
    witnesses: tuple[WitnessKey, ...] = ()
    """Keys of witnesses whose cosignatures on signed heads are checked."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit has found and counted."""

    verdict: Verdict
    statistics: Statistics


def run(request: Request, on_progress: ProgressListener, must_stop: Callable[[], bool]) -> Audited:
    """Carry out an audit with everything that was asked for beside it.

    Raises:
        CliError: when a source cannot be used.
        ResumeError: when the file of an earlier run cannot be.
        AuditStopped: when `must_stop` says so and the place was kept.
        SourceUnreadable, StoreError, LocalFault, ProtocolUnknown: when the audit cannot be finished.
    """
    check_others(request)
    with ExitStack() as stack:
        found = stack.enter_context(opened(request.source))
        runtime = Engine()
        states = _state_watcher(found)
        invariants = InvariantWatcher(request.invariants_every)
        kept = _Kept(Statistics())
        start, keeper = _place(stack, request, found.source, runtime, must_stop, kept)
        watchers: list[Watcher] = [invariants]
        if request.counts:
            watchers.append(kept.statistics)
        if states is not None:
            watchers.append(states)
        if request.snapshots is not None and request.snapshots_every is not None:
            watchers.append(CheckpointWatcher(request.snapshots, request.snapshots_every))
        verdict = run_audit(
            found.source,
            genesis_hash=request.genesis_hash,
            processes=request.processes,
            on_progress=on_progress,
            runtime=runtime,
            level=request.level,
            watchers=watchers,
            saver=keeper,
            start=start,
        )
        verdict = with_invariants(verdict, invariants.names)
        if states is not None and found.state is not None and found.state.head is not None:
            verdict = with_state(verdict, found.state.head.height, states.compared)
        if request.others and verdict.genesis_hash is not None:
            verdict = with_others(verdict, found.source, request)
    if request.resume is not None:
        forget_place(request.resume)
    return Audited(verdict, kept.statistics)


def check_others(request: Request) -> None:
    """Find out now, and not behind a long audit, that something to compare with is of no use, or is not there.

    Raises:
        CliError, SourceUnreadable, AuditMismatch: saying what is wrong with it.
    """
    for other in request.others:
        if read_other_file(other) is None:
            with opened(other) as theirs:
                theirs.source.head_height()


@dataclass(slots=True)
class _Kept:
    """The counts that are kept with the place of an audit."""

    statistics: Statistics

    def notes(self) -> dict[str, Any]:
        return self.statistics.as_json()


def key_path() -> Path:
    """Return where the key of this user's audit places lies (XDG base directories)."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "tallystick" / "audit-places.key"


def _place(
    stack: ExitStack,
    request: Request,
    source: BlockSource,
    runtime: Engine,
    must_stop: Callable[[], bool],
    kept: _Kept,
) -> tuple[Point | None, PlaceKeeper | None]:
    """Return where to begin if an earlier run kept its place, and what keeps the place of this one."""
    path = request.resume
    if path is None:
        return None, None
    key = place_key(key_path())
    keeper = PlaceKeeper(path, key, request.level, must_stop, kept.notes)
    place = read_place(path, key)
    if place is None:
        return None, keeper
    try:
        genesis = decode_genesis(source.genesis())
    except (DecodeError, GenesisError, AuditMismatch):
        # The audit itself finds that, and says it better.
        return None, keeper
    if request.genesis_hash not in (None, genesis.genesis_hash):
        return None, keeper
    if request.counts:
        if not place.notes["first_time"]:
            raise ResumeError(f"{path} was kept by an audit without a report; finish that one, or remove it")
        kept.statistics = statistics_from_json(place.notes)
    store = stack.enter_context(working_store(source.head_height(), genesis.genesis_hash))
    return open_place(path, place, source, genesis, request.level, runtime, store), keeper


def _state_watcher(found: Opened) -> StateWatcher | None:
    head = None if found.state is None else found.state.head
    return None if head is None or found.state is None else StateWatcher(found.state, head)


def with_state(verdict: Verdict, height: int, is_compared: bool) -> Verdict:
    """Tell whether a state database, of this height, was compared; what differs, the audit has found on its way."""
    if is_compared:
        return verdict.joined((), Level.STATE, (f"the state database, at block {height}",))
    statement = f"not with the state database: it is that of block {height}, up to which contracts were not run here"
    return verdict.noted((statement,))


def with_invariants(verdict: Verdict, names: Collection[str]) -> Verdict:
    """Return the verdict with what the contracts declare, if they declare anything."""
    if not names:
        return verdict
    return verdict.joined((), Level.INVARIANTS, (f"invariants of the contracts: {', '.join(sorted(names))}",))


def with_others(verdict: Verdict, source: BlockSource, request: Request) -> Verdict:
    """Return the verdict with what comparing the history with other sources and earlier audits has found."""
    try:
        genesis = decode_genesis(source.genesis())
    except (DecodeError, GenesisError):
        # That is the first mismatch already, and nothing can be compared with what has no genesis.
        return verdict
    found: list[Comparison] = []
    for other in request.others:
        try:
            found += _compare(source, genesis, other, request.witnesses)
        except AuditMismatch as error:
            found.append(_false_by_itself(other, error.mismatch))
        except SourceUnreadable as error:
            if verdict.first_mismatch is None:
                raise
            # What was found is worth more than this comparison, which the same damage may have stopped.
            verdict = verdict.noted((f"not to the end with {other}: {error}",))
    return verdict.with_comparisons(found)


def _false_by_itself(other: str, found: Mismatch) -> Comparison:
    """Return what to say where comparing has met something that is false on one side, whatever the other one says."""
    detail = f"comparing with {other} ended here: audit both by themselves"
    return Comparison(other, replace(found, level=Level.CONSISTENCY, detail=detail), "")


def _compare(
    source: BlockSource, genesis: Genesis, other: str, witnesses: tuple[WitnessKey, ...]
) -> Iterator[Comparison]:
    known = read_other_file(other)
    if isinstance(known, SignedHead):
        yield compare_with_head(source, genesis, known.data, other, live=False, witnesses=witnesses)
    elif known is not None:
        yield compare_with_audit(source, known, other)
    else:
        with opened(other) as theirs:
            yield compare_with_source(source, theirs.source, other)
            head = theirs.source.signed_head() if isinstance(theirs.source, NodeSource) else None
        if head is not None:
            label = f"the head of {other}"
            yield compare_with_head(source, genesis, head, label, live=True, witnesses=witnesses)
