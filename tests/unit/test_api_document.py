"""The OpenAPI document and the manual say what the server does."""

import ast
import re
from pathlib import Path

import pytest
from api_fake_node import FakeNode
from api_support import serving
from openapi_spec_validator import validate

from api.context import ApiLimits
from api.openapi import openapi_document
from api.problems import PROBLEMS, Problem
from api.request_metrics import RequestMetrics
from api.server import build_app

ROOT = Path(__file__).parents[2]


def served_routes() -> set[tuple[str, str]]:
    app = build_app(FakeNode(), ApiLimits())
    return {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def test_the_document_is_valid() -> None:
    validate(openapi_document())


def test_the_document_has_exactly_the_routes() -> None:
    described = {(method, path) for path, operations in openapi_document()["paths"].items() for method in operations}
    assert described == served_routes()


def test_operations_declare_their_path_parameters_and_distinct_names() -> None:
    names = []
    for path, operations in openapi_document()["paths"].items():
        for operation in operations.values():
            declared = {entry["name"] for entry in operation["parameters"] if entry["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))
            names.append(operation["operationId"])
    assert len(names) == len(set(names))


def test_query_parameters_are_those_that_the_handlers_know() -> None:
    """Each handler names its parameters in expect_parameters; the document names the same."""
    app = build_app(FakeNode(), ApiLimits())
    paths = openapi_document()["paths"]
    for route in app.router.routes():
        if route.resource is None or route.method == "HEAD":
            continue
        source = Path(route.handler.__code__.co_filename).read_text()
        function = next(
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.AsyncFunctionDef) and node.name == route.handler.__name__
        )
        call = next(
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "expect_parameters"
        )
        known = {ast.literal_eval(argument) for argument in call.args[1:]}
        operation = paths[route.resource.canonical][route.method.lower()]
        described = {entry["name"] for entry in operation["parameters"] if entry["in"] == "query"}
        assert described == known, route.resource.canonical


async def test_what_a_client_holds_is_described_wherever_it_is_answered() -> None:
    """Every 200 with an ETag may be a 304 to those who hold it."""
    async with serving(FakeNode()) as api:
        for path in ("/v1/blocks", "/v1/network", "/v1/contracts", "/v1/validators", "/readyz"):
            held = {"If-None-Match": (await api.get(path)).headers["ETag"]}
            async with api.session.get(api.server.address + path, headers=held) as answer:
                assert answer.status == 304, path
                assert "304" in openapi_document()["paths"][path]["get"]["responses"], path


async def test_the_document_is_served() -> None:
    async with serving(FakeNode()) as api:
        assert (await api.get("/openapi.json")).json == openapi_document()


def test_a_problem_has_to_be_in_the_table() -> None:
    with pytest.raises(AssertionError, match="not in the table"):
        Problem("made_up", "")


def test_every_admission_code_is_in_the_table() -> None:
    codes: set[str] = set()
    for path in ("chain/mempool.py", "assembly/admission.py"):
        source = (ROOT / path).read_text()
        codes.update(re.findall(r'AdmissionError\(\s*"(\w+)"', source))
        codes.update(re.findall(r'SubmissionState.REFUSED, \w+, "(\w+)"', source))
    assert {"mempool_full", "bad_signature"} <= codes
    assert codes <= PROBLEMS.keys()


def test_the_manual_lists_every_problem_route_and_metric() -> None:
    manual = (ROOT / "docs" / "api.md").read_text()
    for code, kind in PROBLEMS.items():
        assert f"| `{code}` | {kind.status} |" in manual, code
    for method, path in served_routes():
        assert f"`{method.upper()} {path}`" in manual, path
    for metric in RequestMetrics().snapshot(0):
        assert f"`{metric.name}`" in manual, metric.name
