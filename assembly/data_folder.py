"""The folders of a node's data, and how a state that was fetched takes the place of the one that is there.

    blocks/  state/  wal/           what the node lives on
    evidence/                       what proves the misbehaviour of validators
    incoming/state/                 a state that is being put together from a snapshot
    incoming/ready                  it is whole; from here on it is installed, whatever happens in between
    state.replaced/                 the state that it replaces, until the end of the installation
    blocks.damaged-1/ ...           what was set aside

Renaming is atomic, and each step of the installation finds out by itself whether it was done: so a crash anywhere
leaves either the old state and something to go on with, or an installation that the next start completes.
"""

import os
import shutil
from pathlib import Path

from chain.store_folder import sync_folder
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where a node keeps what."""

    root: Path

    @property
    def blocks(self) -> Path:
        """The block database."""
        return self.root / "blocks"

    @property
    def state(self) -> Path:
        """The state database."""
        return self.root / "state"

    @property
    def log(self) -> Path:
        """The write-ahead log of consensus."""
        return self.root / "wal"

    @property
    def incoming(self) -> Path:
        """What is being fetched."""
        return self.root / "incoming"

    @property
    def incoming_state(self) -> Path:
        """The state that is being put together."""
        return self.incoming / "state"

    @property
    def ready(self) -> Path:
        """The mark that the incoming state is whole."""
        return self.incoming / "ready"

    @property
    def replaced(self) -> Path:
        """The state that an installation replaces."""
        return self.root / "state.replaced"

    @property
    def evidence(self) -> Path:
        """What proves the misbehaviour of validators."""
        return self.root / "evidence"

    def aside(self) -> list[str]:
        """Return the names of folders that were set aside."""
        names = (path.name for path in self.root.glob("*.damaged-*"))
        return sorted(name for name in names if name.rpartition("-")[2].isdigit())


def begin_installation(data: DataFolder) -> None:
    """Mark the incoming state, which was closed whole, as the one to be installed, and install it."""
    with data.ready.open("wb") as file:
        os.fsync(file.fileno())
    sync_folder(data.incoming)
    complete_installation(data)


def complete_installation(data: DataFolder) -> bool:
    """Complete an installation that was begun; return whether there was one."""
    if not data.ready.exists():
        return False
    if data.incoming_state.exists():
        if data.state.exists():
            shutil.rmtree(data.replaced, ignore_errors=True)
            data.state.rename(data.replaced)
        data.incoming_state.rename(data.state)
        sync_folder(data.incoming)
        sync_folder(data.root)
    shutil.rmtree(data.replaced, ignore_errors=True)
    shutil.rmtree(data.incoming)
    sync_folder(data.root)
    return True
