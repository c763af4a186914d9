"""Property tests of contracts with hypothesis: sequences of calls by several members, and what must hold after each.

def test_nothing_is_lost(ledger):
    alice, bob = ledger.member("acme.alice"), ledger.member("bolt.bob")
    token = ledger.deploy("token", "coins.py", 1_000, by=alice)

    def supply_is_constant():
        assert sum(ledger.entries("token", "balances").values()) == 1_000

    explore(ledger, invariants=[supply_is_constant])
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

from contracts.engine.errors import CONTRACT_ERROR, OUT_OF_GAS
from tallystick.testing.handles import Method
from tallystick.testing.ledger import Ledger
from tallystick.testing.shortening import shortened
from tallystick.testing.steps import Call, Overrides, Pass, Target, argument_values, calls_of, passing_time, targets_of
from tallystick.testing.stories import Exploration, Fault, Invariant, Teller
from tallystick.testing.strategies import values_of

MISTAKES: Final = frozenset((CONTRACT_ERROR, OUT_OF_GAS))
"""Codes that say nothing to a client: a contract refuses with codes of its own."""

SHORT: Final = 4
"""Steps of a short story."""


class Counterexample(AssertionError):
    """A shortest sequence of calls after which something does not hold."""


class NeverSucceeded(AssertionError):
    """An exploration tried methods in vain, so it says nothing of them."""


def arguments_of(ledger: Ledger, method: Method, *, members: Sequence[str] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the arguments of one method, by name: `token.transfer(**data.draw(arguments_of(...)))`."""
    module = ledger.module_of(method.contract)
    texts = list(members) or ledger.members
    parameters = module.functions[method.name].parameters
    return st.fixed_dictionaries({name: values_of(kind, module, texts) for name, kind in parameters})


def explore(
    ledger: Ledger,
    *,
    invariants: Sequence[Invariant],
    members: Sequence[str] = (),
    methods: Collection[str] = (),
    arguments: Overrides | None = None,
    tolerate: Collection[str] = (),
    may_never_succeed: Collection[str] = (),
    time_passes: bool = True,
    steps: int = 40,
    stories: int = 100,
    random_seed: int = 0,
) -> Exploration:
    """Call the methods of the deployed contracts in many different sequences and check the invariants after each call.

    Every story begins at this moment of the ledger and is undone afterwards. The same seed gives the same stories, with
    the same hypothesis in the same project.

    Args:
        members: who calls; by default everybody whom the ledger knows.
        methods: names such as "transfer" or "token.transfer"; by default all that are marked @call.
        arguments: strategies for parameters instead of those that follow from their types.
        steps: calls in a story, at most.
        tolerate: codes out of MISTAKES that are no finding.
        may_never_succeed: methods of which no call has to succeed; of every other one some call must.

    Raises:
        Counterexample: with the shortest sequence of calls that was found.
        NeverSucceeded: when some method was tried in vain.
    """
    __tracebackhide__ = True
    callers = list(members) or ledger.members
    if not callers:
        raise ValueError("nobody can call: enter members with ledger.member(...), or name some with members=[...]")
    targets = {(target.contract, target.function.name): target for target in _targets(ledger, methods)}
    chosen = arguments or {}
    teller = Teller(ledger, invariants, frozenset(MISTAKES) - set(tolerate))
    calls = [calls_of(target, callers, chosen) for target in targets.values()]
    step = st.one_of(*calls, passing_time(targets.values())) if time_passes else st.one_of(*calls)

    def values(call: Call, name: str) -> st.SearchStrategy[Any]:
        return argument_values(targets[call.contract, call.method], name, callers, chosen)[0]

    try:
        _tell_stories(teller, step, steps, stories, random_seed)
    except Fault as fault:
        raise Counterexample(f"{shortened(fault, teller, values, callers)}\n(explored with {random_seed=})") from None
    finally:
        teller.rewind()
    names = [f"{contract}.{method}" for contract, method in targets]
    missing = [name for name in names if not teller.tried.succeeded[name] and not _named(name, may_never_succeed)]
    if missing:
        raise NeverSucceeded(_vain(missing, teller.tried))
    return teller.tried


def _tell_stories(
    teller: Teller, step: st.SearchStrategy[Call | Pass], steps: int, stories: int, random_seed: int
) -> None:
    @seed(random_seed)
    @settings(
        max_examples=stories,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    # Long stories are asked for, because hypothesis makes long lists rarely.
    @given(
        st.lists(step, min_size=steps // 2, max_size=steps)
        | st.lists(step, min_size=steps // 4, max_size=steps)
        | st.lists(step, max_size=min(SHORT, steps))
    )
    def tell(plan: list[Call | Pass]) -> None:
        teller.tell(plan)

    tell()


def _targets(ledger: Ledger, wanted: Collection[str]) -> list[Target]:
    """Return the methods to explore.

    Raises:
        ValueError: when a wanted one does not exist, or there is none.
    """
    found = [target for name in ledger.contracts for target in targets_of(name, ledger.module_of(name))]
    names = [f"{target.contract}.{target.function.name}" for target in found]
    unknown = [name for name in wanted if not any(_named(known, [name]) for known in names)]
    if unknown or not found:
        raise ValueError(f"no method {', '.join(unknown)} is marked @call; there are: {', '.join(names) or 'none'}")
    return [target for target, name in zip(found, names, strict=True) if not wanted or _named(name, wanted)]


def _named(name: str, among: Collection[str]) -> bool:
    """Tell whether contract.method is among names that may lack the contract."""
    return name in among or name.partition(".")[2] in among


def _vain(missing: Sequence[str], tried: Exploration) -> str:
    lines = ["no call of these methods succeeded, so the invariants were not tested with them:"]
    for name in missing:
        codes = [f"{code} {count} times" for (method, code), count in tried.failed.most_common() if method == name]
        lines.append(f"  {name}: {', '.join(codes) or 'never tried'}")
    return "\n".join([*lines, "give arguments={...}, members with the right roles, or may_never_succeed=[...]"])
