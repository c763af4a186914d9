"""Creates a local cluster's folder: fresh keys, genesis, and a configuration for each node.

The cluster file is written last; a folder without it was never finished and is refused rather than guessed about.
"""

import os
import secrets
import time
from pathlib import Path

from chain.crypto import SEED_BYTES, public_key_of
from chain.genesis import Genesis, GenesisContract, GenesisMember, Governance, Organisation, Parameters, genesis_to_json
from chain.identity import ADMINISTRATOR
from chain.types import Epoch, Milliseconds, PublicKey, ValidatorId
from chain.validators import Validator, validator_set
from cli.cluster_layout import ClusterLayout, NodePlace, node_places, save
from cli.demo import NODE_OPERATORS, PARTIES, library_contracts
from cli.errors import CliError
from network.tls import make_certificate
from tallystick.wallet import Wallet


def create_cluster(
    folder: Path, count: int, base_port: int, contracts: tuple[GenesisContract, ...] | None = None
) -> ClusterLayout:
    """Create keys, genesis and configurations of a cluster, with the contracts that ship unless others are given.

    Raises:
        CliError: when the folder already holds something else.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CliError(f"{folder} is not empty and holds no cluster; choose another --dir or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    nodes = node_places(folder.resolve(), count, base_port)
    validators = [_create_node_keys(node, number) for number, node in enumerate(nodes)]
    (folder / "parties").mkdir(mode=0o700)
    members = [
        GenesisMember(member_id, _create_party(folder, member_id), roles)
        for party in PARTIES
        for member_id, roles in ((party.administrator_id, (ADMINISTRATOR,)), (party.member_id, party.roles))
    ]
    electorate = tuple(party.organisation for party in PARTIES)
    majority = len(electorate) // 2 + 1
    genesis = Genesis(
        "tallystick-local",
        Milliseconds(time.time_ns() // 1_000_000),
        Parameters(),
        Governance(electorate, majority, max(1, len(electorate) // 3), majority, 7 * 24 * 3_600_000),
        validator_set(Epoch(0), validators),
        tuple(_create_organisation(folder, party.organisation, party.name) for party in PARTIES),
        tuple(members),
        library_contracts() if contracts is None else contracts,
    )
    (folder / "genesis.json").write_text(genesis_to_json(genesis), encoding="utf-8")
    for node in nodes:
        node.config.write_text(_configuration(node, nodes), encoding="utf-8")
    layout = ClusterLayout(folder.resolve(), genesis.genesis_hash.hex(), nodes)
    save(layout)
    return layout


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, refusing to replace one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _create_node_keys(node: NodePlace, number: int) -> Validator:
    keys = node.folder / "keys"
    keys.mkdir(parents=True, mode=0o700)
    seed = secrets.token_bytes(SEED_BYTES)
    tls = make_certificate(node.name)
    write_secret(keys / "consensus.seed", seed.hex().encode() + b"\n")
    write_secret(keys / "tls.key", tls.key_pem)
    (keys / "tls.pem").write_bytes(tls.certificate_pem)
    operator = NODE_OPERATORS[number % len(NODE_OPERATORS)]
    return Validator(ValidatorId(node.name), operator, public_key_of(seed), (tls.certificate_der,))


def _create_party(folder: Path, member_id: str) -> PublicKey:
    wallet = Wallet.generate()
    wallet.save(folder / "parties" / f"{member_id}.key")
    return wallet.public_key


def _create_organisation(folder: Path, organisation: str, name: str) -> Organisation:
    wallet = Wallet.generate()
    (folder / "roots").mkdir(mode=0o700, exist_ok=True)
    wallet.save(folder / "roots" / f"{organisation}.key")
    return Organisation(organisation, name, wallet.public_key)


def _configuration(node: NodePlace, nodes: tuple[NodePlace, ...]) -> str:
    peers = "\n".join(f'{other.name} = "127.0.0.1:{other.peer_port}"' for other in nodes if other != node)
    return f"""\
# Written by `tally cluster up`; configs/node.sample.toml explains each field.
name = "{node.name}"
genesis = "../genesis.json"
data = "."
api = "127.0.0.1:{node.api_port}"
peer = "127.0.0.1:{node.peer_port}"
log_file = "node.log"

[peers]
{peers}

[keys]
consensus_seed = "keys/consensus.seed"
tls_certificate = "keys/tls.pem"
tls_key = "keys/tls.key"
"""
