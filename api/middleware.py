"""Around every request: counts it, adds the ledger's height, and turns whatever goes wrong into a problem.

This is the one place of the API where an unexpected exception ends. It is logged with a correlation id that the answer
carries, so that a report by a client can be found in the log, and nothing of it is shown.
"""

import contextlib
import logging
import secrets
from http import HTTPStatus
from time import perf_counter
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from api.access import check_access, origin_headers, preflight
from api.context import ApiContext, context_of
from api.packing import packed
from api.ports import NotIndexed, NotReady, Pruned
from api.problems import Problem, not_ready, problem_response
from api.requests import too_large
from api.responses import HEIGHT_HEADER
from api.streams import STREAMING

_log: Final = logging.getLogger(__name__)
UNKNOWN_ROUTE: Final = "other"


@web.middleware
async def answer_everything(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return the handler's response, or the problem that it ended in."""
    context = context_of(request)
    started = perf_counter()
    response = preflight(request, context.access) or await _answer(request, handler, context)
    if isinstance(response, web.Response):
        response = await packed(request, response)
    if not response.prepared and HEIGHT_HEADER not in response.headers:
        with contextlib.suppress(NotReady):
            response.headers[HEIGHT_HEADER] = str(context.node.head().height)
    if not response.prepared:
        for name, value in origin_headers(request, context.access).items():
            response.headers.add(name, value)
    context.metrics.count_request(request.method, _route_of(request), response.status, perf_counter() - started)
    return response


async def _answer(request: web.Request, handler: Handler, context: ApiContext) -> web.StreamResponse:
    try:
        check_access(request, context.access)
        return await handler(request)
    except Problem as problem:
        return problem_response(problem)
    except NotReady as error:
        return problem_response(not_ready(error.reasons))
    except Pruned as error:
        return problem_response(Problem("pruned", error.detail))
    except NotIndexed as error:
        return problem_response(Problem("not_indexed", str(error)))
    except web.HTTPException as error:
        return _from_http_exception(request, error, context)
    except ConnectionResetError:
        # The client went away; aiohttp ends the connection, and there is nothing to report.
        raise
    except Exception:
        # The last boundary of a request: a bug costs one answer, and is told to the log alone.
        if request.get(STREAMING):
            # Part of the answer is out; all that is left is to end the connection.
            raise
        correlation_id = secrets.token_hex(8)
        _log.exception("request failed: %s %s correlation_id=%s", request.method, _route_of(request), correlation_id)
        detail = "the node failed on this request; nothing is known to have changed"
        return problem_response(Problem("internal_error", detail, correlation_id=correlation_id))


def _from_http_exception(request: web.Request, error: web.HTTPException, context: ApiContext) -> web.Response:
    """Return the problem that stands for a refusal by the HTTP library itself."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        problem = Problem("method_not_allowed", f"{request.method} is not one of {allowed}")
        return problem_response(problem, {"Allow": allowed})
    if error.status == HTTPStatus.NOT_FOUND:
        return problem_response(Problem("not_found", f"nothing is served at {request.path[:256]}"))
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return problem_response(too_large(context.limits))
    return problem_response(Problem("bad_request", error.reason))


def _route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return UNKNOWN_ROUTE if resource is None else resource.canonical
