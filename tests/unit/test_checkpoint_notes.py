"""Signed heads: notes in the one form of C2SP, signatures by members, cosignatures by witnesses."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    NoteError,
    NoteSignature,
    cosign,
    cosigned_at,
    is_signed,
    key_id,
    parse_note,
    verifier_key,
)
from chain.crypto import public_key_of, sign_plain, verify_plain
from chain.types import Digest

CHAIN = Digest(bytes(range(32)))
SEED, OTHER = bytes([1]) * 32, bytes([2]) * 32
HEAD = Checkpoint(CHAIN, 20852163, Digest(bytes([7]) * 32))


def member(seed: bytes = SEED, name: str = "member") -> NoteSignature:
    key = public_key_of(seed)
    return NoteSignature(name, key_id(name, ED25519, key), sign_plain(seed, HEAD.text.encode()))


def test_the_form() -> None:
    note = Note(HEAD, (member(), cosign(HEAD, "witness.example/w1", OTHER, 1679315147)))
    lines = note.text.split("\n")
    assert lines[0] == f"tallystick.ledger/{CHAIN.hex()}"
    assert lines[1] == "20852163"
    assert base64.b64decode(lines[2]) == HEAD.root
    assert lines[3] == ""
    assert lines[4].startswith("\u2014 member ")
    assert lines[5].startswith("\u2014 witness.example/w1 ")
    assert lines[6:] == [""]
    assert parse_note(note.text.encode(), CHAIN) == note


def test_a_note_of_another_implementation() -> None:
    """The key and the note in the documentation of Go's golang.org/x/mod/sumdb/note."""
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    name, identifier, material = vkey.split("+", 2)
    algorithm, key = base64.b64decode(material)[0], base64.b64decode(material)[1:]
    assert verifier_key(name, algorithm, key) == vkey
    signature = base64.b64decode(line)
    assert signature[:4].hex() == identifier == key_id(name, ED25519, key).hex()
    assert verify_plain(key, text.encode(), signature[4:])


def test_what_a_cosignature_covers() -> None:
    line = cosign(HEAD, "w", OTHER, 1679315147)
    message = b"cosignature/v1\ntime 1679315147\n" + HEAD.text.encode()
    assert line.signature[:8] == (1679315147).to_bytes(8, "big")
    assert verify_plain(public_key_of(OTHER), message, line.signature[8:])
    assert line.key_id == key_id("w", COSIGNATURE, public_key_of(OTHER))


def test_signatures_are_checked_by_name_and_key() -> None:
    note = Note(HEAD, (member(), cosign(HEAD, "w", OTHER, 5), cosign(HEAD, "w", OTHER, 9)))
    assert is_signed(note, "member", public_key_of(SEED))
    assert not is_signed(note, "somebody", public_key_of(SEED))
    assert not is_signed(note, "member", public_key_of(OTHER))
    assert cosigned_at(note, "w", public_key_of(OTHER)) == 9
    assert cosigned_at(note, "w", public_key_of(SEED)) is None


def test_a_bad_signature_of_a_known_key_spoils_the_note() -> None:
    for good in (member(), cosign(HEAD, "w", OTHER, 5)):
        bad = NoteSignature(good.key_name, good.key_id, good.signature[:-1] + bytes([good.signature[-1] ^ 1]))
        note = Note(HEAD, (good, bad))
        with pytest.raises(NoteError, match="bad"):
            is_signed(note, "member", public_key_of(SEED))
            cosigned_at(note, "w", public_key_of(OTHER))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("20852163", "020852163"),
        lambda text: text.replace("20852163", "-1"),
        lambda text: text.replace("20852163", "0"),
        lambda text: text.replace("20852163", "99999999999999999999"),
        lambda text: text.replace("tallystick.ledger", "tallystick.other"),
        lambda text: text[:-1],
        lambda text: text + "\n",
        lambda text: text.replace("\u2014", "-"),
        lambda text: text.replace("\n\n", "\n"),
        lambda text: text.replace("\n\n", "\nextension\n\n"),
        lambda text: text.replace("\n\n", "\r\n\n"),
        lambda text: text.replace("member", "mem+ber"),
        lambda text: text.split("\u2014")[0],
        lambda text: text + "\u2014 member AAAA\n",
        lambda text: text + "\u2014 x AAAAAAAA\n" * 64,
        lambda text: text * 1000,
    ],
)
def test_what_is_no_checkpoint(change: object) -> None:
    assert callable(change)
    with pytest.raises(NoteError):
        parse_note(change(Note(HEAD, (member(),)).text).encode(), CHAIN)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_note_or_none(data: bytes) -> None:
    prefix = Note(HEAD, (member(),)).text.encode()[:90]
    for each in (data, prefix + data):
        with contextlib.suppress(NoteError):
            assert parse_note(each, CHAIN).text.encode() == each


def test_names_of_keys() -> None:
    for name in ("", "a b", "a+b", "a\nb", "\u00e4"):
        with pytest.raises(NoteError):
            cosign(HEAD, name, SEED, 1)
