"""What tests of contracts import: `from tallystick.testing import Ledger`. With pytest, the fixture `ledger` is one."""

from chain.runtime import CallOutcome, Event
from tallystick.testing.failures import CallFailed, WrongFailure
from tallystick.testing.handles import Contract, Method
from tallystick.testing.ledger import Ledger, Snapshot

__all__ = ["CallFailed", "CallOutcome", "Contract", "Event", "Ledger", "Method", "Snapshot", "WrongFailure"]
