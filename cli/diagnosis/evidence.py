"""What is known of each node before anything is concluded: its own answer, its process, and what others see of it."""

import json
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from chain.values import dataclass
from cli import cluster_processes as processes
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.cluster_status import is_stopped
from cli.node_tls import place_tls
from tallystick.access import OPEN, ReaderAccess

TIMEOUT_SECONDS: Final = 3.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
LAST_LINES: Final = 40
ROOM_BYTES_MIN: Final = 1024 * 1024
"""With less room on its disk a node that does not run is taken for one that ended over it."""
ENDING: Final = re.compile(r"^node: ([A-Z_]+): (.*)$", re.MULTILINE)
"""The last line of a node that ended over something, on its standard error."""


@dataclass(frozen=True, slots=True)
class NodeEvidence:
    """One node."""

    name: str
    """Its own, where it is known; otherwise its address."""
    url: str
    status: dict[str, Any] | None
    """What GET /v1/network/status answered; None when it did not."""
    error: str | None = None
    """Why it did not answer."""
    process: str | None = None
    """running, paused or ended where its process can be seen; None elsewhere."""
    ending: tuple[str, str] | None = None
    """Name of the exit code and message with which it ended, if it left them or its disk tells."""
    clock_offset: float | None = None
    """Seconds by which its clock is ahead of this machine's."""
    clock_doubt: float = 0.0
    """Seconds by which that may be wrong: half of the time that the question took."""
    executor_paused: bool = False
    """Whether its executor can be seen and is stopped by a signal."""

    @property
    def consensus(self) -> dict[str, Any] | None:
        """What it says of agreement; None while it joins or does not answer."""
        return None if self.status is None else self.status["consensus"]

    @property
    def peers(self) -> dict[str, dict[str, Any]]:
        """What it says of its connections, by name."""
        return {} if self.status is None else {peer["name"]: peer for peer in self.status["peers"]}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All nodes that were asked."""

    nodes: tuple[NodeEvidence, ...]
    expected: tuple[str, ...] = ()
    """Names of the validators, where a cluster's folder tells them."""

    def find(self, name: str) -> NodeEvidence | None:
        """Return what is known of a node by its name, if it was asked."""
        return next((node for node in self.nodes if node.name == name), None)

    @property
    def answered(self) -> tuple[NodeEvidence, ...]:
        """The nodes that answered."""
        return tuple(node for node in self.nodes if node.status is not None)

    @property
    def running(self) -> tuple[NodeEvidence, ...]:
        """The nodes that answered and take part."""
        return tuple(node for node in self.nodes if node.consensus is not None)

    @property
    def validators(self) -> tuple[str, ...]:
        """The names of the validators, as far as anybody knows them."""
        for node in self.running:
            assert node.consensus is not None
            return tuple(node.consensus["validators"])
        return self.expected

    @property
    def quorum(self) -> int:
        """How many validators have to vote."""
        size = len(self.validators)
        return (size + (size - 1) // 3) // 2 + 1


def ask_urls(urls: Sequence[str], access: ReaderAccess = OPEN) -> Evidence:
    """Ask nodes at their addresses, all at once, and show them what a reader has to.

    Raises:
        AccessError: when a certificate cannot be used.
    """
    tls = access.tls() if any(url.startswith("https:") for url in urls) else None
    with ThreadPoolExecutor(max_workers=min(32, len(urls))) as pool:
        return Evidence(tuple(pool.map(lambda url: _ask(url, access.headers(), tls), urls)))


def ask_cluster(layout: ClusterLayout, access: ReaderAccess = OPEN) -> Evidence:
    """Ask all nodes of a local cluster, show them what a reader has to, and look at their processes.

    Raises:
        AccessError: when a certificate cannot be used.
    """
    with ThreadPoolExecutor(max_workers=len(layout.nodes)) as pool:
        nodes = tuple(pool.map(lambda place: _ask_place(place, access), layout.nodes))
    return Evidence(nodes, tuple(node.name for node in layout.validators))


def _ask_place(place: NodePlace, access: ReaderAccess) -> NodeEvidence:
    pid = processes.running_pid(place)
    if pid is None:
        output = place.folder / "node.out"
        text = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        endings = ENDING.findall("\n".join(text.splitlines()[-LAST_LINES:]))
        ending = endings[-1] if endings else _ending_of_disk(place)
        return NodeEvidence(place.name, place.api, None, "it does not run", "ended", ending)
    if is_stopped(pid):
        return NodeEvidence(place.name, place.api, None, "its process is stopped", "paused")
    found = _ask(place.api, access.headers(), place_tls(place, access))
    helpers = None if found.status is None else found.status["helpers"]
    executor = None if helpers is None else helpers["executor_pid"]
    paused = executor is not None and is_stopped(executor)
    return replace(found, name=place.name, url=place.api, process="running", executor_paused=paused)


def _ending_of_disk(place: NodePlace) -> tuple[str, str] | None:
    """Return what ended a node that left no word, if its disk has no room for one."""
    try:
        free = shutil.disk_usage(place.folder).free
    except OSError:
        return None
    return ("DISK_FULL", f"its disk has {free} bytes left") if free < ROOM_BYTES_MIN else None


def _ask(url: str, headers: Mapping[str, str] = NO_HEADERS, tls: ssl.SSLContext | None = None) -> NodeEvidence:
    address = f"{url.rstrip('/')}/v1/network/status"
    asked = time.time()
    try:
        request = urllib.request.Request(address, headers=dict(headers))  # noqa: S310 - the user names it
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=tls) as response:  # noqa: S310
            document = json.loads(response.read(ANSWER_BYTES_MAX))
        taken = time.time() - asked
        clock = document["clock"] / 1000
        name = str(document["node"]["name"])
    except urllib.error.HTTPError as error:
        with error:
            return NodeEvidence(url, url, None, f"it answers {error.code} {error.reason}")
    except (urllib.error.URLError, OSError) as error:
        return NodeEvidence(url, url, None, str(getattr(error, "reason", error)))
    except (ValueError, KeyError, TypeError) as error:
        return NodeEvidence(url, url, None, f"it answers something else than a node would: {error!r}")
    return NodeEvidence(name, url, document, None, None, None, clock - (asked + taken / 2), taken / 2)
