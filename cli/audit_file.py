"""Checks one file of an export alone: no manifest, no other file, only the genesis that says who the validators are."""

from collections.abc import Iterator
from pathlib import Path

from audit.export_blocks import read_blocks, read_on
from audit.export_format import FILE_BLOCKS_MAX, FILE_BYTES_MAX
from audit.mismatch import Level, Mismatch
from audit.ranges import check_light
from audit.source import Unreadable
from chain.encoding import DecodeError
from chain.genesis import GENESIS_BYTES_MAX, Genesis, GenesisError, decode_genesis
from chain.recorded_block import decode_recorded_block
from chain.values import dataclass
from cli.errors import EXIT_AUDIT_MISMATCH, CliError


@dataclass(frozen=True, slots=True)
class FileAudit:
    """What was found in a file."""

    genesis: Genesis
    first: int
    last: int
    transactions: int
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True, slots=True)
class _FileSource:
    """Implements audit.source.BlockSource over the blocks of one file."""

    first: int
    records: tuple[bytes, ...]
    """With what stands in the places of blocks that cannot be read."""

    def genesis(self) -> bytes:
        """Return nothing: a file has no genesis."""
        raise AssertionError("the genesis was read before")

    def head_height(self) -> int:
        """Return the height of the last block, one that cannot be read included."""
        return self.first + len(self.records) - 1

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the recorded blocks from height `first` to `last`."""
        yield from self.records[first - self.first : last - self.first + 1]


def audit_file(path: Path, genesis_path: Path, genesis_hash: bytes | None) -> FileAudit:
    """Check certificates, signatures, roots and links of the blocks in one file.

    Raises:
        CliError: when file or genesis cannot be read, or the genesis is another one.
    """
    genesis = _genesis(_read(genesis_path, GENESIS_BYTES_MAX), genesis_path, genesis_hash)
    source = _source(_read(path, FILE_BYTES_MAX), path)
    last = source.head_height()
    found = check_light(source, genesis, source.first, last, Level.RECEIPTS)
    return FileAudit(genesis, source.first, last, sum(found.transactions), found.mismatches)


def _source(data: bytes, path: Path) -> _FileSource:
    try:
        # Whether the first block has the height that it states, its certificate says.
        first = decode_recorded_block(next(read_blocks(data), b"")).decoded_block().header.height
    except DecodeError as error:
        raise CliError(f"{path} does not begin with a block: {error}", EXIT_AUDIT_MISMATCH) from error
    records: list[bytes] = []
    for height, item in read_on(data, first, first + FILE_BLOCKS_MAX - 1):
        if isinstance(item, bytes):
            records.append(item)
        else:
            lost = 1 if item.next_height is None else item.next_height - height
            records += [Unreadable("file", "a compressed block", item.why).encoded()] * lost
    return _FileSource(first, tuple(records))


def _genesis(data: bytes, path: Path, genesis_hash: bytes | None) -> Genesis:
    try:
        genesis = decode_genesis(data)
    except (DecodeError, GenesisError) as error:
        raise CliError(f"{path} is no genesis: {error}", EXIT_AUDIT_MISMATCH) from error
    if genesis_hash not in (None, genesis.genesis_hash):
        raise CliError(f"{path} is another network's: {genesis.genesis_hash.hex()}", EXIT_AUDIT_MISMATCH)
    return genesis


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > bytes_max:
        raise CliError(f"{path} is larger than {bytes_max:,} bytes", EXIT_AUDIT_MISMATCH)
    return data
