"""What becomes of a failure while a node runs: whether it can start over, with what set aside, or has to end.

Damage of the databases is repaired: the damaged folder is set aside for whoever wants to look into it, the state is
made again from the node's own blocks, and blocks are fetched from the others. It is never done silently and never
without end. The log of votes is no database: nothing can repair it, and assembly/voting_log.py says what follows.
"""

import logging
from typing import Final

from assembly.data_folder import DataFolder
from assembly.failures import Damaged, leaves_of
from assembly.join_need import JoinNeed, NeedsPeers
from chain.storage import StoreDamaged
from chain.store import set_aside

LOG = logging.getLogger("tallystick.start")

REPAIRS_MAX: Final = 3
"""Repairs of one run of the program; a disk that damages more than that has to be looked at first."""


class Repairs:
    """Owns the count of repairs."""

    def __init__(self, data: DataFolder, *, has_peers: bool) -> None:
        """Without peers there is nobody to fetch blocks from."""
        self._data = data
        self._has_peers = has_peers
        self.count = 0

    def after(self, error: BaseException) -> JoinNeed | None:
        """Make it possible to start over after a failure; return what has to be fetched first, if that is known.

        Raises:
            BaseException: the failure itself, when the node has to end over it.
        """
        leaves = leaves_of(error)
        for leaf in leaves:
            if isinstance(leaf, NeedsPeers):
                return leaf.need
        damage = next((leaf for leaf in leaves if isinstance(leaf, Damaged)), None)
        if damage is None or not self._can_repair(damage):
            raise error
        self.count += 1
        folder = self._data.blocks if damage.database == "blocks" else self._data.state
        aside = set_aside(folder)
        LOG.error("%s is damaged (%s); kept as %s and made again", damage.database, damage, aside)
        return None

    def _can_repair(self, damage: Damaged) -> bool:
        if self.count >= REPAIRS_MAX:
            LOG.error("%d repairs in one run are enough: look at the disk first", self.count)
            return False
        return self._has_peers or damage.database == "state"


def damage_of(error: BaseException, state_failure: Exception | None) -> Damaged | None:
    """Return which database a failure shows to be damaged, if it does; `state_failure` is what the executor met."""
    if isinstance(state_failure, StoreDamaged):
        return Damaged("state", str(state_failure))
    for leaf in leaves_of(error):
        if isinstance(leaf, StoreDamaged):
            return Damaged("blocks", str(leaf))
    return None
