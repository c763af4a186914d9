"""The checker of registers: accepts what some order explains, refuses what none does."""

import itertools
import random

import pytest

from cli.chaos.linearizability import Kind, Operation, is_linearizable, unlinearizable_keys


def read(invoked: float, returned: float | None, result: int | None) -> Operation:
    return Operation("x", Kind.READ, invoked, returned, result=result)


def write(invoked: float, returned: float | None, value: int) -> Operation:
    return Operation("x", Kind.WRITE, invoked, returned, value=value)


def swap(invoked: float, returned: float | None, expected: int, value: int, done: bool | None) -> Operation:
    return Operation("x", Kind.SWAP, invoked, returned, value, expected, done)


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        ([], True),
        ([read(0, 1, 0)], True),
        ([read(0, 1, 5)], False),
        ([write(0, 1, 5), read(2, 3, 5)], True),
        ([write(0, 1, 5), read(2, 3, 0)], False),
        ([write(0, 3, 5), read(1, 2, 0)], True),
        ([write(0, 3, 5), read(1, 2, 5)], True),
        ([write(0, 10, 5), read(1, 2, 5), read(3, 4, 0)], False),
        ([write(0, None, 5), read(1, 2, 0), read(3, 4, 5), read(5, 6, 5)], True),
        ([write(0, None, 5), read(1, 2, 5), read(3, 4, 0)], False),
        ([write(5, None, 5), read(1, 2, 5)], False),
        ([swap(0, 1, 0, 7, True), read(2, 3, 7)], True),
        ([swap(0, 1, 0, 7, False)], False),
        ([swap(0, 2, 0, 1, True), swap(1, 3, 0, 2, True)], False),
        ([swap(0, 2, 0, 1, True), swap(1, 3, 0, 2, False)], True),
        ([swap(0, None, 0, 1, None), swap(1, 3, 1, 2, True)], True),
        ([write(0, 9, 1), write(0, 9, 2), read(1, 2, 1), read(3, 4, 2), read(5, 6, 1)], False),
    ],
)
def test_verdicts(history: list[Operation], verdict: bool) -> None:
    assert is_linearizable(history) is verdict


@pytest.mark.parametrize("seed", range(300))
def test_agrees_with_trying_every_order(seed: int) -> None:
    chance = random.Random(seed)
    history: list[Operation] = []
    for _ in range(chance.randint(1, 5)):
        start = chance.uniform(0, 4)
        end = None if chance.random() < 0.2 else start + chance.uniform(0, 4)
        number = chance.randint(0, 2)
        match chance.randrange(3):
            case 0:
                history.append(read(start, end, number))
            case 1:
                history.append(write(start, end, number))
            case _:
                history.append(swap(start, end, number, chance.randint(0, 2), chance.random() < 0.5 if end else None))
    assert is_linearizable(history) is explained(history)


def explained(history: list[Operation]) -> bool:
    """Try every order of everything known and every choice of what is not."""
    known = [operation for operation in history if operation.returned is not None]
    unknown = [operation for operation in history if operation.returned is None]
    for count in range(len(unknown) + 1):
        for some in itertools.combinations(unknown, count):
            for order in itertools.permutations([*known, *some]):
                if keeps_time(order) and plays(order):
                    return True
    return False


def keeps_time(order: tuple[Operation, ...]) -> bool:
    return not any(
        later.returned is not None and later.returned < earlier.invoked
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def plays(order: tuple[Operation, ...]) -> bool:
    value = 0
    for operation in order:
        known = operation.returned is not None
        if operation.kind is Kind.READ:
            if known and operation.result != value:
                return False
        elif operation.kind is Kind.WRITE:
            value = operation.value
        else:
            if known and operation.result != (operation.expected == value):
                return False
            value = operation.value if operation.expected == value else value
    return True


def test_a_long_history_with_few_clients_is_judged_quickly() -> None:
    chance = random.Random(5)
    history: list[Operation] = []
    value, time = 0, 0.0
    for number in range(2_000):
        moment = time + 1
        start, end = moment - chance.uniform(0, 3), moment + chance.uniform(0, 3)
        if chance.random() < 0.5:
            value = number
            history.append(write(start, end, number))
        else:
            history.append(read(start, end, value))
        time = moment
    assert is_linearizable(history)
    stale = read(time + 10, time + 11, -1)
    assert not is_linearizable([*history, stale])


def test_keys_are_judged_apart() -> None:
    good = Operation("a", Kind.READ, 0, 1, result=0)
    bad = Operation("b", Kind.READ, 0, 1, result=9)
    assert unlinearizable_keys([good, bad]) == ["b"]
