"""View changes (section 4.4): leaving a view that does not decide, and entering the next one together.

A replica that sends VIEW-CHANGE for view v votes in no lower view. The primary of v enters it with a quorum of such
messages, its NEW-VIEW shows them, and what they have prepared obliges everyone (rules.choice_of). Liveness follows
section 4.5.2: timeouts double, a view's timer waits for a quorum to be there, and f + 1 others that have gone on pull
a replica after them; f liars can neither hurry nor hold anyone (rule 6).
"""

from chain.types import View
from consensus.pbft.events import Send, ViewChanged, ViewEntered
from consensus.pbft.messages import RANKED_KINDS, Kind, NewView, ViewChange
from consensus.pbft.normal import UNSIGNED
from consensus.pbft.rules import choice_of, timeout_of, view_to_join
from consensus.pbft.state import FIRST_VIEW, State, say, view_changes_of


def timer_runs(state: State) -> bool:
    """Tell whether time counts: an entered view with work to do, or a view that a quorum strives for."""
    current = state.round
    if not state.may_speak or current.certificate is not None or current.decided is not None:
        return False
    if current.entered:
        return state.has_pending or current.accepted is not None or current.stirred
    striving = sum(change.view >= current.view for change in current.slots.view_changes.values())
    return striving >= state.validators.quorum


def count_tick(state: State) -> bool:
    """Advance the view's timer, and leave the view when it has run out; return whether it was left."""
    current = state.round
    current.timer = current.timer + 1 if timer_runs(state) else 0
    if current.timer < timeout_of(state.config, current.view):
        return False
    leave_view(state, View(current.view + 1))
    return True


def leave_view(state: State, view: View) -> None:
    """Strive for a higher view: send VIEW-CHANGE with the last certificate and the highest prepared one."""
    current = state.round
    assert view > current.view, "views only grow within a height"
    _begin(state, view, entered=False)
    where = (state.config.chain_id, state.validators.epoch, current.height, view)
    say(state, ViewChange(*where, state.head.certificate, current.prepared, state.own_id, UNSIGNED))
    state.out.report.append(ViewChanged(current.height, view))


def leave_refused_view(state: State) -> bool:
    """Leave at once a view whose proposal is invalid: every honest replica finds it so."""
    current = state.round
    if current.refused != current.view or not current.entered or not state.may_speak:
        return False
    leave_view(state, View(current.view + 1))
    return True


def complain(state: State) -> bool:
    """Leave view 0 of a new height at once while its primary is thought to leave a transaction out (rule 8).

    Only before anything is voted on, and never against oneself. Up to f complaints change nothing: the others decide
    without their votes. Of f + 1 one is honest, and all others join it.
    """
    current = state.round
    is_new = current.view == FIRST_VIEW and current.accepted is None and current.certificate is None
    if not state.complains or not is_new or not state.may_speak or state.primary_of(FIRST_VIEW) == state.own_id:
        return False
    leave_view(state, View(1))
    return True


def join_view(state: State) -> bool:
    """Follow f + 1 others to the smallest view among theirs."""
    changes = state.round.slots.view_changes.values()
    ahead = [change.view for change in changes if change.view > state.round.view and change.signer != state.own_id]
    target = view_to_join(ahead, state.validators.faults_max)
    if target is None or not state.may_speak:
        return False
    leave_view(state, target)
    return True


def make_new_view(state: State) -> bool:
    """As primary of the view that is striven for, send NEW-VIEW once a quorum strives for exactly this view."""
    current = state.round
    if current.entered or not state.may_speak or state.primary_of(current.view) != state.own_id:
        return False
    changes = [change for change in view_changes_of(state) if change.view == current.view]
    if len(changes) < state.validators.quorum or state.own_view(Kind.NEW_VIEW) >= current.view:
        return False
    where = (state.config.chain_id, state.validators.epoch, current.height, current.view)
    say(state, NewView(*where, tuple(changes[: state.validators.quorum]), state.own_id, UNSIGNED))
    return True


def enter_view(state: State) -> bool:
    """Enter the highest view for which a NEW-VIEW is here, if it is not below the own one.

    A replica enters also without having sent VIEW-CHANGE for it: a quorum has, which is proof enough.
    """
    current = state.round
    if not current.slots.new_views:
        return False
    new_view = max(current.slots.new_views.values(), key=lambda message: message.view)
    if new_view.view < current.view or (new_view.view == current.view and current.entered):
        return False
    _begin(state, new_view.view, entered=True)
    current.forced = choice_of(new_view.view_changes)
    forced = None if current.forced is None else current.forced.subject.block_hash
    state.out.report.append(ViewEntered(current.height, current.view, new_view.signer, forced))
    return True


def resend(state: State, to: tuple[str, ...]) -> None:
    """Send the latest own messages of the height again, in their stored form (rule 7)."""
    if not state.may_speak:
        return
    recipients = tuple(validator for validator in state.others if validator in to)
    for kind in sorted(RANKED_KINDS):
        message = state.own(kind)
        if message is not None and recipients:
            state.out.send.append(Send(recipients, message))


def _begin(state: State, view: View, *, entered: bool) -> None:
    current = state.round
    current.view = view
    current.entered = entered
    current.forced = None
    current.accepted = None
    current.asked_to_propose = False
    current.stirred = False
    current.timer = 0
    if current.certificate is None:
        # What failed here may work by now: each view is one more attempt, and timeouts keep them apart.
        current.faults.clear()
