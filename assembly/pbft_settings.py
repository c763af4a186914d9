"""What a replica counts in ticks, from what genesis says in milliseconds."""

from typing import Final

from chain.genesis import Genesis
from chain.types import Milliseconds, ValidatorId
from consensus.driver import TICK_SECONDS
from consensus.pbft.config import PbftConfig

RESEND_SECONDS: Final = 0.5


def pbft_config(genesis: Genesis, own_id: ValidatorId) -> PbftConfig:
    """Return the configuration of a validator's replica."""
    parameters = genesis.parameters
    return PbftConfig(
        genesis.genesis_hash,
        own_id,
        parameters.primary_term_blocks,
        Milliseconds(parameters.clock_drift_max),
        round(parameters.view_timeout_base / 1000 / TICK_SECONDS),
        round(parameters.view_timeout_max / 1000 / TICK_SECONDS),
        round(RESEND_SECONDS / TICK_SECONDS),
    )
