"""The paths and schemas of the OpenAPI document that the index of history answers: accounts, search, statistics."""

from api.openapi_parts import WORD, Operation, answer, get, path, query
from api.openapi_schemas import INTEGER, TEXT, ref
from api.search import RESULTS_DEFAULT, RESULTS_MAX
from api.statistics import PERIODS_DEFAULT, PERIODS_MAX
from chain.history_index import RESOLUTIONS


def finding_paths() -> dict[str, dict[str, Operation]]:
    """Return the paths of what is found rather than listed."""
    account = path("account", TEXT, "The member's name, such as acme.alice")
    known = answer("The account", ref("Account"))
    results = {"type": "integer", "minimum": 1, "maximum": RESULTS_MAX, "default": RESULTS_DEFAULT}
    periods = {"type": "integer", "minimum": 1, "maximum": PERIODS_MAX, "default": PERIODS_DEFAULT}
    return {
        "/v1/accounts/{account}": {
            "get": get(
                "getAccount",
                "consortium",
                "Read an account by its name",
                (account,),
                known,
                "unknown_account",
                "not_indexed",
                "pruned",
            )
        },
        "/v1/search": {
            "get": get(
                "search",
                "search",
                "Find what a text names or begins",
                (query("q", WORD, "What to look for; required"), query("limit", results, "Results at most")),
                answer("Exact matches, then words that begin with the text", ref("SearchAnswer")),
                "not_indexed",
                "pruned",
            )
        },
        "/v1/statistics": {
            "get": get(
                "getStatistics",
                "search",
                "Read how much happened",
                (
                    query("resolution", {"enum": list(RESOLUTIONS), "default": "minute"}, "Length of a period"),
                    query("periods", periods, "Number of periods"),
                    query("until", INTEGER, "Time within the last period; the head's unless given"),
                ),
                answer("Totals and activity by periods; those without any are left out", ref("Statistics")),
                "not_indexed",
            )
        },
    }
