"""Golden vectors of the record that says which version of the protocol holds at which height."""

import json
from pathlib import Path
from typing import Any

import pytest

from chain.encoding import DecodeError
from chain.protocol import PROTOCOL_KEY, first_schedule, read_schedule
from chain.runtime import SYSTEM, PlainValues, Values
from chain.state_keys import encode_key
from chain.types import Height

PROTOCOL = json.loads((Path(__file__).parent / "protocol.json").read_text())


class Record:
    """A state that holds the record alone; implements chain.runtime.StateAccess."""

    def __init__(self, value: bytes | None) -> None:
        self._value = value

    def get(self, contract: str, key: bytes) -> bytes | None:
        return self._value if (contract, key) == (SYSTEM, bytes.fromhex(PROTOCOL["key"])) else None

    def values(self, contract: str) -> Values:
        return PlainValues(self, contract)

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        raise AssertionError("reading writes nothing")

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        raise AssertionError("reading does not scan")


def test_the_key() -> None:
    assert bytes.fromhex(PROTOCOL["key"]) == PROTOCOL_KEY == encode_key(("protocol",))


@pytest.mark.parametrize("case", PROTOCOL["valid"], ids=lambda case: str(case["why"]))
def test_schedules(case: Any) -> None:
    schedule = read_schedule(Record(bytes.fromhex(case["encoded"])), 1)
    assert schedule.as_value() == case["activations"]
    assert schedule.encoded() == bytes.fromhex(case["encoded"])
    for height, version in case["versions"]:
        assert schedule.at(Height(height)).version == version


@pytest.mark.parametrize("case", PROTOCOL["invalid"], ids=lambda case: str(case["why"]))
def test_records_that_are_no_schedule(case: Any) -> None:
    with pytest.raises(DecodeError):
        read_schedule(Record(bytes.fromhex(case["encoded"])), 1)


def test_without_a_record_the_version_of_genesis_holds() -> None:
    assert read_schedule(Record(None), 7) == first_schedule(7)
    assert first_schedule(7).at(Height(10**9)).version == 7
