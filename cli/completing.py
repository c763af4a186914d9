"""What shells are offered beyond verbs and options: names from this machine's files, and from a node that answers soon.

Nothing here may fail or wait: whoever presses the tabulator key gets what can be had in a moment, or nothing.
"""

import json
import os
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from cli import cluster_layout
from cli.errors import CliError
from cli.node_tls import with_certificates
from cli.profile import FILES, load_profile, profile_names
from tallystick.access import AccessError

PATIENCE_SECONDS: Final = 0.7
"""For all nodes together."""
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
FLAGS: Final = {"folder": "dir", "urls": "url"} | {name: name for name in ("profile", *FILES)}
"""Settings by what commands call their options."""
HELP_CHARACTERS_MAX: Final = 80
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
"""What a node calls something else is not put into anybody's command line."""

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def complete_parties(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the parties of the local cluster; where none fits, files."""
    try:
        profile = load_profile(_flags(ctx), os.environ, Path.cwd())
        layout = cluster_layout.load(profile.folder) if cluster_layout.exists(profile.folder) else None
    except CliError:
        layout = None
    names = [] if layout is None else [name for name in layout.parties() if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def complete_profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the profiles of the project's and the user's file."""
    try:
        names = profile_names(os.environ, Path.cwd())
    except CliError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_nodes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the nodes of the local cluster that were not named yet."""
    try:
        layout = cluster_layout.load(Path(ctx.params.get("folder") or ".tally"))
    except CliError:
        return []
    named = ctx.params.get("nodes") or ()
    names = [node.name for node in layout.nodes if node.name not in named]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_contracts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the contracts that a node names; where none fits, files."""
    document = _asked(ctx, "/v1/contracts?limit=200")
    names = [str(entry["name"]) for entry in _entries(document, "contracts")]
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or ([CompletionItem(incomplete, type="file")] if param.name != "contract" else [])


def complete_methods(kind: str) -> Complete:
    """Return what completes the methods of the contract before them that are of a kind, with what they take."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        contract = str(ctx.params.get("contract"))
        return [
            CompletionItem(entry["name"], help=_signature(entry))
            for entry in _entries(_abi(ctx, contract), "methods")
            if entry.get("kind") == kind and entry["name"].startswith(incomplete)
        ]

    return complete


def complete_storage(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the storage of the contract before it."""
    entries = _entries(_abi(ctx, str(ctx.params.get("contract"))), "storage")
    return [CompletionItem(entry["name"]) for entry in entries if entry["name"].startswith(incomplete)]


def _signature(entry: dict[str, Any]) -> str:
    taken = ", ".join(f"{param.get('name')}: {param.get('type')}" for param in _entries(entry, "params"))
    line = f"({taken}) {str(entry.get('doc') or '').partition(chr(10))[0]}"
    return "".join(character if character.isprintable() else " " for character in line)[:HELP_CHARACTERS_MAX].strip()


def _abi(ctx: click.Context, contract: str) -> Any:
    if not NAME.fullmatch(contract):
        return None
    document = _asked(ctx, f"/v1/contracts/{contract}/abi")
    return document.get("abi") if isinstance(document, dict) else None


def _entries(document: Any, name: str) -> list[dict[str, Any]]:
    """Return the named things in a list that a node sent, which may be anything."""
    found = document.get(name) if isinstance(document, dict) else None
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and NAME.fullmatch(str(entry.get("name")))]


def _flags(ctx: click.Context) -> dict[str, Any]:
    return {flag: ctx.params[name] for name, flag in FLAGS.items() if ctx.params.get(name)}


def _asked(ctx: click.Context, path: str) -> Any:
    """Return what the first node that answers in time says, None if none does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        profile = load_profile(_flags(ctx), os.environ, Path.cwd())
        nodes = () if profile.urls else cluster_layout.load(profile.folder).nodes
        urls = profile.urls or tuple(node.api for node in nodes)
        tls = with_certificates(nodes, profile.access).tls_of(urls)
    except (CliError, AccessError):
        return None
    for url in urls:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            break
        try:
            # As the client does: what is shown to a node goes to no proxy.
            https = urllib.request.HTTPSHandler(context=tls.get(url))
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
            request = urllib.request.Request(url.rstrip("/") + path, headers=profile.access.headers())  # noqa: S310
            with opener.open(request, timeout=remaining) as response:
                return json.loads(response.read(ANSWER_BYTES_MAX))
        except (OSError, ValueError):
            continue
    return None
