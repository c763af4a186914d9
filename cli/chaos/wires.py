"""What a chaos run asks of whatever connects the nodes: proxies on loopback, or network namespaces."""

from typing import Protocol

from cli.cluster_layout import ClusterLayout


class Wires(Protocol):
    """Connections between the nodes of a cluster, which can be disturbed and healed."""

    def insert(self, layout: ClusterLayout) -> ClusterLayout:
        """Put the nodes of a cluster that is not running on these wires; return where they are then."""
        ...

    def cut(self, name: str) -> None:
        """Unplug a node: its connections break, new ones fail."""
        ...

    def block(self, name: str, *, incoming: bool, outgoing: bool) -> None:
        """Let nothing through to a node, from it, or both; nobody is told."""
        ...

    def slow(self, name: str, delay_seconds: float, bytes_per_second: float) -> None:
        """Make a node's wires late, by at most so much, and narrow."""
        ...

    def tear(self, name: str) -> None:
        """End a node's connections in the midst of what goes over them."""
        ...

    def swap(self, name: str) -> None:
        """Deliver pieces of what goes to and from a node in another order, as far as these wires can."""
        ...

    def heal(self) -> None:
        """Undo everything."""
        ...

    def close(self) -> None:
        """Take the wires away."""
        ...
