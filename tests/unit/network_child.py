"""A node of the network tests in a process of its own, so that it can be paused: FOLDER OWN OWN_PORT PEER PEER_PORT."""

import asyncio
import sys
from pathlib import Path

from network_support import CHAIN, QUICK, Recorder

from chain.types import Height, PublicKey, ValidatorId
from chain.validators import Validator
from network.peer import Address
from network.peers import NetworkConfig, PeerNetwork
from network.tls import TlsFiles, certificate_der_of


async def main(folder: Path, own: ValidatorId, own_port: int, peer: ValidatorId, peer_port: int) -> None:
    """Run until killed."""
    validators = []
    for name in (own, peer):
        der = certificate_der_of((folder / f"{name}.crt").read_bytes())
        validators.append(Validator(name, name, PublicKey(bytes(32)), (der,)))
    files = TlsFiles(folder / f"{own}.crt", folder / f"{own}.key")
    config = NetworkConfig(own, CHAIN, files, "127.0.0.1", own_port, QUICK)
    addresses = {peer: Address("127.0.0.1", peer_port)}
    await PeerNetwork(config, validators, addresses, Recorder(), lambda: Height(3)).run()


if __name__ == "__main__":
    place, own_name, own_listens, peer_name, peer_listens = sys.argv[1:]
    asyncio.run(main(Path(place), ValidatorId(own_name), int(own_listens), ValidatorId(peer_name), int(peer_listens)))
