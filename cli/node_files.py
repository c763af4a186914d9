"""Makes the folder of one node: keys, genesis and configuration, for a local cluster or for a host of its own."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from chain.crypto import SEED_BYTES, public_key_of
from chain.types import PublicKey
from chain.values import dataclass
from network.tls import make_certificate


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """What a configuration says."""

    name: str
    genesis: str
    """Path, relative to the node's folder."""
    api: str
    """host:port of its HTTP API."""
    peer: str
    """host:port at which other nodes reach it."""
    peers: Mapping[str, str]
    """host:port of others, by name."""
    observer: bool = False
    observers: str = "../observers"
    """Folder of observers' certificates, relative to the node's folder."""


@dataclass(frozen=True, slots=True)
class MadeKeys:
    """The public halves of a node's fresh keys."""

    consensus_key: PublicKey
    certificate_der: bytes


def make_keys(folder: Path, name: str) -> MadeKeys:
    """Write fresh keys into a node's folder, readable by their owner alone."""
    keys = folder / "keys"
    keys.mkdir(parents=True, mode=0o700)
    seed = secrets.token_bytes(SEED_BYTES)
    tls = make_certificate(name)
    write_secret(keys / "consensus.seed", seed.hex().encode() + b"\n")
    write_secret(keys / "tls.key", tls.key_pem)
    certificate_path(folder).write_bytes(tls.certificate_pem)
    return MadeKeys(public_key_of(seed), tls.certificate_der)


def certificate_path(folder: Path) -> Path:
    """Return where a node's certificate lies, which others need."""
    return folder / "keys" / "tls.pem"


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, refusing to replace one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def configuration(files: NodeFiles) -> str:
    """Return the text of a node's configuration."""
    peers = "\n".join(f'{name} = "{address}"' for name, address in files.peers.items())
    role = "observer = true\n" if files.observer else f'observers = "{files.observers}"\n'
    return f"""\
# Written by `tally`; configs/node.sample.toml explains each field.
name = "{files.name}"
genesis = "{files.genesis}"
data = "."
api = "{files.api}"
peer = "{files.peer}"
{role}log_file = "node.log"

[peers]
{peers}

[keys]
consensus_seed = "keys/consensus.seed"
tls_certificate = "keys/tls.pem"
tls_key = "keys/tls.key"
"""
