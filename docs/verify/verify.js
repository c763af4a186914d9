// Checks a proof file of a Tallystick ledger in a browser or in Node: plain JavaScript and WebCrypto, nothing fetched.
//
// Written from docs/protocol.md alone; it shares no line with the program that makes the proofs. `verify` returns the
// proven statement as docs/proofs.md describes it, or throws Refused with the reason. The only thing that is trusted is
// the genesis hash.

const FILE_BYTES_MAX = 16_777_216;
const FILE_VALUES_MAX = 524_288;
const NAME = /^[a-z][a-z0-9_-]{0,31}$/;

export class Refused extends Error {}
export class Unsupported extends Error {}
// Nothing can be said about the file, because what it is to be checked against is missing or is no genesis.
export class Unusable extends Error {}

function need(condition, why) {
  if (!condition) throw new Refused(why);
}

// Bytes

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function unhex(text) {
  need(/^([0-9a-f]{2})*$/i.test(text), "not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function join(...parts) {
  return joined(parts);
}

// As arguments of a call only some ten thousand parts would fit on the stack.
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function same(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

const ascii = (text) => new TextEncoder().encode(text);
const isBytes = (value) => value instanceof Uint8Array;
const isInteger = (value) => typeof value === "number" || typeof value === "bigint";

// Encoding: MessagePack in its one canonical form. Integers beyond 2^53 are BigInts, maps are Maps.

export function encode(value) {
  if (value === null) return Uint8Array.of(0xc0);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xc3 : 0xc2);
  if (isInteger(value)) return encodeInteger(BigInt(value));
  if (isBytes(value)) return join(head(value.length, 0, 0, 0xc4, 0xc5, 0xc6), value);
  if (typeof value === "string") {
    const text = ascii(value);
    return join(head(text.length, 32, 0xa0, 0xd9, 0xda, 0xdb), text);
  }
  if (Array.isArray(value)) return joined([head(value.length, 16, 0x90, 0, 0xdc, 0xdd), ...value.map(encode)]);
  const pairs = [...value].map(([key, item]) => [ascii(key), key, item]).sort(([one], [other]) => compare(one, other));
  return joined([head(pairs.length, 16, 0x80, 0, 0xde, 0xdf), ...pairs.flatMap(([, key, item]) => [encode(key), encode(item)])]);
}

function compare(one, other) {
  for (let place = 0; place < Math.min(one.length, other.length); place += 1) {
    if (one[place] !== other[place]) return one[place] - other[place];
  }
  return one.length - other.length;
}

function encodeInteger(value) {
  if (value >= -32n && value <= 127n) return Uint8Array.of(Number(value & 0xffn));
  const size = [1, 2, 4, 8].find((each) => {
    const bits = BigInt(8 * each);
    return value >= 0n ? value < 1n << bits : value >= -(1n << (bits - 1n));
  });
  const bytes = Uint8Array.from({ length: size }, (_, place) => Number((value >> BigInt(8 * (size - 1 - place))) & 0xffn));
  return join(Uint8Array.of((value >= 0n ? 0xcc : 0xd0) + Math.log2(size)), bytes);
}

// What stands before something of this size: the shortest form. A lead of 0 is a form that the type does not have.
function head(size, shortBelow, short, one, two, four) {
  if (size < shortBelow) return Uint8Array.of(short | size);
  if (one && size < 256) return Uint8Array.of(one, size);
  if (size < 65536) return Uint8Array.of(two, size >> 8, size & 0xff);
  return Uint8Array.of(four, size >>> 24, (size >> 16) & 0xff, (size >> 8) & 0xff, size & 0xff);
}

export function decode(data, depthMax = 24, valuesMax = FILE_BYTES_MAX) {
  need(data.length <= FILE_BYTES_MAX, "too long");
  const [value, end] = read(data, 0, depthMax, { values: valuesMax - 1 });
  need(end === data.length && same(encode(value), data), "not in canonical form");
  return value;
}

const SIZED = [[0xde, "map", 2], [0xdc, "array", 2], [0xd9, "text", 1], [0xc4, "bytes", 1]];

// Returns the value that begins somewhere, whatever its form, and where it ends; `room` is for how many more.
function read(data, start, depth, room) {
  need(start < data.length, "cut off");
  const lead = data[start];
  let at = start + 1;
  if (lead <= 0x7f || lead >= 0xe0) return [lead <= 0x7f ? lead : lead - 256, at];
  if (lead === 0xc0 || lead === 0xc2 || lead === 0xc3) return [lead === 0xc0 ? null : lead === 0xc3, at];
  if (lead >= 0xcc && lead <= 0xd3) return readInteger(data, at, 1 << (lead & 3), lead >= 0xd0);
  let kind = lead < 0x90 ? "map" : lead < 0xa0 ? "array" : "text";
  let size = lead & (kind === "text" ? 0x1f : 0x0f);
  if (lead > 0xbf) {
    const form = SIZED.find(([first]) => first <= lead);
    const width = form === undefined ? 8 : form[2] << (lead - form[0]);
    need(width <= 4, "a value may not begin so");
    need(at + width <= data.length, "cut off");
    kind = form[1];
    size = data.subarray(at, at + width).reduce((sum, byte) => sum * 256 + byte, 0);
    at += width;
  }
  // Each part takes a byte at least; a size beyond what is there is a lie that must cost nothing.
  need(size <= data.length - at, "cut off");
  if (kind === "bytes") return [data.slice(at, at + size), at + size];
  if (kind === "text") return [readText(data.subarray(at, at + size)), at + size];
  need(depth > 0, "nested too deeply");
  const parts = [];
  const count = size * (kind === "map" ? 2 : 1);
  room.values -= count;
  need(room.values >= 0, "too many values");
  for (let number = 0; number < count; number += 1) {
    const [part, end] = read(data, at, depth - 1, room);
    need(kind === "array" || number % 2 === 1 || typeof part === "string", "a key that is not text");
    parts.push(part);
    at = end;
  }
  if (kind === "array") return [parts, at];
  return [new Map(Array.from({ length: size }, (_, number) => [parts[2 * number], parts[2 * number + 1]])), at];
}

function readInteger(data, at, size, signed) {
  need(at + size <= data.length, "cut off");
  let value = data.subarray(at, at + size).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  if (signed) value = BigInt.asIntN(8 * size, value);
  need(value < 1n << 63n, "an integer beyond 64 bits with sign");
  const plain = Number(value);
  return [Number.isSafeInteger(plain) ? plain : value, at + size];
}

function readText(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused("text that is not UTF-8");
  }
}

// Returns the fields of an array; a kind names a type, is a number that must stand there, or null for anything.
function fields(value, ...kinds) {
  need(Array.isArray(value) && value.length === kinds.length, "an array of another length is expected");
  value.forEach((field, place) => {
    const kind = kinds[place];
    const good =
      kind === null ||
      (kind === "bytes" && isBytes(field)) ||
      (kind === "int" && isInteger(field)) ||
      (kind === "text" && typeof field === "string") ||
      (kind === "array" && Array.isArray(field)) ||
      (kind === "bool" && typeof field === "boolean") ||
      (typeof kind === "number" && field === kind);
    need(good, "a field of another type is expected");
  });
  return value;
}

// Hashes and signatures

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

function tagged(tag, ...parts) {
  return sha256(ascii(`tallystick/1/${tag}\0`), ...parts);
}

const ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;
const PRIME = (1n << 255n) - 19n;
// The y coordinates of all points of order 1, 2, 4 and 8, in each of their encodings.
const SMALL = new Set([
  0n, 1n, PRIME - 1n, PRIME, PRIME + 1n,
  littleEndian(unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
  littleEndian(unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")),
]);

function littleEndian(bytes) {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

// WebCrypto demands the group's equation without cofactor and S below the order; the rest of the protocol's rules on
// edge cases are checked here.
export async function signed(key, tag, payload, signature) {
  const y = (bytes) => littleEndian(bytes) & ((1n << 255n) - 1n);
  const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  if (s >= ORDER || SMALL.has(y(r)) || SMALL.has(y(key)) || y(key) >= PRIME) return false;
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") throw new Unsupported("this browser's WebCrypto has no Ed25519");
    return false;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, join(ascii(`tallystick/1/${tag}\0`), payload));
}

// Merkle trees and the state

async function checkInclusion(root, count, index, leaf, path) {
  need(index >= 0 && index < count, "a place that the block does not have");
  need(path.length <= 63 && path.every((item) => isBytes(item) && item.length === 32), "a malformed path");
  let digest = await sha256(Uint8Array.of(0), leaf);
  let [place, last] = [BigInt(index), BigInt(count) - 1n];
  for (const sibling of path) {
    need(last > 0n, "a path that is too long");
    if (place % 2n === 1n || place === last) {
      digest = await sha256(Uint8Array.of(1), sibling, digest);
      while (place && place % 2n === 0n) [place, last] = [place >> 1n, last >> 1n];
    } else {
      digest = await sha256(Uint8Array.of(1), digest, sibling);
    }
    [place, last] = [place >> 1n, last >> 1n];
  }
  need(last === 0n && same(digest, root), "a Merkle path does not lead to the certified root");
}

function leafOf(data, contract, key) {
  const [, named, at, value, height, index, previous] = fields(decode(data, 1, 8), 1, "text", "bytes", null, "int", "int", null);
  need(named === contract && same(at, key), "a version of another key");
  need(value === null || isBytes(value), "a malformed version");
  need(previous === null || (isBytes(previous) && previous.length === 32), "a malformed version");
  need(height >= 0 && index >= 0, "a malformed version");
  return { value, height, index, previous };
}

function leafJson(leaf) {
  return { height: leaf.height, index: leaf.index, value: leaf.value === null ? null : hex(leaf.value) };
}

function bitCount(number) {
  return number.toString(2).replaceAll("0", "").length;
}

// Returns the newest version that the state with a root holds under a key; null if it never held one.
async function held(root, contract, key, proof) {
  const [, steps, end] = fields(decode(proof, 3, 256), 1, "array", null);
  need(steps.length <= 64, "too many steps");
  const path = await tagged("path", encode([contract, key]));
  const digits = hex(path);
  let [leaf, digest] = [null, null];
  if (isBytes(end)) {
    leaf = leafOf(end, contract, key);
    digest = await tagged("leaf-node", path, await tagged("leaf", end));
  } else if (end !== null) {
    const [other, hashed] = fields(end, "bytes", "bytes");
    need(other.length === 32 && hashed.length === 32 && !same(other, path), "a malformed neighbour");
    need(hex(other).slice(0, steps.length) === digits.slice(0, steps.length), "a neighbour from elsewhere");
    digest = await tagged("leaf-node", other, hashed);
  }
  for (let depth = steps.length - 1; depth >= 0; depth -= 1) {
    const [bitmap, hashes] = fields(steps[depth], "int", "bytes");
    const bit = 1 << parseInt(digits[depth], 16);
    need(bitmap > 0 && bitmap < 65536 && Boolean(bitmap & bit) === (digest !== null), "a bitmap that does not fit");
    const others = bitCount(bitmap) - (digest === null ? 0 : 1);
    need(hashes.length === 32 * others, "hashes that do not fit their bitmap");
    const cut = 32 * bitCount(bitmap & (bit - 1));
    const children = [hashes.subarray(0, cut), digest ?? new Uint8Array(), hashes.subarray(cut)];
    digest = await tagged("node", Uint8Array.of(bitmap >> 8, bitmap & 0xff), ...children);
  }
  need(same(digest ?? new Uint8Array(32), root), "the state proof does not lead to the certified root");
  return leaf;
}

// Returns versions of a key, the newest first, each named by the one before.
async function versions(root, contract, key, proof, older) {
  const newest = await held(root, contract, key, proof);
  const found = newest === null ? [] : [newest];
  for (const data of older) {
    need(isBytes(data) && found.length > 0, "a version that nothing names");
    const named = found.at(-1).previous;
    need(named !== null && same(await tagged("leaf", data), named), "a version that the one after it does not name");
    found.push(leafOf(data, contract, key));
  }
  return found;
}

// Returns all versions of a key, the oldest first.
async function history(root, contract, key, proof, older) {
  const found = await versions(root, contract, key, proof, older);
  need(found.length === 0 || found.at(-1).previous === null, "the first version is not shown");
  return found.reverse();
}

// Validators and headers

async function validatorSet(encoded) {
  const [, epoch, entries] = fields(decode(encoded), 1, "int", "array");
  const members = entries.map((entry) => fields(entry, "text", "text", "bytes", "array"));
  const names = members.map(([name]) => name);
  const keys = new Map(members.map(([name, , key]) => [name, key]));
  need(names.length >= 1 && names.length <= 31 && ascending(names), "a malformed validator set");
  need(new Set([...keys.values()].map(hex)).size === names.length, "two validators with one key");
  need(names.every((name) => NAME.test(name) && keys.get(name).length === 32), "a malformed validator");
  const quorum = Math.floor((names.length + Math.floor((names.length - 1) / 3)) / 2) + 1;
  return { epoch, members, keys, quorum, hash: await tagged("validators", encoded) };
}

function ascending(names) {
  return names.every((name, place) => place === 0 || names[place - 1] < name);
}

const HEADER = ["int", "bytes", "int", "bytes", "bytes", "bytes", "int", "text", "bytes", "bytes", "int"];

// Returns what a header says that these validators certified together with its result.
async function certifiedBy(validators, chainId, header, result, certificate) {
  need(result.length <= 256 && certificate.length <= 8192, "a header that is too long");
  const [version, chain, height, , , , time, , root, set, epoch] = fields(decode(header), ...HEADER);
  need(height >= 1 && time >= 0 && version >= 0, "a malformed header");
  need(same(chain, chainId), "a header of another ledger");
  need(same(set, validators.hash) && epoch === validators.epoch, "a header of other validators");
  const [, state, receipts, following] = fields(decode(result), 1, "bytes", "bytes", "bytes");
  need([state, receipts, following].every((digest) => digest.length === 32), "a malformed result");
  const blockHash = await tagged("block", header);
  const resultHash = await tagged("result", state, receipts, following);
  const kinds = [1, 2, "bytes", "int", "int", "int", "bytes", "bytes", "array"];
  const [, , ...rest] = fields(decode(certificate), ...kinds);
  const entries = rest.pop();
  const view = rest[3];
  const about = [chainId, epoch, height, view, blockHash, resultHash];
  need(view >= 0 && same(encode(rest), encode(about)), "a certificate of something else");
  const votes = entries.map((entry) => fields(entry, "text", "bytes"));
  const names = votes.map(([name]) => name);
  need(names.length === validators.quorum && ascending(names), "not exactly a quorum of validators");
  const payload = encode([1, 2, ...about]);
  for (const [name, signature] of votes) {
    need(validators.keys.has(name) && signature.length === 64, "a signer who is no validator");
    need(await signed(validators.keys.get(name), "vote", payload, signature), `a bad signature of ${name}`);
  }
  return { height, time, epoch, blockHash, transactionsRoot: root, stateRoot: state, receiptsRoot: receipts, following };
}

// The file

class Verifier {
  constructor(chainId) {
    this.chainId = chainId;
    this.sets = [];
    this.lastHeights = [];
    this.headers = new Map();
  }

  // Takes the next validator set, which the last one has announced.
  async change(header, result, certificate, encoded) {
    const verified = await this.certified(header, result, certificate);
    const current = this.sets.at(-1);
    need(verified.epoch === current.epoch, "a change that others certified");
    need(same(await tagged("validators", encoded), verified.following), "other validators than were announced");
    const following = await validatorSet(encoded);
    need(following.epoch === current.epoch + 1, "an epoch that does not follow");
    this.sets.push(following);
    this.lastHeights.push(verified.height);
  }

  // Returns a header, certified by the set of its epoch at a height that was that set's.
  async certified(header, result, certificate) {
    need(header.length <= 512, "a header that is too long");
    const place = fields(decode(header), ...HEADER)[10] - this.sets[0].epoch;
    need(place >= 0 && place < this.sets.length, "validators of whom nothing is shown");
    const verified = await certifiedBy(this.sets[place], this.chainId, header, result, certificate);
    need(place === 0 || verified.height > this.lastHeights[place - 1], "validators before their time");
    const late = place < this.lastHeights.length && verified.height > this.lastHeights[place];
    need(!late, "validators after they were replaced");
    return verified;
  }

  header(height) {
    need(this.headers.has(height), "a header is not shown");
    return this.headers.get(height);
  }

  // Returns a transaction that stands with its receipt in the block at a height.
  async placed(entry, height) {
    const [raw, index, count, path, receipt, receiptsPath] = fields(entry, "bytes", "int", "int", "array", "bytes", "array");
    const [, body, signature] = fields(decode(raw, 1, 4), 1, "bytes", "bytes");
    need(signature.length === 64, "a malformed transaction");
    const header = this.header(height);
    const id = await tagged("transaction", body);
    // Nothing is made of what stands in transaction and receipt before their hashes vouch for it.
    await checkInclusion(header.transactionsRoot, count, index, join(id, signature), path);
    await checkInclusion(header.receiptsRoot, count, index, receipt, receiptsPath);
    const [, , sender, , , calls] = fields(decode(body), 1, "bytes", "bytes", "bytes", "int", "array", "int", null, null);
    const kinds = [1, "bytes", "int", "int", "int", null, "array", "int", "array"];
    const [, named, stated, at, status, code] = fields(decode(receipt), ...kinds);
    need((code === null && status === 0) || (typeof code === "string" && status === 1), "a malformed receipt");
    need(same(named, id) && stated === height && at === index, "the receipt of another transaction");
    return {
      transaction_id: hex(id),
      transaction_height: height,
      index,
      sender_key: hex(sender),
      calls: calls.map((call) => fields(call, "text", "text", "array").slice(0, 2).join(".")),
      code,
      raw: hex(raw),
      receipt: hex(receipt),
    };
  }

  transaction(evidence, last) {
    return this.placed(evidence, last.height);
  }

  async key(evidence, last) {
    const [contract, key, height, proof, older] = fields(evidence, "text", "bytes", "int", "bytes", "array");
    need(height >= 0 && height <= last.height, "a height that the proof does not reach");
    const found = await versions(last.stateRoot, contract, key, proof, older);
    const later = found.filter((leaf) => leaf.height > height).length;
    need(found.length - later <= 1, "versions that nothing needs");
    const leaf = found.length > later ? found.at(-1) : null;
    need(leaf !== null || found.length === 0 || found.at(-1).previous === null, "the version in force is not shown");
    return { contract, key: hex(key), at_height: height, version: leaf === null ? null : leafJson(leaf) };
  }

  async history(evidence, last) {
    const [contract, key, proof, older] = fields(evidence, "text", "bytes", "bytes", "array");
    const found = await history(last.stateRoot, contract, key, proof, older);
    return { contract, key: hex(key), versions: found.map(leafJson) };
  }

  async validators(evidence) {
    fields(evidence);
    const { hash, members } = this.sets.at(-1);
    const listed = members.map(([id, organisation, key]) => ({ id, organisation, consensus_key: hex(key) }));
    return { validators_hash: hex(hash), members: listed, changed_at: this.lastHeights };
  }

  async story(evidence) {
    const kinds = ["text", "text", "text", "int", "bytes", "array", "array"];
    const [contract, rule, subject, height, proof, shown, placed] = fields(evidence, ...kinds);
    need((rule === "item" || rule === "transfer") && [...subject].length <= 1024, "a story that there is not");
    const deployed = await held(this.header(height).stateRoot, "system", storageKey("contract", contract), proof);
    need(deployed !== null && deployed.value !== null, "there is no such contract");
    const recorded = ["text", "int", "int", "bytes", "text", "int", "bool", "int"];
    const [, , version, , source] = fields(decode(deployed.value), 1, ...recorded);
    const [records, written] = await this.records(contract, rule, subject, shown);
    need(placed.length === written.length, "not exactly the transactions that wrote the records");
    const transactions = [];
    for (const [number, entry] of placed.entries()) transactions.push(await this.placed(entry, written[number][0]));
    const exact = transactions.every((each, number) => each.index === written[number][1]);
    need(exact, "not exactly the transactions that wrote the records");
    const asOf = records.map((each) => each.as_of);
    const needed = new Set([height, ...asOf, ...transactions.map((each) => each.transaction_height)]);
    need(needed.size === this.headers.size && [...needed].every((each) => this.headers.has(each)), "a header that nothing needs");
    const about = { contract, rule, subject, contract_version: version, source_hash: hex(source) };
    return { ...about, complete_to: Math.min(...asOf), records, transactions };
  }

  // Returns the records of a story, and where their versions were written.
  async records(contract, rule, subject, shown) {
    const subjects = [subject];
    const told = [];
    const written = new Map();
    need(shown.length >= 1 && shown.length <= 256, "too many records, or none");
    for (const record of shown) {
      const [height, proof, older] = fields(record, "int", "bytes", "array");
      need(told.length < subjects.length, "a record that nothing needs");
      const name = subjects[told.length];
      const key = storageKey(rule === "item" ? "goods" : "transfers", name);
      const found = await history(this.header(height).stateRoot, contract, key, proof, older);
      need(found.length > 0, "there is no such record");
      told.push({ subject: name, as_of: height, versions: found.map(leafJson) });
      for (const leaf of found) {
        if (leaf.height > 0) written.set(`${leaf.height}/${leaf.index}`, [leaf.height, leaf.index]);
        const item = rule === "item" && leaf.value !== null ? decode(leaf.value) : null;
        need(item === null || (Array.isArray(item) && typeof item[5] === "string"), "not an item");
        if (item !== null && item[5] !== "" && !subjects.includes(item[5])) subjects.push(item[5]);
      }
    }
    need(told.length === subjects.length, "a record is not shown");
    return [told, [...written.values()].sort((one, other) => one[0] - other[0] || one[1] - other[1])];
  }
}

// Returns the encoding of a key of texts.
function storageKey(...parts) {
  const escaped = (text) => [...ascii(text)].flatMap((byte) => (byte === 0 ? [0, 0xff] : [byte]));
  return Uint8Array.from(parts.flatMap((part) => [2, ...escaped(part), 0]));
}

// Throws Unusable unless the bytes are the encoded genesis of some ledger: people also have it as JSON.
async function expectGenesis(data) {
  try {
    const kinds = [1, "text", "int", "array", "array", "array", "array", "array", "array"];
    await validatorSet(encode(fields(decode(data), ...kinds)[5]));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Unusable(`the genesis is not in its encoded form, such as genesis.msgpack of an export: ${error.message}`);
  }
}

// Returns what a file proves to somebody who knows a genesis (bytes), its hash (hexadecimal), or both; either may be null.
export async function verify(data, genesis, genesisHash) {
  if (genesis === null && genesisHash === null) throw new Unusable("neither a genesis nor its hash is known");
  if (!globalThis.crypto?.subtle) throw new Unsupported("this page needs WebCrypto: open it as a file or over https");
  if (genesis !== null) await expectGenesis(genesis);
  const known = genesisHash === null ? await tagged("genesis", genesis) : unhex(genesisHash);
  const kinds = [1, "text", "bytes", null, "array", "array", "array"];
  const [, kind, chainId, carried, changes, headers, evidence] = fields(decode(data, 5, FILE_VALUES_MAX), ...kinds);
  need(same(chainId, known), "the proof is about another ledger");
  need(carried === null || isBytes(carried), "a malformed genesis");
  for (const each of [genesis, carried]) {
    need(each === null || same(await tagged("genesis", each), known), "a genesis with another hash");
  }
  if ((genesis ?? carried) === null) throw new Unusable("the file does not carry its genesis: give the genesis too");
  const verifier = new Verifier(chainId);
  verifier.sets.push(await validatorSet(encode(decode(genesis ?? carried)[5])));
  need(headers.length >= 1 && headers.length <= 1024 && changes.length <= 1024, "too many headers, or none");
  for (const change of changes) await verifier.change(...fields(change, "bytes", "bytes", "bytes", "bytes"));
  let last = null;
  for (const entry of headers) {
    const header = await verifier.certified(...fields(entry, "bytes", "bytes", "bytes"));
    need(last === null || header.height > last.height, "headers out of order");
    verifier.headers.set(header.height, header);
    last = header;
  }
  const set = verifier.sets.at(-1);
  need(last.epoch === set.epoch, "a change of validators that nothing needs");
  need(["transaction", "key", "history", "story", "validators"].includes(kind), "a kind of proof that there is not");
  need(kind === "story" || headers.length === 1, "more headers than are needed");
  const fact = await verifier[kind](evidence, last);
  return {
    kind,
    genesis_hash: hex(chainId),
    height: last.height,
    block_hash: hex(last.blockHash),
    time: last.time,
    epoch: last.epoch,
    validators: set.keys.size,
    quorum: set.quorum,
    ...fact,
  };
}
