"""Observers that this node lets connect: a folder of certificates, looked at while the node runs.

Whom a node lets follow is its operator's own business and cannot make nodes disagree, so it is not on the ledger. A
file NAME.pem lets the holder of that certificate connect as NAME; taking it away cuts him off.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from chain.identity import is_name
from chain.types import ValidatorId
from network.chunks import in_thread
from network.tls import Observer, TlsMaterialError, certificate_der_of

LOG = logging.getLogger("tallystick.observers")

OBSERVERS_MAX: Final = 64
LOOK_SECONDS: Final = 2.0


def read_observers(folder: Path | None, taken: Collection[str]) -> tuple[tuple[Observer, ...], tuple[str, ...]]:
    """Return the observers of a folder, and a sentence for each file that names none.

    `taken` are the names of validators, which an observer cannot have.
    """
    if folder is None or not folder.is_dir():
        return (), ()
    found: list[Observer] = []
    refused: list[str] = []
    for path in sorted(folder.glob("*.pem")):
        name = path.stem
        if not is_name(name) or name in taken:
            refused.append(f"{path}: {name!r} is no name for an observer, or that of a validator")
            continue
        if len(found) == OBSERVERS_MAX:
            refused.append(f"{path}: more than {OBSERVERS_MAX} observers")
            continue
        try:
            certificate = certificate_der_of(path.read_bytes())
        except (OSError, TlsMaterialError) as error:
            refused.append(f"{path}: {error}")
            continue
        found.append(Observer(ValidatorId(name), (certificate,)))
    return tuple(found), tuple(refused)


class ObserverWatch:
    """Owns what the folder held when it was last looked at."""

    def __init__(
        self, folder: Path | None, taken: Collection[str], changed: Callable[[tuple[Observer, ...]], None]
    ) -> None:
        """`changed` is called with all observers whenever the folder holds others than before."""
        self._folder = folder
        self._taken = taken
        self._changed = changed
        self.observers, self._refused = read_observers(folder, taken)
        self._tell()

    async def run(self) -> None:
        """Look at the folder until cancelled; without a folder there is nothing to look at."""
        while self._folder is not None:
            await asyncio.sleep(LOOK_SECONDS)
            observers, refused = await in_thread(read_observers, self._folder, self._taken)
            if refused != self._refused:
                self._refused = refused
                self._tell()
            if observers != self.observers:
                LOG.info("observers may connect: %s", ", ".join(item.validator_id for item in observers) or "none")
                self.observers = observers
                self._changed(observers)

    def _tell(self) -> None:
        for text in self._refused:
            LOG.warning("an observer's certificate cannot be used: %s", text)
