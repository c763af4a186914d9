"""Where a local cluster keeps what: one folder with genesis, parties' keys and a folder for each node."""

import json
import tomllib
from pathlib import Path
from typing import Final

from chain.values import dataclass
from cli.errors import CliError

CLUSTER_FILE: Final = "cluster.json"
CONFIG_FILE: Final = "node.toml"
GENESIS_FILE: Final = "genesis.json"
PARTIES_FOLDER: Final = "parties"
OBSERVERS_FOLDER: Final = "observers"
"""Certificates of observers, which all nodes of the cluster let connect."""
PEER_PORT_OFFSET: Final = 100
"""Peer ports follow the API ports at this distance, so one base port names them all."""
NODES_MAX: Final = 31


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where one node of a cluster lives."""

    name: str
    folder: Path
    api_port: int
    peer_port: int
    host: str = "127.0.0.1"
    launcher: tuple[str, ...] = ()
    """Command in front of its own, such as one that enters a network namespace."""
    is_observer: bool = False
    """Whether it only follows."""
    api_certificate: Path | None = None
    """What it serves its HTTP API over TLS with, None if it does not."""

    @property
    def api(self) -> str:
        """Base URL of its HTTP API."""
        scheme = "http" if self.api_certificate is None else "https"
        return f"{scheme}://{self.host}:{self.api_port}"

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / CONFIG_FILE

    @property
    def pid_file(self) -> Path:
        """Where the launcher records which process it started."""
        return self.folder / "node.pid"

    @property
    def log_file(self) -> Path:
        """The rotated log."""
        return self.folder / "node.log"


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """A cluster on this machine."""

    folder: Path
    chain_id: str
    """Genesis hash in hexadecimal."""
    nodes: tuple[NodePlace, ...]

    @property
    def validators(self) -> tuple[NodePlace, ...]:
        """The nodes that vote."""
        return tuple(node for node in self.nodes if not node.is_observer)

    @property
    def genesis(self) -> Path:
        """The genesis that all nodes share."""
        return self.folder / GENESIS_FILE

    def party_key(self, member_id: str) -> Path:
        """The key file of a demo party."""
        return self.folder / PARTIES_FOLDER / f"{member_id}.key"

    def parties(self) -> list[str]:
        """Member ids of the demo parties, sorted."""
        return sorted(path.stem for path in (self.folder / PARTIES_FOLDER).glob("*.key"))

    def find(self, name: str) -> NodePlace:
        """Return the place of a node.

        Raises:
            CliError: when the cluster has no such node.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes)
        raise CliError(f"no node {name!r} in {self.folder}; there are {known}")


def node_places(folder: Path, count: int, base_port: int) -> tuple[NodePlace, ...]:
    """Return the places of a cluster's nodes, named node1, node2 and so on."""
    width = len(str(count))
    return tuple(
        NodePlace(name, folder / name, base_port + number, base_port + PEER_PORT_OFFSET + number)
        for number, name in enumerate(f"node{place:0{width}d}" for place in range(1, count + 1))
    )


def next_place(layout: ClusterLayout, name: str) -> NodePlace:
    """Return the place of one more node, an observer, on the ports after those in use."""
    number = len(layout.nodes)
    base_port = layout.nodes[0].api_port
    peer_port = base_port + PEER_PORT_OFFSET + number
    return NodePlace(name, layout.folder / name, base_port + number, peer_port, is_observer=True)


def exists(folder: Path) -> bool:
    """Tell whether a cluster was created in this folder."""
    return (folder / CLUSTER_FILE).exists()


def save(layout: ClusterLayout) -> None:
    """Write the cluster file; it is written last, so that a folder without it was never finished."""
    nodes = [
        {"name": node.name, "api_port": node.api_port, "peer_port": node.peer_port, "observer": node.is_observer}
        for node in layout.nodes
    ]
    document = {"format": "tallystick-cluster/1", "chain_id": layout.chain_id, "nodes": nodes}
    fresh = layout.folder / f"{CLUSTER_FILE}.new"
    fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    fresh.rename(layout.folder / CLUSTER_FILE)


def load(folder: Path) -> ClusterLayout:
    """Return the cluster of a folder.

    Raises:
        CliError: when there is none, or its file cannot be read.
    """
    # Nodes run in folders of their own, so what they are told must not depend on where the command was typed.
    folder = folder.resolve()
    path = folder / CLUSTER_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        nodes = tuple(
            NodePlace(
                node["name"],
                folder / node["name"],
                node["api_port"],
                node["peer_port"],
                is_observer=bool(node.get("observer", False)),
                api_certificate=_api_certificate(folder / node["name"]),
            )
            for node in document["nodes"]
        )
        return ClusterLayout(folder, document["chain_id"], nodes)
    except FileNotFoundError as error:
        raise CliError(f"no cluster in {folder}; create one with: tally cluster up --dir {folder}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CliError(f"{path} cannot be read: {error}") from error


def _api_certificate(folder: Path) -> Path | None:
    """Return the certificate that a node's configuration names; a wrong one is the node's to complain of."""
    try:
        document = tomllib.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    access = document.get("access")
    named = access.get("certificate") if isinstance(access, dict) else None
    return folder / named if isinstance(named, str) else None
