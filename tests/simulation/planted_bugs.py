"""Bugs planted into a running cluster, one at a time: what the simulator has to find, and how soon."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chain.certificate import Phase
from chain.runtime import CallContext, CallOutcome
from chain.types import Height
from chain.validators import ValidatorSet
from consensus.log import WriteAheadLog
from consensus.pbft import heights, normal, replica, rules, view_change
from consensus.pbft.config import PbftConfig
from consensus.pbft.events import Decide, Output, Send
from consensus.pbft.messages import Kind, NewView, ViewChange, Vote, encode_message
from consensus.pbft.records import Record, RecordKind
from consensus.pbft.state import State, say, signed, votes_of
from consensus.simulation.contract import Registers
from consensus.simulation.host import Host
from consensus.simulation.process import Process

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class PlantedBug:
    """One bug."""

    name: str
    plant: Callable[[Patch], None]
    rules: frozenset[str]
    """Broken promises by which it may show."""
    nodes: int = 4
    seeds_max: int = 40


def small_quorum(patch: Patch) -> None:
    patch.setattr(ValidatorSet, "quorum", property(lambda validators: 2 * validators.faults_max + 1))


def sends_before_it_persists(patch: Patch) -> None:
    def carry_out(self: Process, outputs: list[Output]) -> None:
        records = tuple(record for output in outputs for record in output.persist)
        self._perform(outputs)
        if records:
            self.on_disk(lambda: self._persist(records), lambda: None)

    patch.setattr(Process, "_carry_out", carry_out)


def writes_without_fsync(patch: Patch) -> None:
    class Unsynced:
        def __init__(self, file: Any) -> None:
            self.write, self.close = file.write, file.close

        def sync(self) -> None:
            pass

    sync = WriteAheadLog.sync

    def sync_nothing(self: WriteAheadLog) -> None:
        if not isinstance(self._file, Unsynced):
            self._file = Unsynced(self._file)
        sync(self)

    patch.setattr(WriteAheadLog, "sync", sync_nothing)


def forgets_votes_at_restart(patch: Patch) -> None:
    patch.setattr(heights, "_load", lambda state, records: None)


def drops_the_log_too_early(patch: Patch) -> None:
    apply = Host.apply

    def drop_and_apply(self: Host, decided: Decide, done: Callable[[], None]) -> None:
        floor = Height(decided.block.header.height + 1)
        self._process.on_disk(lambda: self._process.log.drop_below(floor), lambda: apply(self, decided, done))

    patch.setattr(Host, "apply", drop_and_apply)
    patch.setattr("consensus.simulation.process.SEGMENT_BYTES_MAX", 1)


def hides_the_prepared_certificate(patch: Patch) -> None:
    def say_nothing_prepared(state: State, message: Any, block: Any = None) -> None:
        say(state, replace(message, prepared=None) if isinstance(message, ViewChange) else message, block)

    patch.setattr(view_change, "say", say_nothing_prepared)


def ignores_the_prepared_certificate(patch: Patch) -> None:
    patch.setattr(view_change, "choice_of", lambda changes: None)


def chooses_the_lowest_prepared_view(patch: Patch) -> None:
    def lowest(changes: list[ViewChange]) -> Any:
        prepared = [change.prepared for change in changes if change.prepared is not None]
        return min(prepared, key=lambda certificate: certificate.subject.view, default=None)

    patch.setattr(view_change, "choice_of", lowest)
    patch.setattr(heights, "choice_of", lowest)


def commits_after_leaving_the_view(patch: Patch) -> None:
    def commit_late(state: State) -> bool:
        prepare = state.own(Kind.PREPARE)
        if state.round.entered or not isinstance(prepare, Vote) or state.own_view(Kind.COMMIT) >= prepare.view:
            return False
        equal = [vote for vote in votes_of(state, Kind.PREPARE) if vote.subject == prepare.subject]
        if rules.certificate_of(equal, state.validators.quorum) is None:
            return False
        vote = signed(state, Vote(Phase.COMMIT, prepare.subject, state.own_id, normal.UNSIGNED))
        state.out.persist.append(Record(RecordKind.MESSAGE, vote.height, encode_message(vote)))
        state.round.slots[(state.own_id, Kind.COMMIT)] = vote
        state.out.send.append(Send(state.others, vote))
        return True

    patch.setattr(replica, "_TRANSITIONS", (*replica._TRANSITIONS, commit_late))


def votes_without_keeping_the_body(patch: Patch) -> None:
    patch.setattr(normal, "_log_body", lambda state, block_hash: None)


def never_changes_the_view(patch: Patch) -> None:
    patch.setattr(view_change, "timer_runs", lambda state: False)
    patch.setattr(view_change, "join_view", lambda state: False)


def applies_the_clock_rule_to_re_proposals(patch: Patch) -> None:
    accept_proposal = normal.accept_proposal

    def accept_fresh_times(state: State) -> bool:
        forced = state.round.forced
        body = None if forced is None else state.round.bodies.get(forced.subject.block_hash)
        if body is not None and rules.is_drifted(body.header.time, state.clock, state.config):
            return False
        return accept_proposal(state)

    transitions = tuple(accept_fresh_times if item is accept_proposal else item for item in replica._TRANSITIONS)
    patch.setattr(replica, "_TRANSITIONS", transitions)


def accepts_a_new_view_for_a_lower_view(patch: Patch) -> None:
    def enter_any(state: State) -> bool:
        found = [item for item in state.round.slots.values() if isinstance(item, NewView)]
        new_view = max(found, key=lambda item: item.view, default=None)
        if new_view is None or new_view.view == state.round.view:
            return False
        state.round.view, state.round.entered, state.round.accepted = new_view.view, True, None
        return True

    transitions = tuple(enter_any if item is view_change.enter_view else item for item in replica._TRANSITIONS)
    patch.setattr(replica, "_TRANSITIONS", transitions)


def keeps_messages_of_any_height(patch: Patch) -> None:
    def keep_all(*parameters: Any) -> PbftConfig:
        return replace(PbftConfig(*parameters), buffer_heights=10_000)

    patch.setattr("consensus.simulation.process.PbftConfig", keep_all)


def executes_differently_each_time(patch: Patch) -> None:
    call = Registers.call
    count = iter(range(1_000_000))

    def call_and_count(self: Registers, state: Any, context: CallContext, *rest: Any) -> CallOutcome:
        outcome = call(self, state, context, *rest)
        return outcome._replace(value=next(count)) if outcome.code is None else outcome

    patch.setattr(Registers, "call", call_and_count)


def computes_wrongly_everywhere(patch: Patch) -> None:
    call = Registers.call

    def call_off_by_one(self: Registers, state: Any, context: CallContext, *rest: Any) -> CallOutcome:
        outcome = call(self, state, context, *rest)
        return outcome._replace(value=outcome.value + 1) if isinstance(outcome.value, int) else outcome

    patch.setattr(Registers, "call", call_off_by_one)


PLANTED_BUGS = (
    PlantedBug(
        "quorum 2f+1 at n=6",
        small_quorum,
        frozenset({"commit without a quorum of prepares", "decided without a quorum"}),
        nodes=6,
    ),
    PlantedBug("sends before it persists", sends_before_it_persists, frozenset({"sent before it was durable"})),
    PlantedBug("writes without fsync", writes_without_fsync, frozenset({"sent before it was durable"})),
    PlantedBug(
        "forgets its votes at a restart",
        forgets_votes_at_restart,
        frozenset({"two messages in one slot", "spoke in a view that it had left", "hid what it had prepared"}),
    ),
    PlantedBug(
        "drops its log before the block is stored",
        drops_the_log_too_early,
        frozenset({"forgot before the block was stored"}),
    ),
    PlantedBug("hides what it prepared", hides_the_prepared_certificate, frozenset({"hid what it had prepared"})),
    PlantedBug(
        "ignores what others prepared", ignores_the_prepared_certificate, frozenset({"voted against the new view"})
    ),
    PlantedBug(
        "commits in a view that it has left",
        commits_after_leaving_the_view,
        frozenset({"spoke in a view that it had left"}),
    ),
    PlantedBug(
        "enters lower views again",
        accepts_a_new_view_for_a_lower_view,
        frozenset({"spoke in a view that it had left", "raised AssertionError"}),
    ),
    PlantedBug(
        "votes without keeping the body",
        votes_without_keeping_the_body,
        frozenset({"voted before the body was durable"}),
    ),
    PlantedBug("never changes the view", never_changes_the_view, frozenset({"no recovery"})),
    PlantedBug("looks at the clock again", applies_the_clock_rule_to_re_proposals, frozenset({"no recovery"})),
    PlantedBug("keeps messages of any height", keeps_messages_of_any_height, frozenset({"unbounded"})),
    PlantedBug(
        "executes differently each time",
        executes_differently_each_time,
        frozenset({"two results of one block", "a result that no sequential run gives"}),
    ),
    PlantedBug(
        "computes wrongly everywhere",
        computes_wrongly_everywhere,
        frozenset({"a result that no sequential run gives"}),
    ),
)
