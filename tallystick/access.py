"""How a reader shows that it may read: a token, a certificate of its own, and whose certificates it trusts itself."""

import ssl
from dataclasses import field
from pathlib import Path
from typing import Final

from chain.values import dataclass


class AccessError(ValueError):
    """A certificate or key of a reader cannot be used; names the file."""


@dataclass(frozen=True, slots=True)
class ReaderAccess:
    """What nodes that do not let everybody read ask for; nothing of it is needed to submit."""

    token: str | None = field(default=None, repr=False)
    """Sent to each of the nodes with every request; give it to https addresses alone where others could listen."""
    certificate: Path | str | None = None
    """PEM file of the client's certificate; with those between it and its authority."""
    certificate_key: Path | str | None = None
    """PEM file of its private key, not encrypted; None if it stands in the file of the certificate."""
    node_ca: Path | str | None = None
    """PEM file of the authorities that signed the nodes' certificates; None trusts those that the system does."""

    def headers(self) -> dict[str, str]:
        """Return what goes with every request."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def tls(self) -> ssl.SSLContext:
        """Return how connections to https addresses are made.

        Raises:
            AccessError: when a file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.node_ca)
        except (OSError, ValueError) as error:
            raise AccessError(f"{self.node_ca} holds no certificates: {error}") from error
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.certificate_key, password=_refuse_password)
            except (OSError, ValueError) as error:
                files = " and ".join(str(each) for each in (self.certificate, self.certificate_key) if each is not None)
                raise AccessError(f"{files}: no certificate with its key: {error}") from error
        return context


OPEN: Final = ReaderAccess()
"""Shows nothing, and trusts what the system trusts."""


def _refuse_password() -> str:
    """Stand in for the terminal, which a library must not ask."""
    raise ValueError("the key is encrypted")
