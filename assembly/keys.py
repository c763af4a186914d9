"""The node's private keys, read once and checked against what genesis registered for it."""

from collections.abc import Callable
from dataclasses import field

from chain.block import Header
from chain.checkpoint import head_note
from chain.crypto import SEED_BYTES, InvalidKeyError, public_key_of
from chain.genesis import Genesis
from chain.identity import is_name
from chain.values import dataclass
from configs.node_config import ConfigError, NodeConfig
from network.tls import TlsMaterialError, certificate_der_of


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """What only this node may know."""

    consensus_seed: bytes = field(repr=False)


def load_keys(config: NodeConfig, genesis: Genesis) -> NodeKeys:
    """Read the node's keys.

    Raises:
        ConfigError: when a file cannot be read, holds no key, or holds another one than genesis names.
    """
    validator = genesis.validators.find(config.name)
    if validator is None and not config.observer:
        raise ConfigError(
            f"name: {config.name!r} is not a validator of genesis; a node that only follows says observer = true"
        )
    if validator is not None and config.observer:
        raise ConfigError(f"observer: {config.name!r} is a validator of genesis; an observer has another name")
    if config.observer and not is_name(config.name):
        raise ConfigError(f"name: {config.name!r} is no name; it needs a-z first, then a-z, 0-9, - or _")
    path = config.keys.consensus_seed
    try:
        seed = bytes.fromhex(path.read_text(encoding="ascii").strip())
        public_key = public_key_of(seed)
        shown = certificate_der_of(config.keys.tls_certificate.read_bytes())
    except OSError as error:
        raise ConfigError(f"keys: {error}") from error
    except (ValueError, InvalidKeyError, TlsMaterialError) as error:
        # The message must not repeat what the file holds.
        raise ConfigError(f"keys: {path} or {config.keys.tls_certificate} holds no usable key") from error
    if validator is None:
        return NodeKeys(seed)
    if len(seed) != SEED_BYTES or public_key != validator.consensus_key:
        raise ConfigError(f"keys.consensus_seed: {path} is not the key that genesis names for {config.name}")
    if shown not in validator.tls_certificates:
        raise ConfigError(f"keys.tls_certificate: genesis does not register it for {config.name}")
    return NodeKeys(seed)


def head_signer(config: NodeConfig, keys: NodeKeys) -> Callable[[Header], str | None]:
    """Return what signs heads as notes for members and witnesses; an observer has no key that others know."""
    return lambda header: None if config.observer else head_note(header, config.name, keys.consensus_seed)
