"""A contract as an object: its methods by name, checked against its interface, calls submitted and views evaluated."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypedDict, Unpack

from chain.transaction import Call
from tallystick.interface import Interface, InvalidCall
from tallystick.wallet import Signer


class SubmitOptions(TypedDict, total=False):
    """What a submission may be given beside its calls; see AsyncClient.submit."""

    gas_limit: int
    valid_for: int | None
    memo: str | None
    idempotency_key: str | None
    timeout_seconds: float | None


class ClientLike(Protocol):
    """A Client, or an AsyncClient, whose results are awaited."""

    def evaluate(self, contract: str, method: str, *args: Any, signer: Signer | None = None) -> Any:
        """Return what a view computes."""
        ...

    def submit(self, signer: Signer, calls: Call, **options: Unpack[SubmitOptions]) -> Any:
        """Sign and submit one transaction."""
        ...


class Contract:
    """A contract on a ledger, for one signer: `contract.transfer("acme.bob", 5)` gives a receipt, a view its value.

    Of an AsyncClient both are awaited. Arguments are given in order or by name. The interface is that of the moment
    when this object was made; a call that an upgrade has changed since fails and changes nothing.
    """

    __slots__ = ("_client", "_interface", "_options", "_signer")

    def __init__(
        self, client: ClientLike, interface: Interface, signer: Signer | None, options: SubmitOptions | None = None
    ) -> None:
        """Take what `Client.contract` has read; the signer signs the calls, and is the views' caller."""
        self._client = client
        self._interface = interface
        self._signer = signer
        self._options: SubmitOptions = options or {}

    def with_options(self, **options: Unpack[SubmitOptions]) -> "Contract":
        """Return this contract with options for every call that is submitted through it."""
        return Contract(self._client, self._interface, self._signer, {**self._options, **options})

    def invoke(self, method: str, *args: Any, **named: Any) -> Any:
        """Evaluate a view or submit a call, as the interface says which it is.

        Raises:
            InvalidCall: no such method, a wrong argument, or nobody to sign; nothing was sent.
        """
        interface = self._interface
        if interface.is_view(method):
            arguments = interface.view_arguments(method, *args, **named)
            return self._client.evaluate(interface.contract, method, *arguments, signer=self._signer)
        call = interface.call(method, *args, **named)
        if self._signer is None:
            raise InvalidCall(f"{interface.contract}.{method} is submitted, and no signer was given with the contract")
        return self._client.submit(self._signer, call, **self._options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            self._interface.is_view(name)
        except InvalidCall as error:
            raise AttributeError(str(error)) from error
        return partial(self.invoke, name)

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self._interface.methods()]

    def __repr__(self) -> str:
        return f"Contract({self._interface.contract}@{self._interface.version})"
