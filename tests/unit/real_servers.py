"""Real servers for tests, each in a folder and on a port of its own: PostgreSQL and NATS, where they are installed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

START_SECONDS: Final = 30.0
UNPRIVILEGED: Final = "nobody"
"""PostgreSQL refuses to run as root."""

PROGRAMS: Final = ("initdb", "postgres", "pg_isready")
WHY_SKIPPED: Final = "{} is not installed here; sh scripts/install_test_programs.sh installs what the tests can use"


def find_postgresql() -> Path | None:
    """Return the folder of PostgreSQL's programs; Debian keeps them out of the path."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places += [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    return next((place for place in places if all((place / name).exists() for name in PROGRAMS)), None)


def find_nats() -> str | None:
    """Return the program of the NATS server."""
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")


@contextmanager
def postgresql_server(programs: Path) -> Iterator[str]:
    """Run a server on a socket in a temporary folder; yield the URL of its first database."""
    user = UNPRIVILEGED if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="tally-pg-") as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        making = f"{programs}/initdb -D {data} -U tally -E UTF8 --locale=C --no-sync -A trust".split()
        subprocess.run(making, check=True, capture_output=True, user=user, timeout=START_SECONDS * 2, cwd=folder)
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *settings], stdout=log, stderr=log, user=user, cwd=folder
            )
        try:
            _wait(server, folder / "log", lambda: _is_ready(programs, folder))
            yield f"postgresql://tally@/postgres?host={folder}"
        finally:
            # A fast shutdown: sessions are ended, files are closed.
            server.send_signal(signal.SIGINT)
            server.wait(START_SECONDS)


@contextmanager
def nats_server(program: str, folder: Path, port: int | None = None) -> Iterator["NatsServer"]:
    """Run a server with JetStream on loopback that keeps its messages in a folder."""
    server = NatsServer(program, folder, port or free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()


class NatsServer:
    """Owns one process at a time of a server that tests kill and start again."""

    def __init__(self, program: str, folder: Path, port: int) -> None:
        self._command = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "jetstream")]
        self._log = folder / "nats.log"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"nats://127.0.0.1:{port}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        _wait(self._process, self._log, lambda: _accepts(self._port))

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_SECONDS)
            self._process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(programs: Path, folder: Path) -> bool:
    return subprocess.run([programs / "pg_isready", "-q", "-h", folder], check=False).returncode == 0


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(server: "subprocess.Popen[bytes]", log: Path, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        try:
            server.wait(0.02)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < deadline, log.read_text(errors="replace")
        else:
            raise AssertionError(log.read_text(errors="replace"))
