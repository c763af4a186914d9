"""Bugs planted into a running cluster, one at a time: what the simulator has to find, and by which broken promise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chain import certificate as chain_certificate
from chain import evidence_check
from chain.batch import Batch, batch_of
from chain.block import Block
from chain.certificate import Certificate, Phase
from chain.evidence import Place
from chain.ledger import Ledger
from chain.runtime import CallContext, CallOutcome
from chain.transaction import Transaction
from chain.types import Height, View
from chain.validators import ValidatorSet
from consensus import complaints, log_format, verify
from consensus import log as write_ahead_log
from consensus.log import WriteAheadLog
from consensus.pbft import heights, intake, normal, replica, rules, startup, view_change
from consensus.pbft.events import Decide, Send
from consensus.pbft.messages import Kind, PrePrepare, Testimony, ViewChange, Vote, encode_message
from consensus.pbft.records import Record, RecordKind
from consensus.pbft.slots import Slots
from consensus.pbft.state import State, say, signed
from consensus.simulation.contract import Registers
from consensus.simulation.host import Host
from consensus.simulation.process import Process
from consensus.simulation.twins.scenario import Cast

Patch = pytest.MonkeyPatch
Done = Callable[[], None]


@dataclass(frozen=True, slots=True)
class TwinsSearch:
    """Twins scenarios in which a bug is looked for, where seeds would take long to meet it."""

    cast: Cast
    rounds: int


@dataclass(frozen=True, slots=True)
class PlantedBug:
    """One bug."""

    name: str
    plant: Callable[[Patch], None]
    rules: tuple[str, ...]
    """Broken promises by which it may show."""
    nodes: int = 4
    twins: TwinsSearch | None = None


def small_quorum(patch: Patch) -> None:
    small = property(lambda validators: 2 * validators.faults_max + 1, lambda validators, quorum: None)
    patch.setattr(ValidatorSet, "quorum", small)


def sends_before_it_persists(patch: Patch) -> None:
    def step(self: Process, events: list[Any]) -> None:
        outputs = [self.replica.step(event) for event in events]
        self._perform(outputs)
        self.log.append([record for output in outputs for record in output.persist])
        self.log.sync()

    patch.setattr(Process, "_step", step)


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


def renames_without_syncing_the_folder(patch: Patch) -> None:
    write_segment = write_ahead_log._write_segment

    class Unsynced:
        def __init__(self, files: Any) -> None:
            self.create, self.rename = files.create, files.rename

        def sync_folder(self) -> None:
            pass

    def write(files: Any, *rest: Any) -> Any:
        return write_segment(Unsynced(files), *rest)  # type: ignore[arg-type]

    patch.setattr(write_ahead_log, "_write_segment", write)


def cuts_off_any_damage(patch: Patch) -> None:
    end_of_frame = log_format._end_of_frame

    def end_or_nothing(data: bytes, start: int, checksum: int, name: str) -> int | None:
        try:
            return end_of_frame(data, start, checksum, name)
        except log_format.LogDamagedError:
            return None

    patch.setattr(log_format, "_end_of_frame", end_or_nothing)


def forgets_votes_at_restart(patch: Patch) -> None:
    patch.setattr(heights, "_load", lambda state, records: None)


def drops_the_log_too_early(patch: Patch) -> None:
    apply = Host.apply

    def drop_and_apply(self: Host, decided: Decide, done: Done) -> None:
        self._process.log.drop_below(Height(decided.block.header.height + 1))
        apply(self, decided, done)

    patch.setattr(Host, "apply", drop_and_apply)
    patch.setattr("consensus.simulation.process.SEGMENT_BYTES_MAX", 1)


def proposes_without_logging(patch: Patch) -> None:
    def say_unlogged(state: State, message: Any, block: Any = None) -> None:
        say(state, message, block)
        if isinstance(message, PrePrepare):
            state.out.persist.pop()

    patch.setattr(normal, "say", say_unlogged)


def hides_the_prepared_certificate(patch: Patch) -> None:
    def say_nothing_prepared(state: State, message: Any, block: Any = None) -> None:
        say(state, replace(message, prepared=None) if isinstance(message, ViewChange) else message, block)

    patch.setattr(view_change, "say", say_nothing_prepared)


def ignores_the_prepared_certificate(patch: Patch) -> None:
    patch.setattr(view_change, "choice_of", lambda changes: None)


def commits_after_leaving_the_view(patch: Patch) -> None:
    def commit_late(state: State) -> bool:
        prepare = state.own(Kind.PREPARE)
        if state.round.entered or not isinstance(prepare, Vote) or state.own_view(Kind.COMMIT) >= prepare.view:
            return False
        equal = [vote for vote in state.round.slots.prepares.values() if vote.subject == prepare.subject]
        if rules.certificate_of(equal, state.validators.quorum) is None:
            return False
        vote = signed(state, Vote(Phase.COMMIT, prepare.subject, state.own_id, normal.UNSIGNED))
        state.out.persist.append(Record(RecordKind.MESSAGE, vote.height, encode_message(vote)))
        state.round.slots.put(vote)
        state.out.send.append(Send(state.others, vote))
        return True

    patch.setattr(replica, "_TRANSITIONS", (*replica._TRANSITIONS, commit_late))


def accepts_a_new_view_for_a_lower_view(patch: Patch) -> None:
    def enter_any(state: State) -> bool:
        found = state.round.slots.new_views.values()
        new_view = max(found, key=lambda item: item.view, default=None)
        if new_view is None or new_view.view == state.round.view:
            return False
        state.round.view, state.round.entered, state.round.accepted = new_view.view, True, None
        return True

    transitions = tuple(enter_any if item is view_change.enter_view else item for item in replica._TRANSITIONS)
    patch.setattr(replica, "_TRANSITIONS", transitions)


def votes_without_keeping_the_body(patch: Patch) -> None:
    patch.setattr(normal, "_log_body", lambda state, block_hash: None)


def commits_what_is_not_prepared(patch: Patch) -> None:
    def of_a_majority(votes: Any, quorum: int) -> Certificate | None:
        found = list(votes)
        is_prepare = bool(found) and found[0].phase is Phase.PREPARE
        return rules.certificate_of(found, quorum - 1 if is_prepare else quorum)

    patch.setattr(normal, "certificate_of", of_a_majority)


def never_complains(patch: Patch) -> None:
    patch.setattr(complaints, "is_left_out", lambda one, now: False)


def never_changes_the_view(patch: Patch) -> None:
    patch.setattr(view_change, "timer_runs", lambda state: False)
    transitions = tuple(item for item in replica._TRANSITIONS if item is not view_change.join_view)
    patch.setattr(replica, "_TRANSITIONS", transitions)


def never_sends_again(patch: Patch) -> None:
    patch.setattr(view_change, "resend", lambda state, to: None)


def follows_a_single_liar_to_its_view(patch: Patch) -> None:
    def highest(views: Any, faults_max: int) -> View | None:
        return max(views, default=None)

    patch.setattr(view_change, "view_to_join", highest)


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


def keeps_messages_of_any_height(patch: Patch) -> None:
    receive = intake.receive

    def keep_all(state: State, event: Any, message: Any) -> None:
        if message.height > state.round.height:
            state.buffer.setdefault(message.height, Slots()).put(message)
        receive(state, event, message)

    patch.setattr(intake, "receive", keep_all)


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


def accepts_short_certificates(patch: Patch) -> None:
    check = chain_certificate.check_certificate_form

    def check_form(certificate: Certificate, validators: ValidatorSet) -> None:
        try:
            check(certificate, validators)
        except chain_certificate.CertificateError as error:
            if not str(error).endswith(f"where a quorum is {validators.quorum}"):
                raise

    patch.setattr(chain_certificate, "check_certificate_form", check_form)
    patch.setattr(verify, "check_certificate_form", check_form)


def believes_certificates_unchecked(patch: Patch) -> None:
    def check(certificate: Certificate, validators: ValidatorSet, verify: Any = None) -> None:
        chain_certificate.check_certificate_form(certificate, validators)

    patch.setattr(verify, "check_certificate", check)


def believes_signatures_unchecked(patch: Patch) -> None:
    patch.setattr(verify._Check, "signature", lambda self, message: None)


def takes_another_body_for_a_certified_block(patch: Patch) -> None:
    def check(block: Any, result: Any, certificate: Certificate, validators: ValidatorSet, verify: Any = None) -> None:
        if certificate.subject.block_hash != block.block_hash or certificate.subject.epoch != validators.epoch:
            raise chain_certificate.CertificateError("of another block")
        if certificate.phase is not Phase.COMMIT or certificate.subject.result_hash != result.result_hash:
            raise chain_certificate.CertificateError("of another result")
        chain_certificate.check_certificate(certificate, validators, verify)

    patch.setattr("consensus.simulation.edge.check_certified_block", check)


def checks_no_transaction_twice(patch: Patch) -> None:
    patch.setattr(Ledger, "load_window", lambda self: None)
    patch.setattr("chain.window.Window.add_block", lambda self, time, entries: None)


def checks_no_header(patch: Patch) -> None:
    patch.setattr("chain.ledger.check_header", lambda header, head: None)


def takes_expired_transactions(patch: Patch) -> None:
    def batch_of_valid_ones(block: Block, transactions: Sequence[Transaction]) -> Batch:
        found = batch_of(block, transactions)
        return replace(found, valid_until=[max(until, block.header.time) for until in found.valid_until])

    patch.setattr("consensus.simulation.host.batch_of", batch_of_valid_ones)


def forgets_what_it_left(patch: Patch) -> None:
    """After a restart the view that VIEW-CHANGE was sent for is forgotten, so that it votes in an older one."""

    def load_view(state: State) -> None:
        state.round.view, state.round.entered = View(0), True
        state.round.slots.view_changes.pop(state.own_id, None)

    patch.setattr(heights, "_load_view", load_view)


def convicts_for_votes_in_two_views(patch: Patch) -> None:
    code_of = evidence_check._Check.code_of

    def code_at_one_place(self: Any, rests: list[list[object]], places: list[Place]) -> str:
        return code_of(self, rests, places[:1] * len(places))

    patch.setattr(evidence_check._Check, "code_of", code_at_one_place)


def convicts_all_who_commit_and_leave(patch: Patch) -> None:
    patch.setattr(evidence_check, "_hidden_prepared", lambda places, prepared: "hidden_prepared")


def ignores_testimony(patch: Patch) -> None:
    def count_only(state: State, testimony: Testimony) -> None:
        if (testimony.about, testimony.nonce) == (state.own_id, state.nonce) and testimony.signer in state.others:
            state.witnesses.add(testimony.signer)

    patch.setattr(startup, "take_testimony", count_only)


def never_declares_lost_votes(patch: Patch) -> None:
    patch.setattr(startup, "_lose_votes", lambda state, shown, witness: None)


def does_not_wait_for_testimony(patch: Patch) -> None:
    def awake_at_once(state: State) -> bool:
        if state.awake or state.has_lost_votes:
            return False
        state.awake = True
        view_change.resend(state, state.others)
        return True

    patch.setattr(replica, "_TRANSITIONS", (awake_at_once, *replica._TRANSITIONS[1:]))


def chooses_the_lowest_prepared(patch: Patch) -> None:
    def lowest(changes: Sequence[ViewChange]) -> Certificate | None:
        prepared = [change.prepared for change in changes if change.prepared is not None]
        return min(prepared, key=rules._certificate_rank, default=None)

    for module in (rules, view_change, heights):
        patch.setattr(module, "choice_of", lowest)


def never_looks_at_the_clock(patch: Patch) -> None:
    patch.setattr(intake, "_is_refused_for_drift", lambda state, message: False)


DURABLE = "sent before it was durable"
PREPARED = "commit without a quorum of prepares"
LEFT_OUT = "left out for good"
QUORUM = "decided without a quorum"
SLOT = "two messages in one slot"
LEFT = "spoke in a view that it had left"
HIDDEN = "hid what it had prepared"
NEW_VIEW = "voted against the new view"
RECOVERY = "no recovery"
RESULT = "a result that no sequential run gives"
FORGED = "showed what was not prepared"
INVALID = "voted for an invalid block"
FRAMED = "evidence against an honest validator"
SPLIT = "two blocks at one height"
FORGOT = "spoke after it had lost votes"
DRIFTED = "voted for a block of another time"

PLANTED_BUGS = (
    PlantedBug("quorum 2f+1 at n=6", small_quorum, (PREPARED, QUORUM), nodes=6),
    PlantedBug("sends before it persists", sends_before_it_persists, (DURABLE,)),
    PlantedBug("writes without fsync", writes_without_fsync, (DURABLE,)),
    PlantedBug("renames without syncing the folder", renames_without_syncing_the_folder, (DURABLE,)),
    PlantedBug("forgets its votes at a restart", forgets_votes_at_restart, (SLOT, LEFT, HIDDEN)),
    # A log that holds the bodies of more views than its replica knows of is how it shows first.
    PlantedBug(
        "forgets at a restart which views it left",
        forgets_what_it_left,
        (SLOT, LEFT, "unbounded", "raised AssertionError"),
    ),
    PlantedBug(
        "drops its log before the block is stored", drops_the_log_too_early, ("forgot before the block was stored",)
    ),
    PlantedBug("proposes without logging it", proposes_without_logging, (DURABLE, SLOT)),
    PlantedBug("hides what it prepared", hides_the_prepared_certificate, (HIDDEN,)),
    PlantedBug("ignores what others prepared", ignores_the_prepared_certificate, (NEW_VIEW,)),
    PlantedBug("commits in a view that it has left", commits_after_leaving_the_view, (LEFT,)),
    PlantedBug(
        "enters lower views again", accepts_a_new_view_for_a_lower_view, (LEFT, "raised AssertionError", HIDDEN)
    ),
    PlantedBug(
        "votes without keeping the body", votes_without_keeping_the_body, ("voted before the body was durable",)
    ),
    PlantedBug("commits with one PREPARE too few", commits_what_is_not_prepared, (PREPARED,)),
    PlantedBug("never changes the view", never_changes_the_view, (RECOVERY,)),
    PlantedBug("never sends anything again", never_sends_again, (RECOVERY,)),
    PlantedBug(
        "follows a single liar to its view",
        follows_a_single_liar_to_its_view,
        ("hurried by liars", "raised EncodeError"),
    ),
    PlantedBug("looks at the clock again", applies_the_clock_rule_to_re_proposals, (RECOVERY,)),
    PlantedBug("keeps messages of any height", keeps_messages_of_any_height, ("unbounded",)),
    PlantedBug("executes differently each time", executes_differently_each_time, ("two results of one block", RESULT)),
    PlantedBug("computes wrongly everywhere", computes_wrongly_everywhere, (RESULT,)),
    PlantedBug("never complains", never_complains, (LEFT_OUT,)),
    PlantedBug("accepts short certificates", accepts_short_certificates, (QUORUM, NEW_VIEW, SPLIT)),
    PlantedBug(
        "believes certificates unchecked",
        believes_certificates_unchecked,
        (NEW_VIEW, SPLIT, QUORUM, FORGED, FRAMED, "a certificate with a bad signature"),
    ),
    PlantedBug(
        "believes signatures unchecked", believes_signatures_unchecked, (PREPARED, "a certificate with a bad signature")
    ),
    PlantedBug(
        "takes another body for a certified block",
        takes_another_body_for_a_certified_block,
        ("diverged", "raised InvalidBlock", "two outcomes of one block"),
    ),
    PlantedBug(
        "lets a transaction in twice",
        checks_no_transaction_twice,
        (INVALID, "committed twice", "two outcomes of one block"),
    ),
    PlantedBug("checks no header", checks_no_header, (INVALID, "raised KeyError")),
    PlantedBug("takes expired transactions", takes_expired_transactions, (INVALID,)),
    PlantedBug("convicts for votes in two views", convicts_for_votes_in_two_views, (FRAMED,)),
    PlantedBug("convicts all who commit and leave", convicts_all_who_commit_and_leave, (FRAMED,)),
    PlantedBug("takes any damage of the log for a torn end", cuts_off_any_damage, (FORGOT, SLOT, LEFT)),
    PlantedBug("ignores testimony", ignores_testimony, (FORGOT,)),
    PlantedBug("never declares that votes were lost", never_declares_lost_votes, (FORGOT, RECOVERY)),
    PlantedBug("does not wait for testimony", does_not_wait_for_testimony, (FORGOT,)),
    PlantedBug("chooses the lowest prepared certificate", chooses_the_lowest_prepared, (NEW_VIEW,)),
    PlantedBug("never looks at the clock", never_looks_at_the_clock, (DRIFTED,)),
)
