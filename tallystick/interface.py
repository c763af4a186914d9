"""What a node says of a contract's interface, and calls that are checked against it before they are signed."""

from typing import Any

from chain.abi import Abi, AbiError, arguments_in_order, check_value, checked_abi, method_of, reachable_method
from chain.transaction import Call
from chain.values import dataclass
from tallystick.errors import TallystickError


class InvalidCall(TallystickError):
    """A call that the contract would refuse; nothing was sent. Says which argument of which method is wrong."""

    code = "invalid_call"


@dataclass(frozen=True, slots=True)
class Interface:
    """The interface of a contract (docs/contracts/abi.md). It is not proven: a wrong one costs a failed call."""

    contract: str
    version: int
    abi: Abi

    def call(self, method: str, *args: Any, **named: Any) -> Call:
        """Return a call of a method that changes state, its arguments given in order or by name.

        Raises:
            InvalidCall: when there is no such method, or the arguments are not its own.
        """
        return Call(self.contract, method, tuple(self._arguments(method, "call", args, named)))

    def view_arguments(self, method: str, *args: Any, **named: Any) -> list[Any]:
        """Return the arguments of a view in order, for `evaluate`.

        Raises:
            InvalidCall: as `call` does.
        """
        return self._arguments(method, "view", args, named)

    def methods(self) -> list[str]:
        """Return the names of all methods that can be called or queried."""
        return [entry["name"] for entry in self.abi["methods"] if entry["kind"] in ("call", "view")]

    def is_view(self, method: str) -> bool:
        """Tell whether a method is queried rather than sent.

        Raises:
            InvalidCall: when there is no such method; says what there is.
        """
        try:
            return bool(reachable_method(self.abi, self.contract, method)["kind"] == "view")
        except AbiError as error:
            raise InvalidCall(str(error)) from error

    def _arguments(self, method: str, kind: str, args: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        try:
            paired = arguments_in_order(method_of(self.abi, self.contract, method, kind), args, named)
            for param, value in paired:
                check_value(self.abi, param["type"], value, f"{self.contract}.{method}: {param['name']}")
        except AbiError as error:
            raise InvalidCall(str(error)) from error
        return [value for _, value in paired]


def read_interface(contract: str, document: Any) -> Interface:
    """Return the interface that a node served.

    Raises:
        AbiError: when it is something else.
    """
    try:
        version, abi = document["version"], document["abi"]
    except (KeyError, TypeError) as error:
        raise AbiError(f"this is no interface of a contract: {error!r}") from error
    if type(version) is not int:
        raise AbiError("this is no interface of a contract: its version is no number")
    return Interface(contract, version, checked_abi(abi))
