"""Golden vectors of consensus messages; tests/vectors/README.md explains their fields."""

import json
from pathlib import Path
from typing import Any

import pytest

from chain.crypto import public_key_of, sign, verify
from chain.encoding import DecodeError
from chain.types import Epoch, PublicKey, ValidatorId
from chain.validators import Validator, validator_set
from consensus.pbft import messages
from consensus.verify import check_message

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "consensus_messages.json").read_text())
KEYS = {entry["validator_id"]: entry for entry in VECTORS["validators"]}
VALIDATORS = validator_set(
    Epoch(VECTORS["epoch"]),
    [
        Validator(ValidatorId(name), name, PublicKey(bytes.fromhex(entry["public_key"])), (b"tls",))
        for name, entry in KEYS.items()
    ],
)


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


def test_keys_follow_from_seeds() -> None:
    for entry in KEYS.values():
        assert public_key_of(bytes.fromhex(entry["seed"])).hex() == entry["public_key"]


@pytest.mark.parametrize("case", VECTORS["valid"], ids=named)
def test_a_valid_message_decodes_checks_and_encodes_again(case: dict[str, Any]) -> None:
    encoded = bytes.fromhex(case["encoded"])
    message = messages.decode_message(encoded)
    assert messages.encode_message(message) == encoded
    assert message.kind.value == case["kind"]
    assert message.payload.hex() == case["payload"]
    check_message(message, VALIDATORS)


@pytest.mark.parametrize("case", VECTORS["valid"], ids=named)
def test_signatures_are_those_of_the_domain(case: dict[str, Any]) -> None:
    entry = KEYS[case["signer"]]
    payload, signature = bytes.fromhex(case["payload"]), bytes.fromhex(case["signature"])
    assert sign(bytes.fromhex(entry["seed"]), case["tag"], payload) == signature
    assert verify(bytes.fromhex(entry["public_key"]), case["tag"], payload, signature)
    assert bytes.fromhex(case["encoded"]).endswith(b"\xc4\x40" + signature)


@pytest.mark.parametrize("case", VECTORS["invalid"], ids=named)
def test_an_invalid_message_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        messages.decode_message(bytes.fromhex(case["encoded"]))
