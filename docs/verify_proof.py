"""Checks a proof file of a Tallystick ledger with nothing but Python 3.11: one file, no libraries, no network.

It was written from docs/protocol.md alone and shares no line with the program that makes the proofs.

    python3 verify_proof.py payment.proof --genesis genesis.msgpack
    python3 verify_proof.py payment.proof --genesis-hash 136ca1f6...      if the file carries its genesis

It prints the proven statement as JSON (docs/proofs.md) and exits with 0, or says why it is not proven and exits with 3.
It exits with 2 if it could not check: called wrongly, no genesis at hand, a file that cannot be read.
"""

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from typing import Any

FILE_BYTES_MAX = 16_777_216
FILE_VALUES_MAX = 524_288
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Refused(Exception):
    """The file proves nothing; the text says why."""


class Unusable(Exception):
    """Nothing can be said about the file, because what it is to be checked against is missing or is no genesis."""


def need(condition: bool, why: str) -> None:
    """Refuse unless something holds."""
    if not condition:
        raise Refused(why)


# Encoding: MessagePack in its one canonical form


def encode(value: Any) -> bytes:
    """Return the canonical encoding of a value."""
    if value is None or type(value) is bool:
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if type(value) is int:
        if -32 <= value <= 127:
            return bytes([value & 0xFF])
        size = next(size for size in (1, 2, 4, 8) if -(1 << (8 * size - 1)) <= value < 1 << (8 * size))
        lead = (0xCC if value > 0 else 0xD0) + size.bit_length() - 1
        return bytes([lead]) + value.to_bytes(size, "big", signed=value < 0)
    if type(value) is bytes:
        return head(len(value), 0, None, 0xC4, 0xC5, 0xC6) + value
    if type(value) is str:
        return head(len(value.encode()), 32, 0xA0, 0xD9, 0xDA, 0xDB) + value.encode()
    if type(value) is list:
        return head(len(value), 16, 0x90, None, 0xDC, 0xDD) + b"".join(map(encode, value))
    pairs = sorted((key.encode(), key, item) for key, item in value.items())
    return head(len(pairs), 16, 0x80, None, 0xDE, 0xDF) + b"".join(encode(k) + encode(v) for _, k, v in pairs)


def head(size: int, short_below: int, short: int | None, one: int | None, two: int, four: int) -> bytes:
    """Return what stands before something of this size: the shortest form."""
    if short is not None and size < short_below:
        return bytes([short | size])
    if one is not None and size < 256:
        return bytes([one, size])
    return bytes([two]) + size.to_bytes(2, "big") if size < 65536 else bytes([four]) + size.to_bytes(4, "big")


def decode(data: bytes, depth_max: int = 24, values_max: int = FILE_BYTES_MAX) -> Any:
    """Return the value of a canonical encoding: one that the value, encoded again, leads to."""
    need(len(data) <= FILE_BYTES_MAX, "too long")
    value, end = read(data, 0, depth_max, [values_max - 1])
    need(end == len(data) and encode(value) == data, "not in canonical form")
    return value


def read(data: bytes, at: int, depth: int, room: list[int]) -> tuple[Any, int]:
    """Return the value that begins somewhere, whatever its form, and where it ends; `room` is for how many more."""
    need(at < len(data), "cut off")
    lead, at = data[at], at + 1
    if lead <= 0x7F or lead >= 0xE0:
        return (lead if lead <= 0x7F else lead - 256), at
    if lead in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[lead], at
    if 0xCC <= lead <= 0xD3:
        end = at + (1 << (lead & 3))
        number = int.from_bytes(data[at:end], "big", signed=lead >= 0xD0)
        need(end <= len(data) and number < 2**63, "cut off, or beyond 64 bits with sign")
        return number, end
    if 0x80 <= lead <= 0xBF:
        kind = "map" if lead < 0x90 else "array" if lead < 0xA0 else "text"
        size = lead & (0x1F if kind == "text" else 0x0F)
    else:
        kinds = {0xC4: "bytes", 0xD9: "text", 0xDC: "array", 0xDE: "map"}
        first = max((each for each in kinds if each <= lead), default=0)
        width = (2 if first >= 0xDC else 1) << (lead - first)
        need(first > 0 and width <= 4, f"a value may not begin with {lead:#x}")
        kind, size, at = kinds[first], int.from_bytes(data[at : at + width], "big"), at + width
    # Each part takes a byte at least; a size beyond what is there is a lie that must cost nothing.
    need(size <= len(data) - at, "cut off")
    if kind in ("bytes", "text"):
        piece = data[at : at + size]
        try:
            return (piece if kind == "bytes" else piece.decode("utf-8")), at + size
        except UnicodeDecodeError as error:
            raise Refused("text that is not UTF-8") from error
    need(depth > 0, "nested too deeply")
    parts: list[Any] = []
    count = size * (2 if kind == "map" else 1)
    room[0] -= count
    need(room[0] >= 0, "too many values")
    for number in range(count):
        part, at = read(data, at, depth - 1, room)
        need(kind == "array" or number % 2 == 1 or type(part) is str, "a key that is not text")
        parts.append(part)
    return (parts if kind == "array" else dict(zip(parts[::2], parts[1::2], strict=True))), at


def fields(value: Any, *kinds: Any) -> list[Any]:
    """Return the fields of an array; a kind is a type, a number that must stand there, or None for anything."""
    need(type(value) is list and len(value) == len(kinds), "an array of another length is expected")
    for field, kind in zip(value, kinds, strict=True):
        good = kind is None or type(field) is kind or (type(kind) is int and type(field) is int and field == kind)
        need(good, "a field of another type is expected")
    return list(value)


# Hashes and signatures


def tagged(tag: str, *parts: bytes) -> bytes:
    """Return H(tag, parts)."""
    return hashlib.sha256(b"tallystick/1/" + tag.encode() + b"\0" + b"".join(parts)).digest()


P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


def add(one: Point, two: Point) -> Point:
    """Add points in extended coordinates (RFC 8032, section 5.1.4)."""
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, point: Point) -> Point:
    """Multiply a point."""
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def point_of(data: bytes) -> Point | None:
    """Return the point that 32 bytes encode, in whatever form, or None."""
    number = int.from_bytes(data, "little")
    y, sign = number % 2**255 % P, number >> 255
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if (v * x * x + u) % P == 0:
        x = x * ROOT % P
    if (v * x * x - u) % P:
        return None
    x = P - x if x % 2 != sign else x
    return x % P, y, 1, x * y % P


def bytes_of(point: Point) -> bytes:
    """Return the canonical encoding of a point."""
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def is_small(point: Point) -> bool:
    """Tell whether the order of a point is 1, 2, 4 or 8."""
    multiple = times(8, point)
    return multiple[0] == 0 and multiple[1] == multiple[2]


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(key: bytes, tag: str, payload: bytes, signature: bytes) -> bool:
    """Tell whether a signature is good, by the four rules of the protocol."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    first, public = point_of(r), point_of(key)
    if s >= ORDER or first is None or public is None or is_small(first) or is_small(public):
        return False
    if int.from_bytes(key, "little") % 2**255 >= P:
        return False
    message = b"tallystick/1/" + tag.encode() + b"\0" + payload
    k = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % ORDER
    assert BASE is not None
    minus = (P - public[0], public[1], 1, P - public[3])
    return bytes_of(add(times(s, BASE), times(k, minus))) == r


# Merkle trees and the state


def check_inclusion(root: bytes, count: int, index: int, leaf: bytes, path: list[Any]) -> None:
    """Check an inclusion proof (RFC 9162, section 2.1.3.2)."""
    need(0 <= index < count, "a place that the block does not have")
    need(len(path) <= 63 and all(type(item) is bytes and len(item) == 32 for item in path), "a malformed path")
    digest, place, last = hashlib.sha256(b"\0" + leaf).digest(), index, count - 1
    for sibling in path:
        need(last > 0, "a path that is too long")
        if place % 2 or place == last:
            digest = hashlib.sha256(b"\1" + sibling + digest).digest()
            while place and not place % 2:
                place, last = place >> 1, last >> 1
        else:
            digest = hashlib.sha256(b"\1" + digest + sibling).digest()
        place, last = place >> 1, last >> 1
    need(last == 0 and digest == root, "a Merkle path does not lead to the certified root")


@dataclass
class Leaf:
    """One version of a key."""

    value: bytes | None
    height: int
    index: int
    previous: bytes | None

    def json(self) -> dict[str, Any]:
        value = None if self.value is None else self.value.hex()
        return {"height": self.height, "index": self.index, "value": value}


def leaf_of(data: bytes, contract: str, key: bytes) -> Leaf:
    """Return the version that an encoded leaf of this key is."""
    _, named, at, value, height, index, previous = fields(decode(data, 1, 8), 1, str, bytes, None, int, int, None)
    need((named, at) == (contract, key), "a version of another key")
    need(value is None or type(value) is bytes, "a malformed version")
    need(previous is None or (type(previous) is bytes and len(previous) == 32), "a malformed version")
    need(height >= 0 and index >= 0, "a malformed version")
    return Leaf(value, height, index, previous)


def held(root: bytes, contract: str, key: bytes, proof: bytes) -> Leaf | None:
    """Return the newest version that the state with a root holds under a key; None if it never held one."""
    _, steps, end = fields(decode(proof, 3, 256), 1, list, None)
    need(len(steps) <= 64, "too many steps")
    path = tagged("path", encode([contract, key]))
    digits, leaf, digest = path.hex(), None, b""
    if type(end) is bytes:
        leaf = leaf_of(end, contract, key)
        digest = tagged("leaf-node", path, tagged("leaf", end))
    elif end is not None:
        other, hashed = fields(end, bytes, bytes)
        need(len(other) == 32 and len(hashed) == 32 and other != path, "a malformed neighbour")
        need(other.hex()[: len(steps)] == digits[: len(steps)], "a neighbour from elsewhere")
        digest = tagged("leaf-node", other, hashed)
    for depth in reversed(range(len(steps))):
        bitmap, hashes = fields(steps[depth], int, bytes)
        place = int(digits[depth], 16)
        need(0 < bitmap < 65536 and bool(bitmap >> place & 1) == bool(digest), "a bitmap that does not fit")
        need(len(hashes) == 32 * (bitmap.bit_count() - bool(digest)), "hashes that do not fit their bitmap")
        cut = 32 * (bitmap & ((1 << place) - 1)).bit_count()
        digest = tagged("node", bitmap.to_bytes(2, "big"), hashes[:cut], digest, hashes[cut:])
    need((digest or bytes(32)) == root, "the state proof does not lead to the certified root")
    return leaf


def versions(root: bytes, contract: str, key: bytes, proof: bytes, older: list[Any]) -> list[Leaf]:
    """Return versions of a key, the newest first, each named by the one before."""
    newest = held(root, contract, key, proof)
    found = [] if newest is None else [newest]
    for data in older:
        need(type(data) is bytes and bool(found), "a version that nothing names")
        need(tagged("leaf", data) == found[-1].previous, "a version that the one after it does not name")
        found.append(leaf_of(data, contract, key))
    return found


def history(root: bytes, contract: str, key: bytes, proof: bytes, older: list[Any]) -> list[Leaf]:
    """Return all versions of a key, the oldest first."""
    found = versions(root, contract, key, proof, older)
    need(not found or found[-1].previous is None, "the first version is not shown")
    return found[::-1]


# Validators, headers


@dataclass
class Header:
    """What a certified header says that proofs need."""

    height: int
    time: int
    epoch: int
    block_hash: bytes
    transactions_root: bytes
    state_root: bytes
    receipts_root: bytes
    next_validators: bytes


class Validators:
    """One validator set."""

    def __init__(self, encoded: bytes) -> None:
        _, self.epoch, entries = fields(decode(encoded), 1, int, list)
        self.hash = tagged("validators", encoded)
        self.members = [fields(entry, str, str, bytes, list) for entry in entries]
        self.keys = {entry[0]: entry[2] for entry in self.members}
        names = [entry[0] for entry in self.members]
        need(1 <= len(names) <= 31 and names == sorted(set(names)), "a malformed validator set")
        need(len(set(self.keys.values())) == len(names), "two validators with one key")
        need(all(NAME.fullmatch(name) and len(self.keys[name]) == 32 for name in names), "a malformed validator")
        self.quorum = (len(names) + (len(names) - 1) // 3) // 2 + 1

    def header(self, chain_id: bytes, header: bytes, result: bytes, certificate: bytes) -> Header:
        """Return what a header says that these validators certified together with its result."""
        need(len(header) <= 512 and len(result) <= 256 and len(certificate) <= 8192, "a header that is too long")
        kinds = (int, bytes, int, bytes, bytes, bytes, int, str, bytes, bytes, int)
        version, chain, height, *_, time, _, root, validators, epoch = fields(decode(header), *kinds)
        need(height >= 1 and time >= 0 and version >= 0, "a malformed header")
        need(chain == chain_id, "a header of another ledger")
        need((validators, epoch) == (self.hash, self.epoch), "a header of other validators")
        _, state, receipts, following = fields(decode(result), 1, bytes, bytes, bytes)
        need(len(state) == len(receipts) == len(following) == 32, "a malformed result")
        block_hash, result_hash = tagged("block", header), tagged("result", state, receipts, following)
        kinds_of_vote = (1, 2, bytes, int, int, int, bytes, bytes)
        _, _, *subject, entries = fields(decode(certificate), *kinds_of_vote, list)
        about = [chain_id, epoch, height, subject[3], block_hash, result_hash]
        need(subject == about and subject[3] >= 0, "a certificate of something else")
        votes = [fields(entry, str, bytes) for entry in entries]
        names = [name for name, _ in votes]
        need(len(names) == self.quorum and names == sorted(set(names)), "not exactly a quorum of validators")
        payload = encode([1, 2, *subject])
        for name, signature in votes:
            need(name in self.keys and len(signature) == 64, "a signer who is no validator")
            need(signed(self.keys[name], "vote", payload, signature), f"a bad signature of {name}")
        return Header(height, time, epoch, block_hash, root, state, receipts, following)


# The file


class Verifier:
    """Checks one proof file."""

    def __init__(self, data: bytes, genesis: bytes | None, genesis_hash: bytes) -> None:
        kinds = (1, str, bytes, None, list, list, list)
        _, self.kind, self.chain_id, carried, changes, headers, self.evidence = fields(
            decode(data, 5, FILE_VALUES_MAX), *kinds
        )
        need(self.chain_id == genesis_hash, "the proof is about another ledger")
        need(carried is None or type(carried) is bytes, "a malformed genesis")
        for each in (genesis, carried):
            need(each is None or tagged("genesis", each) == genesis_hash, "a genesis with another hash")
        known = genesis if genesis is not None else carried
        if known is None:
            raise Unusable("the file does not carry its genesis: give it with --genesis")
        self.sets = [Validators(encode(decode(known)[5]))]
        self.last_heights: list[int] = []
        need(1 <= len(headers) <= 1024 and len(changes) <= 1024, "too many headers, or none")
        for change in changes:
            self.change(*fields(change, bytes, bytes, bytes, bytes))
        self.headers: dict[int, Header] = {}
        for entry in headers:
            header = self.certified(*fields(entry, bytes, bytes, bytes))
            need(header.height > max(self.headers, default=0), "headers out of order")
            self.headers[header.height] = header
        self.last = self.headers[max(self.headers)]
        need(self.last.epoch == self.sets[-1].epoch, "a change of validators that nothing needs")

    def change(self, header: bytes, result: bytes, certificate: bytes, following: bytes) -> None:
        """Take the next validator set, which the last one has announced."""
        verified = self.certified(header, result, certificate)
        need(verified.epoch == self.sets[-1].epoch, "a change that others certified")
        need(tagged("validators", following) == verified.next_validators, "other validators than were announced")
        validators = Validators(following)
        need(validators.epoch == self.sets[-1].epoch + 1, "an epoch that does not follow")
        self.sets.append(validators)
        self.last_heights.append(verified.height)

    def certified(self, header: bytes, result: bytes, certificate: bytes) -> Header:
        """Return a header, certified by the set of its epoch at a height that was that set's."""
        need(len(header) <= 512, "a header that is too long")
        claimed = decode(header)
        need(type(claimed) is list and len(claimed) == 11 and type(claimed[10]) is int, "a malformed header")
        place = claimed[10] - self.sets[0].epoch
        need(0 <= place < len(self.sets), "validators of whom nothing is shown")
        verified: Header = self.sets[place].header(self.chain_id, header, result, certificate)
        need(place == 0 or verified.height > self.last_heights[place - 1], "validators before their time")
        late = place < len(self.last_heights) and verified.height > self.last_heights[place]
        need(not late, "validators after they were replaced")
        return verified

    def statement(self) -> dict[str, Any]:
        """Return the proven statement."""
        ways = {"transaction": self.transaction, "key": self.key, "history": self.history, "story": self.story}
        ways["validators"] = self.validators
        need(self.kind in ways, "a kind of proof that there is not")
        need(self.kind == "story" or len(self.headers) == 1, "more headers than are needed")
        proven = ways[self.kind]()
        last, validators = self.last, self.sets[-1]
        return {
            "kind": self.kind,
            "genesis_hash": self.chain_id.hex(),
            "height": last.height,
            "block_hash": last.block_hash.hex(),
            "time": last.time,
            "epoch": last.epoch,
            "validators": len(validators.keys),
            "quorum": validators.quorum,
            **proven,
        }

    def transaction(self) -> dict[str, Any]:
        return self.placed(self.evidence, self.last.height)

    def placed(self, entry: Any, height: int) -> dict[str, Any]:
        """Return a transaction that stands with its receipt in the block at a height."""
        raw, index, count, path, receipt, receipts_path = fields(entry, bytes, int, int, list, bytes, list)
        need(height in self.headers, "the header of a transaction is not shown")
        _, body, signature = fields(decode(raw, 1, 4), 1, bytes, bytes)
        header, identifier = self.headers[height], tagged("transaction", body)
        need(len(signature) == 64, "a malformed transaction")
        # Nothing is made of what stands in transaction and receipt before their hashes vouch for it.
        check_inclusion(header.transactions_root, count, index, identifier + signature, path)
        check_inclusion(header.receipts_root, count, index, receipt, receipts_path)
        _, _, sender, _, _, calls, *_ = fields(decode(body), 1, bytes, bytes, bytes, int, list, int, None, None)
        kinds = (1, bytes, int, int, int, None, list, int, list)
        _, named, stated, at, status, code, *_ = fields(decode(receipt), *kinds)
        need((code is None and status == 0) or (type(code) is str and status == 1), "a malformed receipt")
        need((named, stated, at) == (identifier, height, index), "the receipt of another transaction")
        return {
            "transaction_id": identifier.hex(),
            "transaction_height": height,
            "index": index,
            "sender_key": sender.hex(),
            "calls": [f"{contract}.{method}" for contract, method, _ in (fields(c, str, str, list) for c in calls)],
            "code": code,
            "raw": raw.hex(),
            "receipt": receipt.hex(),
        }

    def key(self) -> dict[str, Any]:
        contract, key, height, proof, older = fields(self.evidence, str, bytes, int, bytes, list)
        need(0 <= height <= self.last.height, "a height that the proof does not reach")
        found = versions(self.last.state_root, contract, key, proof, older)
        later = sum(leaf.height > height for leaf in found)
        need(len(found) - later <= 1, "versions that nothing needs")
        leaf = found[-1] if len(found) > later else None
        need(leaf is not None or not found or found[-1].previous is None, "the version in force is not shown")
        version = None if leaf is None else leaf.json()
        return {"contract": contract, "key": key.hex(), "at_height": height, "version": version}

    def history(self) -> dict[str, Any]:
        contract, key, proof, older = fields(self.evidence, str, bytes, bytes, list)
        found = history(self.last.state_root, contract, key, proof, older)
        return {"contract": contract, "key": key.hex(), "versions": [leaf.json() for leaf in found]}

    def validators(self) -> dict[str, Any]:
        fields(self.evidence)
        members = [
            {"id": name, "organisation": organisation, "consensus_key": key.hex()}
            for name, organisation, key, _ in self.sets[-1].members
        ]
        return {"validators_hash": self.sets[-1].hash.hex(), "members": members, "changed_at": self.last_heights}

    def story(self) -> dict[str, Any]:
        kinds = (str, str, str, int, bytes, list, list)
        contract, rule, subject, height, proof, records, placed = fields(self.evidence, *kinds)
        need(rule in ("item", "transfer") and len(subject) <= 1024, "a story that there is not")
        deployed = held(self.root(height), "system", storage_key("contract", contract), proof)
        need(deployed is not None and deployed.value is not None, "there is no such contract")
        assert deployed is not None and deployed.value is not None
        _, _, version, _, source, *_ = fields(decode(deployed.value), 1, str, int, int, bytes, str, int, bool, int)
        told, written = self.records(contract, rule, subject, records)
        places = sorted(written)
        need(len(placed) == len(places), "not exactly the transactions that wrote the records")
        transactions = [self.placed(entry, at) for entry, (at, _) in zip(placed, places, strict=True)]
        found = [(each["transaction_height"], each["index"]) for each in transactions]
        need(found == places, "not exactly the transactions that wrote the records")
        needed = {height, *(each["as_of"] for each in told), *(at for at, _ in places)}
        need(needed == set(self.headers), "a header that nothing needs")
        return {
            "contract": contract,
            "rule": rule,
            "subject": subject,
            "contract_version": version,
            "source_hash": source.hex(),
            "complete_to": min(each["as_of"] for each in told),
            "records": told,
            "transactions": transactions,
        }

    def records(
        self, contract: str, rule: str, subject: str, shown: list[Any]
    ) -> tuple[list[dict[str, Any]], set[tuple[int, int]]]:
        """Return the records of a story, and where their versions were written."""
        subjects, told, written = [subject], list[dict[str, Any]](), set[tuple[int, int]]()
        need(len(shown) <= 256, "too many records")
        for number, record in enumerate(shown):
            height, proof, older = fields(record, int, bytes, list)
            need(number < len(subjects), "a record that nothing needs")
            key = storage_key("goods" if rule == "item" else "transfers", subjects[number])
            found = history(self.root(height), contract, key, proof, older)
            need(bool(found), "there is no such record")
            told.append({"subject": subjects[number], "as_of": height, "versions": [leaf.json() for leaf in found]})
            written |= {(leaf.height, leaf.index) for leaf in found if leaf.height > 0}
            for leaf in found if rule == "item" else ():
                item = None if leaf.value is None else decode(leaf.value)
                need(item is None or (type(item) is list and len(item) > 5 and type(item[5]) is str), "not an item")
                if item is not None and item[5] and item[5] not in subjects:
                    subjects.append(item[5])
        need(len(told) == len(subjects), "a record is not shown")
        return told, written

    def root(self, height: int) -> bytes:
        """Return the state root after a block whose header is shown."""
        need(height in self.headers, "a header is not shown")
        return self.headers[height].state_root


def storage_key(*parts: str) -> bytes:
    """Return the encoding of a key of texts."""
    return b"".join(b"\x02" + part.encode().replace(b"\0", b"\0\xff") + b"\0" for part in parts)


def verify(data: bytes, genesis: bytes | None, genesis_hash: bytes | None) -> dict[str, Any]:
    """Return what a file proves to somebody who knows a genesis, its hash, or both.

    Raises:
        Refused: when it proves nothing.
        Unusable: when the genesis is missing, or is none.
    """
    if genesis is not None:
        try:
            Validators(encode(fields(decode(genesis), 1, str, int, list, list, list, list, list, list)[5]))
        except Refused as error:
            raise Unusable(f"the genesis file is no genesis in its encoded form: {error}") from error
    if genesis_hash is None:
        if genesis is None:
            raise Unusable("neither a genesis nor its hash is known")
        genesis_hash = tagged("genesis", genesis)
    return Verifier(data, genesis, genesis_hash).statement()


def contents(path: str) -> bytes:
    """Return a file, and a byte more than is allowed if it is too long."""
    with open(path, "rb") as file:
        return file.read(FILE_BYTES_MAX + 1)


def main(arguments: list[str]) -> int:
    """Check the file that the command line names; return the exit code."""
    options = dict(zip(arguments[1::2], arguments[2::2], strict=False))
    if len(arguments) % 2 == 0 or not options or not options.keys() <= {"--genesis", "--genesis-hash"}:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        data = contents(arguments[0])
        genesis = contents(options["--genesis"]) if "--genesis" in options else None
        known = bytes.fromhex(options["--genesis-hash"]) if "--genesis-hash" in options else None
        if known is not None and len(known) != 32:
            raise ValueError("a genesis hash has 64 hexadecimal digits")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        proven = verify(data, genesis, known)
    except Unusable as error:
        print(f"NOT CHECKED: {error}", file=sys.stderr)
        return 2
    except Refused as error:
        print(f"NOT PROVEN: {error}", file=sys.stderr)
        return 3
    print(json.dumps(proven, indent=2, ensure_ascii=False))
    print("PROVEN. What no proof shows: that this is the latest block, or the only history.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
