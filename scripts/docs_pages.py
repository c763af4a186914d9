"""Pages of the documentation that are made from the code when the site is built: SDK, HTTP API, command line.

MkDocs calls `on_files` (mkdocs.yml names this file under hooks).
"""

import json
from collections.abc import Iterator
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import tallystick
from api.openapi import openapi_document
from cli.main import tally

METHODS = ("get", "post", "put", "patch", "delete")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here, and the OpenAPI document as a file."""
    document = openapi_document()
    made = {
        "reference/sdk.md": sdk_page(),
        "reference/http.md": "\n".join(http_page(document)),
        "reference/cli.md": "\n".join(cli_page()),
        "reference/openapi.json": json.dumps(document, indent=1),
    }
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def sdk_page() -> str:
    """Return the page whose sections are filled from docstrings."""
    lines = ["# SDK reference", "", "What `import tallystick` offers; [the guide](../sdk.md) shows how to use it.", ""]
    places = {name: getattr(tallystick, name).__module__ for name in tallystick.__all__}
    return "\n".join([*lines, *(f"::: {place}.{name}\n" for name, place in places.items())])


def http_page(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the page of all operations."""
    yield "# HTTP reference\n"
    title, version = document["info"]["title"], document["info"]["version"]
    yield f"{title}, version {version}. [The guide](../api.md) tells the conventions; every node serves this as"
    yield "[OpenAPI 3.1](openapi.json) at `/v1/openapi.json`.\n"
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                yield from _operation(document, path, method, operations[method])


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"## {method.upper()} {path}\n"
    yield f"{operation.get('summary', '')}\n\n{operation.get('description', '')}\n"
    parameters = [_resolved(document, each) for each in operation.get("parameters", [])]
    if parameters:
        yield "| parameter | in | what |\n|---|---|---|"
        for each in parameters:
            needed = ", required" if each.get("required") else ""
            yield f"| `{each['name']}` | {each['in']}{needed} | {_cell(each.get('description', ''))} |"
        yield ""
    yield "| answer | what |\n|---|---|"
    for status, answer in operation["responses"].items():
        yield f"| {status} | {_cell(_resolved(document, answer).get('description', ''))} |"
    yield ""


def _resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in value:
        return value
    found: Any = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    resolved: dict[str, Any] = found
    return resolved


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def cli_page() -> Iterator[str]:
    """Yield the lines of the page with every command's help."""
    yield "# Command line reference\n\nWhat `--help` prints. [The guide](../cli.md) has an overview.\n"
    yield from _commands(tally, "tally", None)


def _commands(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name.rsplit(" ", 1)[-1], parent=parent, max_content_width=100)
    yield f"## {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _commands(found, f"{name} {child}", context)
