"""Whether the process lives, whether it can serve, and its metrics."""

from aiohttp import web

from api.context import context_of
from api.problems import not_ready
from api.render import status_json
from api.request_metrics import METRICS_TYPE, render_metrics
from api.requests import expect_parameters, flag_of
from api.responses import json_response


async def get_livez(request: web.Request) -> web.Response:
    """Answer GET /livez: the event loop turns."""
    expect_parameters(request)
    return json_response({"alive": True})


async def get_readyz(request: web.Request) -> web.Response:
    """Answer GET /readyz, with `verbose` the whole condition of the node."""
    expect_parameters(request, "verbose")
    context = context_of(request)
    status = context.node.status()
    verbose = status_json(status) if flag_of(request, "verbose") else {}
    if status.ready and not context.stopping.is_set():
        return json_response({"ready": True, **verbose})
    problem = not_ready(status.not_ready_reasons or ("the node is stopping",))
    problem.members.update(verbose)
    raise problem


async def get_metrics(request: web.Request) -> web.Response:
    """Answer GET /metrics."""
    expect_parameters(request)
    context = context_of(request)
    text = render_metrics([*context.node.metrics(), *context.metrics.snapshot(context.streams_open)])
    return web.Response(body=text.encode(), headers={"Content-Type": METRICS_TYPE})
