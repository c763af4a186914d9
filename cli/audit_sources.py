"""Opens what an audit is given: a node's address, an export, the folder of a stopped node, or an earlier verdict."""

import os
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from assembly.data_folder import DataFolder
from audit.consistency import EarlierAudit, decode_earlier_audit
from audit.data_source import DataSource
from audit.export_source import ExportSource
from audit.signed_heads import is_signed_head
from audit.source import BlockSource
from chain.block_store import BlockStore
from chain.state_database import StateDatabase
from chain.storage import StoreLocked, StoreMissing
from chain.store_copy import open_read_only
from chain.values import dataclass
from cli.cluster_layout import CLUSTER_FILE
from cli.errors import EXIT_USAGE, CliError
from cli.node_source import NodeSource
from cli.profile import load_profile
from tallystick.access import OPEN, AccessError

CACHE_BYTES: Final = 32 * 1024 * 1024
VERDICT_BYTES_MAX: Final = 16 * 1024 * 1024
NODE_CONFIG: Final = "node.toml"


@dataclass(frozen=True, slots=True)
class Opened:
    """A history, and the state database beside it where there is one."""

    source: BlockSource
    state: StateDatabase | None
    kind: str


def _node(url: str) -> NodeSource:
    """Return a node's history; a node that the settings name is shown what they say of readers."""
    profile = load_profile({}, os.environ, Path.cwd())
    named = url.rstrip("/") in [known.rstrip("/") for known in profile.urls]
    try:
        return NodeSource(url, profile.access if named else OPEN)
    except AccessError as error:
        raise CliError(str(error), EXIT_USAGE) from error


@contextmanager
def opened(given: str) -> Iterator[Opened]:
    """Yield the history at an address or in a folder; a node's folder is only read.

    Raises:
        CliError: when it is something else, or a node runs in the folder.
        SourceUnreadable, StoreError: when it cannot be read.
    """
    if given.startswith(("http://", "https://")):
        with closing(_node(given)) as node:
            yield Opened(node, None, "a running node")
        return
    folder = Path(given)
    if (folder / CLUSTER_FILE).exists():
        raise CliError(
            f"{folder} is a cluster's folder: audit one of its nodes by its URL (tally cluster status --dir {folder}),"
            f" the folder of a stopped one, or what `tally export --dir {folder} --out FOLDER` wrote"
        )
    if DataFolder(folder).blocks.is_dir():
        with ExitStack() as stack:
            yield _data(stack, folder)
        return
    yield Opened(ExportSource(folder), None, "an export")


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The bytes of a head that members have signed."""

    data: bytes


def read_other_file(given: str) -> EarlierAudit | SignedHead | None:
    """Return what an earlier audit has found, or a signed head, if this is the file of one; None if it is no file.

    Raises:
        CliError: when the file is neither.
    """
    path = Path(given)
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            data = file.read(VERDICT_BYTES_MAX)
        return SignedHead(data) if is_signed_head(data) else decode_earlier_audit(data)
    except (ValueError, OSError) as error:
        raise CliError(f"{path}: {error}") from error


def _data(stack: ExitStack, folder: Path) -> Opened:
    place = DataFolder(folder)
    try:
        blocks = BlockStore(stack.enter_context(open_read_only(place.blocks, "blocks", CACHE_BYTES)))
        state = None
        try:
            state = StateDatabase(stack.enter_context(open_read_only(place.state, "state", CACHE_BYTES)))
        except StoreMissing:
            # The node had not come so far, or somebody copied the blocks alone: they can be audited without it.
            state = None
    except StoreLocked as error:
        address = _address(folder)
        raise CliError(
            f"a node is running on {folder}, and its databases change while they are read; audit it by its address"
            f"{address}, export it and audit the export, or stop the node and try again. Nothing was touched."
        ) from error
    return Opened(DataSource(blocks), state, "the data folder of a stopped node")


def _address(folder: Path) -> str:
    """Return the address in the node's configuration, if that stands beside its data."""
    try:
        document = tomllib.loads((folder / NODE_CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    api = document.get("api")
    return f" (http://{api})" if isinstance(api, str) else ""
