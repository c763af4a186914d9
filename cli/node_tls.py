"""Whose certificate is taken for a node's: that in its folder on this machine, otherwise what the user says."""

import dataclasses
import ssl
from collections.abc import Sequence
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
    return with_certificates((place,), access).tls_of((place.api,)).get(place.api)


def with_certificates(places: Sequence[NodePlace], access: ReaderAccess) -> ReaderAccess:
    """Return what is shown to nodes of a local cluster, with the certificates in their folders."""
    own = {place.api: place.api_certificate for place in places if place.api_certificate is not None}
    return dataclasses.replace(access, node_certificates=own)
