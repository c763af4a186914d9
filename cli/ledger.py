"""The ledger that a command works on: which nodes, which genesis, whose keys are at hand, what readers show."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chain.values import dataclass
from cli import cluster_layout
from cli.errors import EXIT_USAGE, CliError
from cli.keys import open_wallet
from cli.node_tls import with_certificates
from cli.profile import FILES, load_profile
from tallystick.access import OPEN, AccessError, ReaderAccess
from tallystick.blocking import Client
from tallystick.client import AsyncClient
from tallystick.wallet import Wallet

FLAG_NAMES: Final[Mapping[str, str]] = {"folder": "dir", "urls": "url"}
"""Settings whose option has another name in a command."""
LEDGER_PARAMETERS: Final = frozenset({"folder", "urls", "genesis_hash", "profile", *FILES})
"""What commands call the options that choose a ledger."""


@dataclass(frozen=True, slots=True)
class Target:
    """The ledger that a command works on."""

    urls: tuple[str, ...]
    genesis_hash: str | None
    """None if it has to be taken from the first node: then answers are verified, but not anchored."""
    layout: cluster_layout.ClusterLayout | None
    """The local cluster, whose parties' keys are at hand; None for another ledger."""
    access: ReaderAccess = OPEN
    """What is shown to nodes that do not let everybody read."""

    def client(self) -> AsyncClient:
        """Return a client that fails over between the nodes and verifies what they answer."""
        try:
            return AsyncClient(self.urls, genesis_hash=self.genesis_hash, access=self.access)
        except (AccessError, ValueError) as error:
            raise CliError(str(error), EXIT_USAGE) from error

    def blocking_client(self) -> Client:
        """Return such a client for code that does not await."""
        try:
            return Client(self.urls, genesis_hash=self.genesis_hash, access=self.access)
        except (AccessError, ValueError) as error:
            raise CliError(str(error), EXIT_USAGE) from error

    def wallet(self, party: str) -> Wallet:
        """Return the wallet of a demo party, or of a key file.

        Raises:
            CliError: when there is neither.
        """
        if self.layout is not None and self.layout.party_key(party).exists():
            return open_wallet(self.layout.party_key(party))
        if Path(party).is_file():
            return open_wallet(Path(party))
        known = "" if self.layout is None else f"; parties here: {', '.join(self.layout.parties())}"
        raise CliError(f"{party!r} is neither a party of this cluster nor a key file{known}")


def ledger_flags(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the options of a command say of the ledger, as cli.profile calls it."""
    return {FLAG_NAMES.get(name, name): parameters[name] for name in LEDGER_PARAMETERS if parameters.get(name)}


def target_of(flags: dict[str, Any]) -> Target:
    """Return the ledger at the given addresses, otherwise the local cluster, otherwise what the settings name.

    Raises:
        CliError: when there is none, or a setting is wrong.
    """
    profile = load_profile(flags, os.environ, Path.cwd())
    if profile.urls:
        layout = cluster_layout.load(profile.folder) if cluster_layout.exists(profile.folder) else None
        return Target(profile.urls, profile.genesis_hash, layout, profile.access)
    layout = cluster_layout.load(profile.folder)
    urls = tuple(node.api for node in layout.nodes)
    access = with_certificates(layout.nodes, profile.access)
    return Target(urls, profile.genesis_hash or layout.chain_id, layout, access)
