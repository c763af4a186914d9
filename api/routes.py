"""Every route of the API in one table; the OpenAPI document is checked against it."""

import re
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from api import (
    accounts,
    blocks,
    consortium,
    contracts,
    events,
    evidence,
    explorer_files,
    health,
    network_status,
    openapi,
    proposals,
    search,
    state,
    statistics,
    submission,
    transactions,
    views,
)
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one resource."""

    method: str
    path: str
    handler: Handler


ROUTES: Final = (
    Route("POST", "/v1/transactions", submission.submit),
    Route("GET", "/v1/transactions", transactions.list_transactions),
    Route("GET", "/v1/transactions/{id}", transactions.get_transaction),
    Route("GET", "/v1/transactions/{id}/proof", transactions.get_transaction_proof),
    Route("GET", "/v1/blocks", blocks.list_blocks),
    Route("GET", "/v1/blocks/raw", blocks.get_raw_blocks),
    Route("GET", "/v1/blocks/{block}", blocks.get_block),
    Route("GET", "/v1/blocks/{block}/raw", blocks.get_block_raw),
    Route("GET", "/v1/blocks/{block}/history", blocks.get_block_history),
    Route("GET", "/v1/checkpoint", blocks.get_checkpoint),
    Route("GET", "/v1/events", events.list_events),
    Route("GET", "/v1/contracts", contracts.list_contracts),
    Route("GET", "/v1/contracts/{contract}", contracts.get_contract),
    Route("GET", "/v1/contracts/{contract}/abi", contracts.get_abi),
    Route("GET", "/v1/contracts/{contract}/versions", contracts.list_versions),
    Route("GET", "/v1/contracts/{contract}/versions/{version}", contracts.get_version),
    Route("GET", "/v1/contracts/{contract}/versions/{version}/abi", contracts.get_version_abi),
    Route("GET", "/v1/contracts/{contract}/views/{method}", views.get_view),
    Route("POST", "/v1/contracts/{contract}/views/{method}", views.post_view),
    Route("GET", "/v1/proposals", proposals.list_proposals),
    Route("GET", "/v1/proposals/{number}", proposals.get_proposal),
    Route("GET", "/v1/state/{contract}", state.list_keys),
    Route("GET", "/v1/state/{contract}/{key}", state.get_key),
    Route("GET", "/v1/state/{contract}/{key}/history", state.get_history),
    Route("GET", "/v1/organisations", consortium.list_organisations),
    Route("GET", "/v1/organisations/{organisation}", consortium.get_organisation),
    Route("GET", "/v1/organisations/{organisation}/members", consortium.list_members),
    Route("GET", "/v1/members/{key}", consortium.get_member),
    Route("GET", "/v1/accounts/{account}", accounts.get_account),
    Route("GET", "/v1/search", search.search),
    Route("GET", "/v1/statistics", statistics.get_statistics),
    Route("GET", "/v1/validators", consortium.get_validators),
    Route("GET", "/v1/network", consortium.get_network),
    Route("GET", "/v1/network/status", network_status.get_status),
    Route("GET", "/v1/evidence", evidence.list_evidence),
    Route("GET", "/v1/evidence/{digest}", evidence.get_evidence),
    Route("GET", "/v1/genesis", consortium.get_genesis),
    Route("GET", "/", explorer_files.get_index),
    Route("GET", "/explorer/{file}", explorer_files.get_file),
    Route("GET", "/livez", health.get_livez),
    Route("GET", "/readyz", health.get_readyz),
    Route("GET", "/metrics", health.get_metrics),
    Route("GET", "/openapi.json", openapi.get_document),
)


def add_routes(app: web.Application) -> None:
    """Add all routes to an application."""
    for route in ROUTES:
        # The library's own pattern for a parameter excludes braces; keys of the state are JSON and have them.
        path = re.sub(r"{(\w+)}", r"{\1:[^/]+}", route.path)
        if route.method == "GET":
            app.router.add_get(path, route.handler)
        else:
            app.router.add_route(route.method, path, route.handler)
