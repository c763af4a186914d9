"""Whose certificate is taken for a node's: that in its folder on this machine, otherwise what the user says."""

import ssl
from typing import Final

from cli.cluster_layout import NodePlace
from tallystick.access import OPEN, ReaderAccess

PLAIN: Final = "http:"


def url_tls(url: str, access: ReaderAccess) -> ssl.SSLContext | None:
    """Return how an address is connected to, None without TLS.

    Raises:
        AccessError: when a file cannot be used.
    """
    return None if url.startswith(PLAIN) else access.tls()


def place_tls(place: NodePlace, access: ReaderAccess = OPEN) -> ssl.SSLContext | None:
    """Return how a node of a local cluster is connected to, None without TLS.

    Its certificate is in its folder: no other is taken, whoever signed it, unless the user names authorities.

    Raises:
        AccessError: when a file cannot be used.
    """
    if place.api_certificate is None:
        return None
    if access.node_ca is not None:
        return access.tls()
    context = ReaderAccess(None, access.certificate, access.certificate_key, place.api_certificate).tls()
    # The certificate itself is known, so that neither its name nor its issuer has to be.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context
