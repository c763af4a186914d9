"""Who may read: everybody, or holders of a token or a certificate; and which pages of other sites may ask (CORS).

Transactions are admitted by their signatures and need no token. Probes, the API's description and the explorer's own
files tell nothing of the ledger and are open always; so are views that the operator declares public. A token is
compared by its hash, in constant time; a client's certificate has been checked by TLS before any request is read.
"""

import hashlib
import hmac
import ssl
from typing import Final

from aiohttp import web

from api.problems import Problem
from api.revocation import RevocationList
from chain.values import dataclass

OPEN_PATHS: Final = frozenset({"/", "/livez", "/readyz", "/openapi.json", "/explorer/{file}"})
VIEW_PATH: Final = "/v1/contracts/{contract}/views/{method}"
SUBMISSION: Final = ("POST", "/v1/transactions")
BEARER: Final = "bearer "
ALLOWED_HEADERS: Final = "Accept, Authorization, Content-Type, If-None-Match, Last-Event-ID"
EXPOSED_HEADERS: Final = "ETag, Link, Location, Retry-After, X-Ledger-Height"
PREFLIGHT_SECONDS: Final = "3600"


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """What an operator allows; local, because it cannot split the ledger."""

    token_hashes: tuple[bytes, ...] = ()
    """SHA-256 of each reader's token; without any, reads are open."""
    public_views: frozenset[tuple[str, str]] = frozenset()
    """Contract and method of views that need no token."""
    origins: frozenset[str] = frozenset()
    """Origins whose pages may read; `*` for all."""
    tls: ssl.SSLContext | None = None
    """Serves the API over TLS; None without."""
    client_certificates: bool = False
    """Whether clients may read by a certificate that `tls` asks for; then reads are not open."""
    revoked: RevocationList | None = None
    """Certificates that open nothing although their authority issued them; None for none."""


def check_access(request: web.Request, access: ApiAccess) -> None:
    """Let a request pass, or refuse it.

    Raises:
        Problem: token_required.
    """
    resource = request.match_info.route.resource
    route = None if resource is None else resource.canonical
    restricted = access.token_hashes or access.client_certificates
    if not restricted or route in OPEN_PATHS or (request.method, route) == SUBMISSION:
        return
    values = request.match_info
    if route == VIEW_PATH and (values["contract"], values["method"]) in access.public_views:
        return
    if access.client_certificates and _certificate_opens(request, access):
        return
    given = request.headers.get("Authorization", "")
    if given[: len(BEARER)].lower() == BEARER:
        digest = hashlib.sha256(given[len(BEARER) :].strip().encode("utf-8", "replace")).digest()
        # All are compared, so that time does not tell which of them is near.
        if sum(hmac.compare_digest(digest, known) for known in access.token_hashes):
            return
    also = ", or a client certificate" if access.client_certificates else ""
    raise Problem("token_required", f"reads take a token: Authorization: Bearer TOKEN{also}")


def _certificate_opens(request: web.Request, access: ApiAccess) -> bool:
    """Tell whether the client showed a certificate, which TLS has checked, and it is not revoked."""
    connection = request.get_extra_info("ssl_object")
    certificate = None if connection is None else connection.getpeercert(binary_form=True)
    if not certificate:
        return False
    return access.revoked is None or access.revoked.admits(hashlib.sha256(certificate).hexdigest())


def origin_headers(request: web.Request, access: ApiAccess) -> dict[str, str]:
    """Return what lets a page of another site read the answer; nothing where it may not."""
    if not access.origins:
        return {}
    origin = request.headers.get("Origin")
    if origin is None or not (origin in access.origins or "*" in access.origins):
        return {"Vary": "Origin"}
    allowed = "*" if "*" in access.origins else origin
    return {"Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": EXPOSED_HEADERS, "Vary": "Origin"}


def preflight(request: web.Request, access: ApiAccess) -> web.Response | None:
    """Return the answer to a browser that asks whether a page may ask; None for others, and where it may not."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    headers = origin_headers(request, access)
    if "Access-Control-Allow-Origin" not in headers:
        return None
    headers |= {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": ALLOWED_HEADERS}
    return web.Response(status=204, headers={**headers, "Access-Control-Max-Age": PREFLIGHT_SECONDS})
