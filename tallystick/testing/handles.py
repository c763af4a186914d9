"""Contracts as a test sees them: methods that are called like those of any Python object."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Protocol

from chain.runtime import CallOutcome
from chain.values import dataclass
from contracts.engine.module import CALL, VIEW, Function, Module


@dataclass(frozen=True, slots=True)
class Request:
    """One call of one method."""

    contract: str
    method: str
    kind: str
    """contracts.engine.module.CALL or VIEW."""
    args: tuple[Any, ...]
    names: tuple[str, ...]
    """Names of the method's parameters."""
    sender: str | None
    """None for whoever deployed the contract."""
    gas_limit: int | None
    """None for the ledger's own."""


class Host(Protocol):
    """What carries out the calls: the ledger."""

    def module_of(self, contract: str) -> Module:
        """Return what a deployed contract declares."""
        ...

    def carry_out(self, request: Request) -> Any:
        """Return the value of a call, or raise CallFailed."""
        ...

    def attempt(self, request: Request) -> CallOutcome:
        """Return the outcome of a call, be it a failure."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Contract:
    """A deployed contract; its methods are attributes, and `contract["by"]` reaches one that is named like ours.

    A call comes from the member that `by` names, otherwise from whoever deployed the contract.
    """

    _host: Host
    _name: str
    _sender: str | None = None
    _gas_limit: int | None = None

    def by(self, member: str, *, gas_limit: int | None = None) -> "Contract":
        """Return the same contract, called by a member from now on, with a gas limit if one is given.

        Raises:
            ValueError: when this is no member id.
        """
        check_member(member)
        return replace(self, _sender=member, _gas_limit=gas_limit)

    def __getitem__(self, method: str) -> "Method":
        functions = reachable(self._host.module_of(self._name))
        if method not in functions:
            raise AttributeError(_unknown(self._name, method, functions))
        return Method(self, functions[method])

    def __getattr__(self, method: str) -> "Method":
        if method.startswith("_"):
            raise AttributeError(method)
        return self[method]

    def __dir__(self) -> list[str]:
        return ["by", *reachable(self._host.module_of(self._name))]

    def __repr__(self) -> str:
        return f"<contract {self._name}>"


@dataclass(frozen=True, slots=True, repr=False)
class Method:
    """A method of a deployed contract."""

    _contract: Contract
    _function: Function

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Carry out the call in a block of its own, or in the transaction that is open, and return its value.

        Raises:
            CallFailed: when the call failed; then nothing of it remains.
        """
        __tracebackhide__ = True
        return self._contract._host.carry_out(self._request(args, named))

    def outcome(self, *args: Any, **named: Any) -> CallOutcome:
        """Carry out the call and return what became of it: code, value, events and gas. Does not raise CallFailed."""
        return self._contract._host.attempt(self._request(args, named))

    @property
    def contract(self) -> str:
        """Name of the contract."""
        return self._contract._name

    @property
    def name(self) -> str:
        """Name of the method."""
        return self._function.name

    def __repr__(self) -> str:
        return f"<method {self._contract._name}.{self._function.name}>"

    def _request(self, args: Sequence[Any], named: dict[str, Any]) -> Request:
        names = tuple(name for name, _ in self._function.parameters)
        contract = self._contract
        values = in_order(f"{contract._name}.{self._function.name}", names, args, named)
        return Request(
            contract._name,
            self._function.name,
            self._function.kind,
            values,
            names,
            contract._sender,
            contract._gas_limit,
        )


def reachable(module: Module) -> dict[str, Function]:
    """Return the functions that can be called from outside."""
    return {name: function for name, function in module.functions.items() if function.kind in (CALL, VIEW)}


def check_member(member: str) -> None:
    """Raise ValueError unless a text is a member id."""
    organisation, point, name = member.partition(".")
    if not (organisation and point and name):
        raise ValueError(f"{member!r} is no member id; write organisation.name, such as acme.alice")


def in_order(call: str, names: Sequence[str], args: Sequence[Any], named: dict[str, Any]) -> tuple[Any, ...]:
    """Return the arguments of a call in the order of its parameters.

    Maps in them are put in the order of their keys, as those that reach a ledger are.
    Positional arguments alone go through as they are, so that a test can show what a wrong number leads to.

    Raises:
        TypeError: when the named ones do not fit.
    """
    if not named:
        return tuple(map(_as_sent, args))
    rest = names[len(args) :]
    if set(named) != set(rest):
        given = ", ".join([*("..." for _ in args), *(f"{name}=" for name in named)])
        raise TypeError(f"{call} takes ({', '.join(names)}), not ({given})")
    return tuple(map(_as_sent, (*args, *(named[name] for name in rest))))


def _as_sent(value: Any) -> Any:
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _as_sent(value[key]) for key in sorted(value)}
    return [_as_sent(item) for item in value] if isinstance(value, list) else value


def _unknown(contract: str, method: str, functions: dict[str, Function]) -> str:
    close = get_close_matches(method, functions, 1)
    hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(functions)}"
    return f"{contract} has no method {method} that can be called from outside; {hint}"
