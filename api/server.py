"""The HTTP server of a node: an application over a LedgerNode, and its start and graceful stop."""

from typing import Final

from aiohttp import web

from api.access import ApiAccess
from api.context import CONTEXT, ApiContext, ApiLimits
from api.explorer_files import FILES, load_files
from api.middleware import answer_everything
from api.ports import LedgerNode
from api.routes import add_routes

OPEN: Final = ApiAccess()
"""Everybody reads, and no page of another site does."""
SHUTDOWN_SECONDS: Final = 5.0
LINGER_SECONDS: Final = 2.0


class ApiAddressInUse(Exception):
    """The address that the API was to listen on is taken."""


def build_app(node: LedgerNode, limits: ApiLimits, access: ApiAccess = OPEN) -> web.Application:
    """Return the application that answers for a node."""
    app = web.Application(middlewares=[answer_everything], client_max_size=limits.body_bytes_max)
    app[CONTEXT] = ApiContext(node, limits, access)
    app[FILES] = load_files()
    add_routes(app)
    app.on_response_prepare.append(_name_server)
    app.on_shutdown.append(_stop_waiting)
    return app


async def _name_server(_: web.Request, response: web.StreamResponse) -> None:
    """Say what serves, and not in which versions of which libraries, as aiohttp would."""
    response.headers["Server"] = "Tallystick"


async def _stop_waiting(app: web.Application) -> None:
    """End event streams and let requests that wait for a commitment answer that it is pending."""
    app[CONTEXT].stopping.set()


class ApiServer:
    """Owns the listening socket of one node's API."""

    def __init__(self, node: LedgerNode, limits: ApiLimits, host: str, port: int, access: ApiAccess = OPEN) -> None:
        # Compressed bodies are refused, so the library must not unpack them before they are measured.
        self._runner = web.AppRunner(
            build_app(node, limits, access),
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
            auto_decompress=False,
            lingering_time=LINGER_SECONDS,
        )
        self._host = host
        self._port = port
        self._tls = access.tls

    @property
    def address(self) -> str:
        """The URL at which the API is served, once it has started."""
        host, port = self._runner.addresses[0][:2]
        return f"{'http' if self._tls is None else 'https'}://{host}:{port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            ApiAddressInUse: when another process listens there.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ApiAddressInUse(f"cannot listen on {self._host}:{self._port}: {error.strerror}") from error

    async def stop(self) -> None:
        """Stop listening, end streams, and finish the requests that are being answered."""
        await self._runner.cleanup()
