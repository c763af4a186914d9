"""Creates a local cluster's folder: fresh keys, genesis, and a configuration for each node.

The cluster file is written last; a folder without it was never finished and is refused rather than guessed about.
"""

import time
from dataclasses import replace
from pathlib import Path

from chain.genesis import Genesis, GenesisContract, GenesisMember, Governance, Organisation, Parameters, genesis_to_json
from chain.identity import ADMINISTRATOR, is_name
from chain.types import Epoch, Milliseconds, PublicKey, ValidatorId
from chain.validators import Validator, validator_set
from cli.cluster_layout import (
    GENESIS_FILE,
    OBSERVERS_FOLDER,
    ClusterLayout,
    NodePlace,
    next_place,
    node_places,
    save,
)
from cli.demo import NODE_OPERATORS, PARTIES, library_contracts
from cli.errors import CliError
from cli.node_files import NodeFiles, certificate_path, configuration, make_keys
from tallystick.wallet import Wallet


def create_cluster(
    folder: Path,
    count: int,
    base_port: int,
    contracts: tuple[GenesisContract, ...] | None = None,
    parameters: Parameters | None = None,
    genesis_time: Milliseconds | None = None,
) -> ClusterLayout:
    """Create keys, genesis and configurations of a cluster, with the contracts that ship unless others are given.

    Its time begins now, unless another time is given for the sake of a history that is made beforehand.

    Raises:
        CliError: when the folder already holds something else.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CliError(f"{folder} is not empty and holds no cluster; choose another --dir or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    nodes = node_places(folder.resolve(), count, base_port)
    validators = [_create_node_keys(node, number) for number, node in enumerate(nodes)]
    (folder / "parties").mkdir(mode=0o700)
    (folder / OBSERVERS_FOLDER).mkdir()
    members = [
        GenesisMember(member_id, _create_party(folder, member_id), roles)
        for party in PARTIES
        for member_id, roles in ((party.administrator_id, (ADMINISTRATOR,)), (party.member_id, party.roles))
    ]
    electorate = tuple(party.organisation for party in PARTIES)
    majority = len(electorate) // 2 + 1
    genesis = Genesis(
        "tallystick-local",
        genesis_time or Milliseconds(time.time_ns() // 1_000_000),
        parameters or Parameters(),
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


def add_observer(layout: ClusterLayout, name: str) -> ClusterLayout:
    """Create a node that follows the cluster, and let the cluster's nodes know its certificate.

    They look into the folder of certificates while they run, so none has to be restarted.

    Raises:
        CliError: when the name is taken or is none.
    """
    if not is_name(name) or any(node.name == name for node in layout.nodes):
        raise CliError(f"{name!r} is taken, or is no name: it needs a-z first, then a-z, 0-9, - or _")
    place = next_place(layout, name)
    made = layout.folder / OBSERVERS_FOLDER / f"{name}.pem"
    if place.folder.exists() or made.exists():
        raise CliError(f"{place.folder} or {made} exists already; remove what an earlier attempt left")
    make_keys(place.folder, name)
    place.config.write_text(_configuration(place, layout.validators), encoding="utf-8")
    extended = replace(layout, nodes=(*layout.nodes, place))
    save(extended)
    # Last, and whole at once: from here on the others let it connect.
    fresh = made.with_suffix(".new")
    fresh.write_bytes(certificate_path(place.folder).read_bytes())
    fresh.rename(made)
    return extended


def _create_node_keys(node: NodePlace, number: int) -> Validator:
    made = make_keys(node.folder, node.name)
    operator = NODE_OPERATORS[number % len(NODE_OPERATORS)]
    return Validator(ValidatorId(node.name), operator, made.consensus_key, (made.certificate_der,))


def _create_party(folder: Path, member_id: str) -> PublicKey:
    wallet = Wallet.generate()
    wallet.save(folder / "parties" / f"{member_id}.key")
    return wallet.public_key


def _create_organisation(folder: Path, organisation: str, name: str) -> Organisation:
    wallet = Wallet.generate()
    (folder / "roots").mkdir(mode=0o700, exist_ok=True)
    wallet.save(folder / "roots" / f"{organisation}.key")
    return Organisation(organisation, name, wallet.public_key)


def _configuration(node: NodePlace, others: tuple[NodePlace, ...]) -> str:
    peers = {other.name: f"127.0.0.1:{other.peer_port}" for other in others if other != node}
    api, peer = f"127.0.0.1:{node.api_port}", f"127.0.0.1:{node.peer_port}"
    return configuration(
        NodeFiles(node.name, f"../{GENESIS_FILE}", api, peer, peers, node.is_observer, f"../{OBSERVERS_FOLDER}")
    )
