"""Interfaces of deployed contracts for the API: derived from their sources beside the event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from chain.types import Digest
from contracts.engine.abi import deployed_abi

INTERFACES_MAX: Final = 128
"""Interfaces that are remembered; the one used longest ago goes first and is derived again if it is asked for."""


class Interfaces:
    """Owns what is remembered. Sources never change under their hash, so neither does what is derived from them."""

    def __init__(self) -> None:
        self._known: OrderedDict[Digest, Mapping[str, Any]] = OrderedDict()
        self._turn = asyncio.Lock()

    async def of(self, source_hash: Digest, source: str) -> Mapping[str, Any]:
        """Return the interface of a source that the ledger has accepted.

        One is derived at a time, beside the event loop: it takes tens of milliseconds for a long contract.
        """
        async with self._turn:
            known = self._known.get(source_hash)
            if known is None:
                known = self._known[source_hash] = await asyncio.to_thread(deployed_abi, source)
                if len(self._known) > INTERFACES_MAX:
                    self._known.popitem(last=False)
            self._known.move_to_end(source_hash)
            return known
