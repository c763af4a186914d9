"""Normal case operation (section 4.2): PRE-PREPARE, PREPARE, COMMIT, decision.

Each function is one transition: it looks whether its conditions hold, takes the step, and tells whether it did. The
conditions are the paper's predicates: a proposal is accepted once a view; `prepared` means the proposal, its body and
a quorum of PREPAREs with the own result; `committed` means a quorum of equal COMMITs of whichever view. A vote is cast
only on a block whose body is here and was executed here, because the vote says so (rule 3).
"""

from chain.certificate import Certificate, Phase, Subject
from chain.crypto import SIGNATURE_BYTES
from chain.encoding import encode
from chain.receipt import BlockResult
from chain.types import Digest, Signature, ValidatorId
from consensus.pbft.events import (
    BadProposal,
    CannotExecute,
    Decide,
    Diverged,
    Execute,
    FetchBody,
    Proposal,
    ProposeBlock,
)
from consensus.pbft.messages import Kind, PrePrepare, Ranked, Vote
from consensus.pbft.records import Record, RecordKind
from consensus.pbft.rules import certificate_of, fresh_header_fault, header_fault
from consensus.pbft.state import (
    BLOCKS_MAX,
    EXECUTING_MAX,
    Accepted,
    State,
    doubt_logged_result,
    keep_body,
    log_heard,
    note_decided,
    note_invalid,
    say,
)

UNSIGNED = Signature(bytes(SIGNATURE_BYTES))
"""Stands where `say` puts the signature."""

CERTIFIED_FAULTS_MAX = 2
"""Local faults on a block that a certificate decided before the replica gives up."""


def ask_for_proposal(state: State) -> bool:
    """Ask the host for a fresh block when it is this replica's turn and work is pending; there are no empty blocks."""
    current = state.round
    is_due = (
        state.may_speak
        and current.entered
        and current.forced is None
        and current.accepted is None
        and state.has_pending
        and not current.asked_to_propose
        and state.primary_of(current.view) == state.own_id
        and state.own_view(Kind.PRE_PREPARE) < current.view
    )
    if is_due:
        current.asked_to_propose = True
        state.out.fetch.append(ProposeBlock(current.height, current.view))
    return is_due


def propose(state: State, proposal: Proposal) -> None:
    """Send PRE-PREPARE for the host's block, unless its height or view has passed meanwhile."""
    current = state.round
    if (proposal.height, proposal.view) != (current.height, current.view) or not current.asked_to_propose:
        return
    if current.decided is not None or not state.may_speak:
        return
    header = proposal.block.header
    fault = fresh_header_fault(header, state.head, state.config, state.own_id)
    assert fault is None, f"the own host built a block with {fault}"
    assert current.entered and current.forced is None, "a view that was asked for a fresh block has no other"
    keep_body(state, proposal.block)
    _log_body(state, proposal.block.block_hash)
    where = (state.config.chain_id, state.validators.epoch, current.height, current.view)
    say(state, PrePrepare(*where, header.encoded(), state.own_id, UNSIGNED), proposal.block)


def accept_proposal(state: State) -> bool:
    """Accept the block that the view is obliged to propose, or else the primary's PRE-PREPARE."""
    current = state.round
    if not current.entered or current.accepted is not None or current.refused == current.view:
        return False
    if current.forced is not None:
        block_hash = current.forced.subject.block_hash
        current.accepted = Accepted(current.view, block_hash, current.forced, _holders(state, current.forced))
        return True
    primary = state.primary_of(current.view)
    proposal = current.slots.pre_prepares.get(primary)
    if proposal is None or proposal.view != current.view:
        return False
    fault = fresh_header_fault(proposal.decoded_header, state.head, state.config, primary)
    if fault is not None:
        _refuse(state, fault)
    else:
        current.accepted = Accepted(current.view, proposal.block_hash, None, (primary,))
    return True


def fetch_body(state: State) -> bool:
    """Ask for the body of an accepted or certified block that is not here."""
    current = state.round
    for block_hash, candidates in _wanted(state).items():
        is_wanted = block_hash not in current.bodies and block_hash not in current.fetching
        if is_wanted and len(current.fetching) < BLOCKS_MAX:
            current.fetching.add(block_hash)
            state.out.fetch.append(FetchBody(current.height, block_hash, candidates))
            return True
    return False


def execute(state: State) -> bool:
    """Have an accepted or certified block executed; the header of a fresh one was checked when it was accepted."""
    current, accepted = state.round, state.round.accepted
    for block_hash in _wanted(state):
        block = current.bodies.get(block_hash)
        is_known = block_hash in current.results or block_hash in current.invalid or block_hash in current.executing
        if block is None or is_known or current.faults.get(block_hash, 0) >= _tries(state, block_hash):
            continue
        is_checked = accepted is not None and accepted.forced is None and accepted.block_hash == block_hash
        fault = None if is_checked else header_fault(block.header, state.head, state.config)
        if fault is not None:
            note_invalid(state, block_hash, fault)
        elif len(current.executing) >= EXECUTING_MAX:
            return False
        else:
            current.executing.add(block_hash)
            state.out.fetch.append(Execute(block))
        return True
    return False


def judge_invalid(state: State) -> bool:
    """Give up the view of an invalid fresh proposal; stop if a quorum has vouched for what is invalid here."""
    current = state.round
    if current.certificate is not None and current.certificate.subject.block_hash in current.invalid:
        return diverge(state, current.certificate, None)
    accepted = current.accepted
    if accepted is None or accepted.block_hash not in current.invalid:
        return False
    if accepted.forced is not None:
        return diverge(state, accepted.forced, None)
    _refuse(state, current.invalid[accepted.block_hash])
    return True


def prepare(state: State) -> bool:
    """Send PREPARE for the accepted block once it was executed; body and own result are written before."""
    current = state.round
    accepted = current.accepted
    if accepted is not None and accepted.forced is not None:
        doubt_logged_result(state, accepted.forced)
    result = None if accepted is None else current.results.get(accepted.block_hash)
    if accepted is None or result is None or not current.entered:
        return False
    if accepted.forced is not None and accepted.forced.subject.result_hash != result.result_hash:
        return diverge(state, accepted.forced, result)
    if not state.may_speak or state.own_view(Kind.PREPARE) >= current.view:
        return False
    assert accepted.view == current.view, "the accepted proposal belongs to the view"
    _log_body(state, accepted.block_hash)
    logged_result = encode([accepted.block_hash, result.encoded()])
    state.out.persist.append(Record(RecordKind.RESULT, current.height, logged_result))
    for message in _grounds_of(state, accepted):
        log_heard(state, message)
    _vote(state, Phase.PREPARE, accepted.block_hash, result)
    return True


def commit(state: State) -> bool:
    """Send COMMIT once the block is prepared here; the prepared certificate is written before."""
    current = state.round
    accepted = current.accepted
    if len(current.slots.prepares) < state.head.validators.quorum:
        # This is asked after each vote: the cheapest first.
        return False
    if accepted is None or not current.entered or state.own_view(Kind.PREPARE) != current.view:
        return False
    if state.own_view(Kind.COMMIT) >= current.view or not state.may_speak:
        return False
    prepares = [vote for vote in current.slots.prepares.values() if vote.view == current.view]
    equal = [vote for vote in prepares if vote.subject.block_hash == accepted.block_hash]
    certificate = certificate_of(equal, state.validators.quorum)
    if certificate is None:
        return False
    doubt_logged_result(state, certificate)
    result = current.results.get(accepted.block_hash)
    if result is None:
        return False
    if certificate.subject.result_hash != result.result_hash:
        return diverge(state, certificate, result)
    assert current.prepared is None or current.prepared.subject.view < current.view, "only a higher one replaces it"
    current.prepared = certificate
    state.out.persist.append(Record(RecordKind.PREPARED, current.height, certificate.encoded()))
    _vote(state, Phase.COMMIT, accepted.block_hash, result)
    return True


def certify(state: State) -> bool:
    """Make the block's certificate of a quorum of equal COMMITs; it decides in any view, also in a view change."""
    current = state.round
    if current.certificate is not None:
        return False
    commits, quorum = current.slots.commits, state.head.validators.quorum
    if len(commits) >= quorum:
        current.certificate = certificate_of(commits.values(), quorum)
    return current.certificate is not None


def decide(state: State) -> bool:
    """Decide the certified block once its body and the own, equal result are here."""
    current = state.round
    if current.certificate is None:
        return False
    subject = current.certificate.subject
    block = current.bodies.get(subject.block_hash)
    doubt_logged_result(state, current.certificate)
    result = current.results.get(subject.block_hash)
    if result is not None and result.result_hash != subject.result_hash:
        return diverge(state, current.certificate, result)
    if current.faults.get(subject.block_hash, 0) >= CERTIFIED_FAULTS_MAX:
        state.halted = "cannot_execute"
        state.out.report.append(CannotExecute(subject.height, subject.block_hash))
        return True
    if block is None or result is None:
        return False
    conclude(state, Decide(block, result, current.certificate))
    return True


def conclude(state: State, decision: Decide) -> None:
    """End the height: nothing more is said about it."""
    state.round.decided = decision.certificate
    note_decided(state, state.round.height)
    state.out.decide.append(decision)


def diverge(state: State, certificate: Certificate, own: BlockResult | None) -> bool:
    """Stop: a quorum found another outcome than this replica, and nothing here may overwrite either (rule 3)."""
    subject = certificate.subject
    own_hash = None if own is None else own.result_hash
    state.halted = "diverged"
    state.out.report.append(Diverged(subject.height, subject.block_hash, own_hash, subject.result_hash))
    return True


def _vote(state: State, phase: Phase, block_hash: Digest, result: BlockResult) -> None:
    where = (state.config.chain_id, state.validators.epoch, state.round.height, state.round.view)
    say(state, Vote(phase, Subject(*where, block_hash, result.result_hash), state.own_id, UNSIGNED))


def _refuse(state: State, code: str) -> None:
    current = state.round
    primary = state.primary_of(current.view)
    message = current.slots.pre_prepares.get(primary)
    if message is not None and message.view != current.view:
        # It has gone on since, or this replica has restarted.
        message = None
    current.refused = current.view
    current.accepted = None
    state.out.report.append(BadProposal(current.height, current.view, primary, code, message))


def _grounds_of(state: State, accepted: Accepted) -> list[Ranked]:
    """Return the primary's messages that made this replica accept a block: NEW-VIEW, PRE-PREPARE or both."""
    slots, primary = state.round.slots, state.primary_of(accepted.view)
    found = [slots.get(primary, kind) for kind in (Kind.NEW_VIEW, Kind.PRE_PREPARE)]
    return [message for message in found if message is not None and message.view == accepted.view]


def _log_body(state: State, block_hash: Digest) -> None:
    current = state.round
    if block_hash not in current.logged:
        current.logged.add(block_hash)
        state.out.persist.append(Record(RecordKind.BODY, current.height, current.bodies[block_hash].raw))


def _wanted(state: State) -> dict[Digest, tuple[ValidatorId, ...]]:
    """Return the blocks whose body and result are needed, with who should have the body."""
    current = state.round
    wanted: dict[Digest, tuple[ValidatorId, ...]] = {}
    if current.certificate is not None:
        wanted[current.certificate.subject.block_hash] = _holders(state, current.certificate)
    if current.accepted is not None:
        wanted.setdefault(current.accepted.block_hash, current.accepted.candidates)
    return wanted


def _holders(state: State, certificate: Certificate) -> tuple[ValidatorId, ...]:
    """Return the others that signed a certificate: the honest among them had the body."""
    return tuple(signer for signer, _ in certificate.signatures if signer != state.own_id)


def _tries(state: State, block_hash: Digest) -> int:
    certificate = state.round.certificate
    is_certified = certificate is not None and certificate.subject.block_hash == block_hash
    return CERTIFIED_FAULTS_MAX if is_certified else 1
