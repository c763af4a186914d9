"""How a reader shows that it may read: a token, a certificate of its own, and whose certificates it trusts itself."""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final

from chain.values import dataclass
from tallystick.errors import TallystickError


class AccessError(TallystickError, ValueError):
    """A certificate or key of a reader cannot be used; names the file."""

    code = "access_unusable"


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
    node_certificates: Mapping[str, Path | str] = field(default_factory=dict)
    """PEM files of nodes' own certificates by address: no other is taken there, whoever signed it and whatever host it
    names, unless `node_ca` says who signs."""

    def headers(self) -> dict[str, str]:
        """Return what goes with every request."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def tls(self) -> ssl.SSLContext:
        """Return how connections to https addresses are made where the node's own certificate is not known.

        Raises:
            AccessError: when a file cannot be used.
        """
        return self._trusting(self.node_ca)

    def tls_of(self, addresses: Iterable[str]) -> dict[str, ssl.SSLContext]:
        """Return how each of the https addresses is connected to.

        Raises:
            AccessError: when a file cannot be used.
        """
        known = {url.rstrip("/"): path for url, path in self.node_certificates.items()} if self.node_ca is None else {}
        found: dict[str, ssl.SSLContext] = {}
        shared: ssl.SSLContext | None = None
        for url in addresses:
            own = known.get(url.rstrip("/"))
            if url.startswith("https:") and own is None:
                # Reading what the system trusts takes long; once is enough.
                shared = found[url] = shared or self.tls()
            elif url.startswith("https:"):
                found[url] = self._trusting(own)
                # The certificate itself is known, so that neither its name nor its issuer has to be.
                found[url].verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
                found[url].check_hostname = False
        return found

    def _trusting(self, path: Path | str | None) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=path)
        except (OSError, ValueError) as error:
            raise AccessError(f"{path} holds no certificates: {error}") from error
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
