"""Checks one file of an export alone: no manifest, no other file, only the genesis that says who the validators are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.export_blocks import read_blocks
from audit.export_format import FILE_BYTES_MAX
from audit.mismatch import AuditMismatch, Level, Mismatch
from audit.ranges import check_light
from chain.encoding import DecodeError
from chain.genesis import GENESIS_BYTES_MAX, Genesis, GenesisError, decode_genesis
from chain.recorded_block import decode_recorded_block
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
    damage: str | None
    """What is wrong with the file behind the last block that could be read."""

    def genesis(self) -> bytes:
        """Return nothing: a file has no genesis."""
        raise AssertionError("the genesis was read before")

    def head_height(self) -> int:
        """Return the height of the last block, the one that cannot be read included."""
        return self.first + len(self.records) - (self.damage is None)

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the recorded blocks, and raise where the file is damaged."""
        yield from self.records[first - self.first : last - self.first + 1]
        if self.damage is not None:
            height = self.first + len(self.records)
            raise AuditMismatch(Mismatch(Level.FORM, height, "file", "a compressed block", self.damage))


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
    records: list[bytes] = []
    damage: str | None = None
    try:
        for record in read_blocks(data):
            records.append(record)
    except DecodeError as error:
        damage = str(error)
    try:
        # Whether the first block has the height that it states, its certificate says.
        first = decode_recorded_block(records[0]).decoded_block().header.height
    except (IndexError, DecodeError) as error:
        raise CliError(f"{path} does not begin with a block: {damage or error}", EXIT_AUDIT_MISMATCH) from error
    return _FileSource(first, tuple(records), damage)


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
