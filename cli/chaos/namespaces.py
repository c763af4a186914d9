"""Wires made of the kernel's own network: each node in a network namespace, joined by a bridge in one more.

Linux, root and iproute2 are needed. Packets are really lost here: TCP finds out by its own timers, as on a network.
Every namespace has a name of this run's own and is removed with all that is in it.
"""

import ctypes
import os
import re
import secrets
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

from cli.cluster_layout import ClusterLayout
from cli.errors import CliError

NETWORK: Final = "10.86.0"
"""Exists in these namespaces alone, so it disturbs nobody."""
CLIENT_PLACE: Final = 250
BURST_BYTES: Final = 16_384
QUEUE_MILLISECONDS: Final = 400

_CLONE_NEWNET: Final = 0x40000000


class Namespaces:
    """Owns the namespaces of a run; implements cli.chaos.wires.Wires."""

    def __init__(self) -> None:
        """Check that this machine can do it.

        Raises:
            CliError: naming what is missing.
        """
        if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("tc") is None:
            raise CliError("network namespaces need root and iproute2 (on Debian and Ubuntu: apt-get install iproute2)")
        self._prefix = f"tally{secrets.token_hex(3)}"
        self._hub = f"{self._prefix}-hub"
        self._addresses: dict[str, str] = {}
        self._made: list[str] = []
        self._outside = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def insert(self, layout: ClusterLayout) -> ClusterLayout:
        """Make the namespaces, rewrite the configurations accordingly, and move this process into the clients'."""
        self._make(self._hub)
        _ip("-n", self._hub, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._hub, "link", "set", "bridge", "up")
        for place, node in enumerate(layout.nodes, 1):
            self._addresses[node.name] = self._plug(node.name, place)
        self._plug("clients", CLIENT_PLACE)
        ports = {node.peer_port: self._addresses[node.name] for node in layout.nodes}
        nodes = []
        for node in layout.nodes:
            own = self._addresses[node.name]
            text = node.config.read_text(encoding="utf-8")
            text = re.sub(r'^(api|peer) = "127\.0\.0\.1:', rf'\1 = "{own}:', text, flags=re.MULTILINE)
            text = re.sub(r'"127\.0\.0\.1:(\d+)"', lambda found: f'"{ports[int(found[1])]}:{found[1]}"', text)
            node.config.write_text(text, encoding="utf-8")
            launcher = ("ip", "netns", "exec", self._name(node.name))
            nodes.append(replace(node, host=own, launcher=launcher))
        _enter(Path(f"/run/netns/{self._name('clients')}"))
        return replace(layout, nodes=tuple(nodes))

    def cut(self, name: str) -> None:
        """Take the node's cable out."""
        _ip("-n", self._name(name), "link", "set", "wire", "down")

    def block(self, name: str, *, incoming: bool, outgoing: bool) -> None:
        """Lose all packets between a node and the other nodes, in one direction or both."""
        for other in self._addresses.keys() - {name}:
            if outgoing:
                self._lose(name, other)
            if incoming:
                self._lose(other, name)

    def slow(self, name: str, delay_seconds: float, bytes_per_second: float) -> None:
        """Limit the rate at which a node can send; what waits too long is lost."""
        rate = [
            "rate",
            f"{bytes_per_second * 8:.0f}bit",
            "burst",
            str(BURST_BYTES),
            "latency",
            f"{QUEUE_MILLISECONDS}ms",
        ]
        _run("tc", "-n", self._name(name), "qdisc", "replace", "dev", "wire", "root", "tbf", *rate)

    def tear(self, name: str) -> None:
        """Cut and mend at once: packets are lost, connections go on."""
        self.cut(name)
        self._mend(name)

    def swap(self, name: str) -> None:
        """Lose what is on its way: the kernel's TCP puts packets in order, so that these wires cannot do worse."""
        self.tear(name)

    def heal(self) -> None:
        """Undo everything."""
        for name in self._addresses:
            self._mend(name)
            own = self._name(name)
            _run("tc", "-n", own, "qdisc", "del", "dev", "wire", "root", check=False)
            _ip("-n", own, "route", "flush", "type", "blackhole", check=False)

    def close(self) -> None:
        """Go back to where this process was, and remove the namespaces with everything in them."""
        _set_namespace(self._outside)
        os.close(self._outside)
        for name in self._made:
            _ip("netns", "del", name)
        self._made.clear()

    def _make(self, name: str) -> None:
        _ip("netns", "add", name)
        self._made.append(name)

    def _plug(self, name: str, place: int) -> str:
        """Make a namespace with a cable to the bridge; return its address."""
        own, address = self._name(name), f"{NETWORK}.{place}"
        self._make(own)
        port = f"port{place}"
        _ip("-n", own, "link", "add", "wire", "type", "veth", "peer", "name", port, "netns", self._hub)
        _ip("-n", self._hub, "link", "set", port, "master", "bridge", "up")
        _ip("-n", own, "addr", "add", f"{address}/24", "dev", "wire")
        for device in ("lo", "wire"):
            _ip("-n", own, "link", "set", device, "up")
        return address

    def _lose(self, source: str, target: str) -> None:
        _ip("-n", self._name(source), "route", "replace", "blackhole", f"{self._addresses[target]}/32")

    def _mend(self, name: str) -> None:
        _ip("-n", self._name(name), "link", "set", "wire", "up")

    def _name(self, node: str) -> str:
        return f"{self._prefix}-{node}"


def _ip(*arguments: str, check: bool = True) -> None:
    _run("ip", *arguments, check=check)


def _run(*command: str, check: bool = True) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ip and tc, our words
    if check and done.returncode != 0:
        raise CliError(f"{' '.join(command)}: {done.stderr.strip()}")


def _enter(namespace: Path) -> None:
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set_namespace(descriptor)
    finally:
        os.close(descriptor)


def _set_namespace(descriptor: int) -> None:
    """Move the calling thread, and those that it starts later, to a network namespace (os.setns came with 3.12)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
