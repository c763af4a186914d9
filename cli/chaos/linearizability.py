"""Decides whether a history of a register could have happened one operation at a time (linearizability).

Herlihy and Wing, "Linearizability: a correctness condition for concurrent objects" (1990): every operation must seem
to take effect at one moment between its invocation and its return. The search is Wing and Gong's with Lowe's memory of
what was tried ("Testing for linearizability", 2017): a set of operations that have taken effect and the value they
leave are tried once. Registers are independent, so each key is judged by itself. An operation whose outcome nobody
knows may take effect at any time after its invocation, or never.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from chain.values import dataclass

INITIAL: Final = 0
"""What a register holds before anything was written to it."""

STEPS_MAX: Final = 5_000_000
"""Bounds the search, which is exponential in the number of operations that overlap."""


class Kind(StrEnum):
    """What a client may ask of a register."""

    READ = "read"
    WRITE = "write"
    SWAP = "swap"
    """Write a value if the register holds the expected one; tell whether it did."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as its client saw it."""

    key: str
    kind: Kind
    invoked: float
    """Seconds on the clock of all clients."""
    returned: float | None
    """None if the outcome is unknown."""
    value: int = 0
    """What is written."""
    expected: int = 0
    result: int | bool | None = None
    """What a read returned, or whether a swap wrote."""


class SearchTooLong(Exception):
    """The history has too many operations at once to be judged within STEPS_MAX steps."""

    def __init__(self, key: str, operations: int) -> None:
        super().__init__(f"register {key}: {operations} operations overlap too much to be judged")
        self.key = key


def unlinearizable_keys(operations: Iterable[Operation]) -> list[str]:
    """Return the keys whose operations cannot have happened one at a time, sorted.

    Raises:
        SearchTooLong: when a key's history cannot be judged.
    """
    by_key: dict[str, list[Operation]] = {}
    for operation in operations:
        by_key.setdefault(operation.key, []).append(operation)
    return sorted(key for key, own in by_key.items() if not is_linearizable(own))


def is_linearizable(operations: Sequence[Operation]) -> bool:
    """Tell whether operations on one register could have happened one at a time.

    Raises:
        SearchTooLong: when that cannot be decided within STEPS_MAX steps.
    """
    history = sorted(operations, key=lambda operation: operation.invoked)
    everything_known = sum(1 << number for number, operation in enumerate(history) if operation.returned is not None)
    tried: set[tuple[int, int]] = set()
    stack: list[tuple[int, int]] = [(0, INITIAL)]
    while stack:
        state = stack.pop()
        if state in tried:
            continue
        tried.add(state)
        if len(tried) > STEPS_MAX:
            raise SearchTooLong(history[0].key, len(history))
        done, value = state
        if done & everything_known == everything_known:
            return True
        for number in _next_candidates(history, done):
            after = _effect(history[number], value)
            if after is not None:
                stack.append((done | 1 << number, after))
    return False


def _next_candidates(history: Sequence[Operation], done: int) -> list[int]:
    """Return what may take effect next: whatever was invoked before the first return among what is left."""
    candidates: list[int] = []
    deadline = float("inf")
    first = (~done & (done + 1)).bit_length() - 1
    for number in range(first, len(history)):
        operation = history[number]
        if operation.invoked > deadline:
            break
        if not done >> number & 1:
            candidates.append(number)
            if operation.returned is not None:
                deadline = min(deadline, operation.returned)
    return [number for number in candidates if history[number].invoked <= deadline]


def _effect(operation: Operation, value: int) -> int | None:
    """Return the value that an operation leaves behind, None if it cannot have seen this one."""
    known = operation.returned is not None
    match operation.kind:
        case Kind.READ:
            return value if not known or operation.result == value else None
        case Kind.WRITE:
            return operation.value
    swaps = operation.expected == value
    if known and operation.result is not swaps:
        return None
    return operation.value if swaps else value
