"""The version of the protocol: it selects the rules and the gas prices under which a block is executed."""

from typing import Final

PROTOCOL_VERSION: Final = 1
"""What a network that starts now begins with."""
