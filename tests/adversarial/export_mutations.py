"""Alters an export at random in all the ways that somebody could, and expects the audit to name the very block.

    python tests/adversarial/export_mutations.py [--mutations 10000] [--seed 0]

Kinds: bytes of files changed, cut out, put in; files cut off; blocks left out, doubled, swapped, or taken from another
history; bytes inside of blocks and whole outcomes altered with everything else made to fit, down to the manifest;
numbers in blocks, genesis and manifest made as large or small as can be written; and blocks re-signed by fewer
validators than a quorum, alone or with the whole history behind them. A mutation that is not found, or at another
height, ends the run with its number, from which it is made again.
"""

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from chain_maker import ChainMaker, MemorySource, certify, make_genesis

from audit.auditor import run_audit
from audit.export_blocks import compress_block
from audit.export_format import GENESIS_FILE, MANIFEST_FILE, decode_manifest, sha256_of
from audit.export_source import ExportSource
from audit.export_writer import ExportError, write_export
from chain.block import decode_block, make_block
from chain.crypto import tagged_hash
from chain.encoding import DecodeError, EncodeError
from chain.merkle import merkle_root
from chain.receipt import BlockResult
from chain.recorded_block import RecordedBlock, decode_recorded_block
from chain.transaction import decode_transaction
from chain.types import Digest, Milliseconds
from contracts.engine.runtime import Engine

BLOCKS = 10
FILE_BYTES = 6_000
"""Some blocks a file, so that an export has several."""


class World:
    """One true history, its export, and another history of another network."""

    def __init__(self, folder: Path) -> None:
        self.maker = ChainMaker()
        self.maker.decide_many(BLOCKS)
        other = ChainMaker(make_genesis(name="another network"))
        other.decide_many(BLOCKS)
        self.other = other.source.records
        self.folder = folder
        self.runtime = Engine()
        self.true = self.written(self.maker.source.records)

    def written(self, records: list[bytes]) -> dict[str, bytes]:
        """Return the files of an export of these blocks, whatever they are."""
        for path in self.folder.iterdir():
            path.unlink()
        write_export(self.folder, MemorySource(self.maker.genesis.encoded(), records), lambda *_: None, FILE_BYTES)
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def forged(self, records: list[bytes]) -> dict[str, bytes]:
        """Return the files of an export that fit each other, also where an honest exporter would not write them."""
        try:
            return self.written(records)
        except ExportError:
            return self._patched(records)

    def found_at(self, files: dict[str, bytes]) -> int | None:
        """Audit these files; return the height of the first mismatch, None if there is none."""
        for path in self.folder.iterdir():
            path.unlink()
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        anchor = self.maker.genesis.genesis_hash
        verdict = run_audit(ExportSource(self.folder), genesis_hash=anchor, runtime=self.runtime)
        return None if verdict.first_mismatch is None else verdict.first_mismatch.height

    def _patched(self, records: list[bytes]) -> dict[str, bytes]:
        """Put blocks into the places of the true ones, file by file, and write the manifest that they lead to."""
        manifest = decode_manifest(self.true[MANIFEST_FILE])
        files, entries, height = {GENESIS_FILE: self.true[GENESIS_FILE]}, [], 1
        for entry in manifest.files:
            last = min(entry.last, len(records))
            if entry is manifest.files[-1]:
                last = len(records)
            data = b"".join(map(compress_block, records[height - 1 : last]))
            entries.append(replace(entry, first=height, last=last, bytes=len(data), sha256=sha256_of(data)))
            files[entry.file] = data
            height = last + 1
        head = _hash_or(records[-1], manifest.head_hash)
        made = replace(manifest, files=tuple(entries), head_height=len(records), head_hash=head)
        return {**files, MANIFEST_FILE: made.encoded()}


def _hash_or(record: bytes, otherwise: str) -> str:
    try:
        return decode_recorded_block(record).decoded_block().block_hash.hex()
    except DecodeError:
        return otherwise


Mutated = tuple[dict[str, bytes], set[int]]
"""The files of an altered export, and the height that is right to name; several for a byte of the manifest."""


def changed_byte(world: World, chance: random.Random) -> Mutated:
    """Change one byte of any file, more likely of a large one."""
    name = _any_file(world, chance)
    data = bytearray(world.true[name])
    position = chance.randrange(len(data))
    data[position] ^= chance.randrange(1, 256)
    return {**world.true, name: bytes(data)}, _heights_at(world, name, position)


def cut_bytes(world: World, chance: random.Random) -> Mutated:
    """Cut some bytes out of a file of blocks."""
    name = _block_file(world, chance)
    data = world.true[name]
    position = chance.randrange(len(data))
    end = min(len(data), position + chance.randrange(1, 200))
    return {**world.true, name: data[:position] + data[end:]}, _heights_at(world, name, position)


def inserted_bytes(world: World, chance: random.Random) -> Mutated:
    """Put some bytes into a file of blocks."""
    name = _block_file(world, chance)
    data = world.true[name]
    position = chance.randrange(len(data))
    more = chance.randbytes(chance.randrange(1, 50))
    # What is put in may continue as the file itself does: then it is the byte after it that is out of place.
    changed = data[:position] + more + data[position:]
    first = next(at for at in range(len(changed)) if at >= len(data) or changed[at] != data[at])
    return {**world.true, name: changed}, _heights_at(world, name, first)


def truncated_file(world: World, chance: random.Random) -> Mutated:
    """Cut a file of blocks off."""
    name = _block_file(world, chance)
    position = chance.randrange(len(world.true[name]))
    return {**world.true, name: world.true[name][:position]}, _heights_at(world, name, position)


def missing_file(world: World, chance: random.Random) -> Mutated:
    """Remove a file of blocks."""
    name = _block_file(world, chance)
    return {other: data for other, data in world.true.items() if other != name}, _heights_at(world, name, 0)


def left_out_block(world: World, chance: random.Random) -> Mutated:
    """Leave out a block that is not the last one; what is left of the export fits."""
    height = chance.randrange(1, BLOCKS)
    records = world.maker.source.records
    return world.forged(records[: height - 1] + records[height:]), {height}


def doubled_block(world: World, chance: random.Random) -> Mutated:
    """Show a block twice."""
    height = chance.randrange(1, BLOCKS + 1)
    records = world.maker.source.records
    return world.forged([*records[:height], *records[height - 1 :]]), {height + 1}


def swapped_blocks(world: World, chance: random.Random) -> Mutated:
    """Swap two blocks."""
    one, two = sorted(chance.sample(range(BLOCKS), 2))
    records = world.maker.source.records
    records[one], records[two] = records[two], records[one]
    return world.forged(records), {one + 1}


def foreign_block(world: World, chance: random.Random) -> Mutated:
    """Show the block of another network."""
    place = chance.randrange(BLOCKS)
    records = world.maker.source.records
    records[place] = world.other[place]
    return world.forged(records), {place + 1}


def changed_inside(world: World, chance: random.Random) -> Mutated:
    """Change one byte inside of a block; file and manifest fit it."""
    place = chance.randrange(BLOCKS)
    records = world.maker.source.records
    data = bytearray(records[place])
    data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    records[place] = bytes(data)
    return world.forged(records), {place + 1}


def resigned_block(world: World, chance: random.Random) -> Mutated:
    """Alter a block or its outcome, and sign it anew by fewer validators than a quorum; or sign the true one so."""
    place = chance.randrange(BLOCKS)
    records = world.maker.source.records
    records[place] = _resigned(world, world.maker.records[place], chance)
    return world.forged(records), {place + 1}


def resigned_history(world: World, chance: random.Random) -> Mutated:
    """Let fewer validators than a quorum sign another history from some height on, executed as it should be."""
    place = chance.randrange(BLOCKS)
    fork = ChainMaker(runtime=world.runtime)
    for record in world.maker.records[:place]:
        execution = fork.ledger.execute(record.decoded_block(), lambda transaction: True)
        fork.ledger.apply(execution)
        fork.records.append(record)
    for _ in range(place, BLOCKS):
        fork.decide(fork.transfer(amount=chance.randrange(5, 50)))
    few = _few(world, chance)
    records = [record.encoded() for record in fork.records[:place]]
    for record in fork.records[place:]:
        certificate = certify(world.maker.genesis, record.decoded_block(), record.decoded_result(), few)
        records.append(replace(record, certificate=certificate.encoded()).encoded())
    return world.forged(records), {place + 1}


def extreme_number(world: World, chance: random.Random) -> Mutated:
    """Put a number that is as large or small as can be written in the place of another one, anywhere in a block."""
    place = chance.randrange(BLOCKS)
    records = world.maker.source.records
    value: Any = msgpack.unpackb(records[place])
    altered = msgpack.packb(_with_extreme(value, chance.randrange(_numbers_in(value)), chance)[0])
    records[place] = altered if chance.randrange(2) else _fitted(world, altered, chance)
    return world.forged(records), {place + 1}


def extreme_in_genesis(world: World, chance: random.Random) -> Mutated:
    """Do the same in the genesis; the manifest fits it."""
    value: Any = msgpack.unpackb(world.true[GENESIS_FILE])
    genesis = msgpack.packb(_with_extreme(value, chance.randrange(_numbers_in(value)), chance)[0])
    manifest = decode_manifest(world.true[MANIFEST_FILE])
    chain_id = tagged_hash("genesis", genesis).hex()
    made = replace(manifest, genesis_bytes=len(genesis), genesis_sha256=sha256_of(genesis), genesis_hash=chain_id)
    return {**world.true, GENESIS_FILE: genesis, MANIFEST_FILE: made.encoded()}, {0}


def extreme_in_manifest(world: World, chance: random.Random) -> Mutated:
    """Do the same in the manifest."""
    text = world.true[MANIFEST_FILE].decode()
    match = chance.choice([*re.finditer(r"(?<=: )[0-9]+", text)])
    number = chance.choice([each for each in EXTREMES if each != int(match[0])])
    altered = f"{text[: match.start()]}{number}{text[match.end() :]}"
    return {**world.true, MANIFEST_FILE: altered.encode()}, _heights_at(world, MANIFEST_FILE, match.start())


KINDS: tuple[Callable[[World, random.Random], Mutated], ...] = (
    changed_byte,
    cut_bytes,
    inserted_bytes,
    truncated_file,
    missing_file,
    left_out_block,
    doubled_block,
    swapped_blocks,
    foreign_block,
    changed_inside,
    resigned_block,
    resigned_history,
    extreme_number,
    extreme_in_genesis,
    extreme_in_manifest,
)

EXTREMES = (0, 1, -1, 127, -33, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -(2**63))
"""Numbers at the borders of what MessagePack writes and of what the protocol allows, which is less."""


def mutate(world: World, seed: int, number: int) -> tuple[str, Mutated]:
    """Return a mutation by its number: the same one whenever it is asked for."""
    chance = random.Random(f"{seed}/{number}")
    kind = KINDS[number % len(KINDS)]
    return kind.__name__, kind(world, chance)


def run_mutations(world: World, mutations: int, seed: int, on_mutation: Callable[[int], None]) -> Counter[str]:
    """Audit so many mutations; return how many of each kind were found at the right height.

    Raises:
        AssertionError: at the first that is not.
    """
    found: Counter[str] = Counter()
    for number in range(mutations):
        kind, (files, heights) = mutate(world, seed, number)
        assert files != world.true, f"mutation {number} of seed {seed} ({kind}) changes nothing"
        at = world.found_at(files)
        assert at in heights, f"mutation {number} of seed {seed} ({kind}): found at {at}, it is at {sorted(heights)}"
        found[kind] += 1
        on_mutation(number + 1)
    return found


def _any_file(world: World, chance: random.Random) -> str:
    names = sorted(world.true)
    return chance.choices(names, [len(world.true[name]) for name in names])[0]


def _block_file(world: World, chance: random.Random) -> str:
    return chance.choice(sorted(set(world.true) - {GENESIS_FILE, MANIFEST_FILE}))


def _heights_at(world: World, name: str, position: int) -> set[int]:
    """Return the height of the block at a place of a file; for the manifest, whatever it speaks of."""
    manifest = decode_manifest(world.true[MANIFEST_FILE])
    if name == GENESIS_FILE:
        return {0}
    if name == MANIFEST_FILE:
        return {0, manifest.head_height, *(entry.first for entry in manifest.files)}
    entry = next(each for each in manifest.files if each.file == name)
    end, height = 0, entry.first
    for record in world.maker.source.records[entry.first - 1 : entry.last]:
        end += len(compress_block(record))
        if position < end:
            break
        height += 1
    return {height}


def _nested(value: Any) -> Any:
    """Return the structure that stands in a string of bytes, None if there is none."""
    if type(value) is not bytes or not value or not 0x91 <= value[0] <= 0xDF:
        return None
    try:
        inner = msgpack.unpackb(value)
    except ValueError:
        return None
    return inner if type(inner) is list and msgpack.packb(inner) == value else None


def _numbers_in(value: Any) -> int:
    inner = value if type(value) in (list, dict) else _nested(value)
    if type(inner) is dict:
        return sum(map(_numbers_in, inner.values()))
    return int(type(value) is int) if inner is None else sum(map(_numbers_in, inner))


def _with_extreme(value: Any, place: int, chance: random.Random) -> tuple[Any, int]:
    """Return a structure in which the number at a place, counted from 0, is another one, and the places left."""
    if type(value) is int:
        return (chance.choice([each for each in EXTREMES if each != value]), -1) if place == 0 else (value, place - 1)
    inner = value if type(value) in (list, dict) else _nested(value)
    if inner is None or place < 0:
        return value, place
    made: list[Any] = []
    for item in inner.values() if type(inner) is dict else inner:
        altered, place = _with_extreme(item, place, chance)
        made.append(altered)
    whole: Any = dict(zip(inner, made, strict=True)) if type(inner) is dict else made
    return (whole if type(value) in (list, dict) else msgpack.packb(whole)), place


def _fitted(world: World, data: bytes, chance: random.Random) -> bytes:
    """Make roots and certificate fit an altered block, if it can be read at all; too few have signed it."""
    try:
        record = decode_recorded_block(data)
        block, result = record.decoded_block(), record.decoded_result()
        leaves = [decode_transaction(raw, size_max=len(raw)).merkle_leaf for raw in block.transactions]
    except DecodeError:
        return data
    block = make_block(replace(block.header, transactions_root=merkle_root(leaves)), block.transactions)
    result = replace(result, receipts_root=merkle_root(record.receipts))
    try:
        certificate = certify(world.maker.genesis, block, result, _few(world, chance)).encoded()
    except EncodeError:
        return data
    return RecordedBlock(block.raw, result.encoded(), certificate, record.receipts).encoded()


def _few(world: World, chance: random.Random) -> list[str]:
    validators = world.maker.genesis.validators
    return sorted(chance.sample([str(each) for each in validators.ids], chance.randrange(1, validators.quorum)))


def _resigned(world: World, record: RecordedBlock, chance: random.Random) -> bytes:
    block, result, receipts = record.decoded_block(), record.decoded_result(), record.receipts
    match chance.randrange(5):
        case 0:
            later = Milliseconds(block.header.time + chance.randrange(1, 900))
            block = make_block(replace(block.header, time=later), block.transactions)
        case 1:
            result = replace(result, state_root=Digest(chance.randbytes(32)))
        case 2:
            altered = replace(record.decoded_receipts()[0], gas_used=chance.randrange(1, 100)).encoded()
            receipts = (altered, *receipts[1:])
            result = BlockResult(result.state_root, merkle_root(receipts), result.next_validators_hash)
        case 3:
            block = make_block(block.header, block.transactions[::-1])
        case _:
            # The very same block: that too few have signed it is all that is wrong.
            pass
    certificate = certify(world.maker.genesis, decode_block(block.raw), result, _few(world, chance))
    return RecordedBlock(block.raw, result.encoded(), certificate.encoded(), receipts).encoded()


def main() -> None:
    """Run a campaign and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.process_time()

    def tell(done: int) -> None:
        if sys.stderr.isatty() or done % 1_000 == 0:
            print(f"\r{done:,} of {arguments.mutations:,}", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="tally-mutations-") as folder:
        found = run_mutations(World(Path(folder)), arguments.mutations, arguments.seed, tell)
    print(file=sys.stderr)
    for kind, count in sorted(found.items()):
        print(f"{kind:<18}{count:>7,}")
    seconds = time.process_time() - began
    print(
        f"all {found.total():,} mutations of seed {arguments.seed} found at their height, {seconds:.0f} s of one core"
    )


if __name__ == "__main__":
    main()
