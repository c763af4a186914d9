"""How much happened: totals, and activity by minutes, hours or days, as charts need it."""

from typing import Any, Final

from aiohttp import web

from api.context import context_of
from api.problems import Problem
from api.requests import expect_parameters, integer_of
from api.responses import height_headers, json_response
from chain.encoding import INT_MAX
from chain.history_index import RESOLUTIONS, Activity
from chain.types import Milliseconds

PERIODS_MAX: Final = 1_000
PERIODS_DEFAULT: Final = 60


async def get_statistics(request: web.Request) -> web.Response:
    """Answer GET /v1/statistics: the last `periods` ones up to `until`, the head's time unless given."""
    expect_parameters(request, "resolution", "periods", "until")
    context = context_of(request)
    name = request.query.get("resolution", "minute")
    if name not in RESOLUTIONS:
        raise Problem("invalid_parameter", f"resolution is {', '.join(RESOLUTIONS)}", parameter="resolution")
    resolution = RESOLUTIONS[name]
    count = integer_of(request, "periods", PERIODS_DEFAULT, 1, PERIODS_MAX)
    until = integer_of(request, "until", context.node.head().time, 0, INT_MAX)
    end = (until // resolution + 1) * resolution
    start = max(0, end - count * resolution)
    reply = await context.node.activity(Milliseconds(resolution), Milliseconds(start), Milliseconds(end))
    answer: dict[str, Any] = {
        "height": reply.height,
        "totals": _activity_json(reply.totals),
        "resolution": name,
        "start": start,
        "end": end,
        "periods": [{"time": time, **_activity_json(activity)} for time, activity in reply.periods],
    }
    return json_response(answer, headers=height_headers(reply.height))


def _activity_json(activity: Activity) -> dict[str, int]:
    return {
        "blocks": activity.blocks,
        "transactions": activity.transactions,
        "failed": activity.failed,
        "events": activity.events,
    }
