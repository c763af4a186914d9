"""What a node's executor and reader need to know, and how patient their node is."""

from pathlib import Path

from chain.values import dataclass
from contracts.executor.protocol import BLOCK_KINDS, Kind, OpenRequest


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """Of one executor and its reader."""

    folder: Path
    """The state's folder; the executor can reach no other."""
    genesis: bytes
    cache_bytes: int = 32 * 1024 * 1024
    memory_bytes_max: int = 4 * 1024**3
    lock_wait_seconds: int = 10
    """Time that a predecessor has to let go of the state."""
    start_seconds_max: float = 60.0
    block_seconds_max: float = 30.0
    replay_seconds_max: float = 300.0
    query_seconds_max: float = 10.0
    reader_memory_bytes_max: int = 1024**3
    module: str = "contracts.executor.main"
    """Whose `main` the executor runs."""
    reader_module: str = "contracts.executor.reader_main"
    """Whose `main` the reader runs."""
    module_folders: tuple[str, ...] = ()
    """Where those modules are, when they are not part of this program."""

    def open_request(self) -> OpenRequest:
        """Return what the executor is told first."""
        return OpenRequest(
            str(self.folder.resolve()), self.genesis, self.cache_bytes, self.memory_bytes_max, self.lock_wait_seconds
        )

    def seconds_max(self, kind: Kind) -> float:
        """Return the time that a request to the executor may take."""
        if kind == Kind.REPLAY:
            return self.replay_seconds_max
        return self.block_seconds_max if kind in BLOCK_KINDS else self.query_seconds_max
