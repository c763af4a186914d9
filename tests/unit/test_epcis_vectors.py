"""Event hashes of the published documents: every one of them, and the canonical strings behind them."""

import hashlib
from pathlib import Path

import pytest

from gateway.epcis.document import parse_document
from gateway.epcis.event_hash import canonical_string, event_hash

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "epcis-event-hash"
DOCUMENTS = sorted(path.stem for path in FOLDER.glob("*.jsonld"))

STALE_PREHASHES = {("epcisDocWithCustomSchemaInContext", 1), ("epcisDocWithDefaultSchemaInContext", 1)}
"""Published strings that do not hash to the published hash beside them: one repeats its neighbour, one is cut off."""

pytestmark = pytest.mark.skipif(not DOCUMENTS, reason="../shared/data/epcis-event-hash is absent")


def _lines(name: str, suffix: str) -> list[str]:
    path = FOLDER / f"{name}.{suffix}"
    return [line for line in path.read_text().splitlines() if line] if path.exists() else []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_hashes_equal_the_vectors(name: str) -> None:
    document = parse_document((FOLDER / f"{name}.jsonld").read_bytes())
    assert [event_hash(event.fields, event.context) for event in document.events] == _lines(name, "hashes")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_canonical_strings_equal_the_vectors(name: str) -> None:
    document = parse_document((FOLDER / f"{name}.jsonld").read_bytes())
    hashes = _lines(name, "hashes")
    for position, published in enumerate(_lines(name, "prehashes")):
        event = document.events[position]
        if (name, position) in STALE_PREHASHES:
            assert hashlib.sha256(published.encode()).hexdigest() not in hashes[position]
        else:
            assert canonical_string(event.fields, event.context) == published


def test_all_thirty_events_are_covered() -> None:
    assert sum(len(_lines(name, "hashes")) for name in DOCUMENTS) == 30


def test_two_documents_share_an_event() -> None:
    single = _lines("epcisDocWithSingleEvent", "hashes")
    assert single[0] == _lines("epcisDocWithDefaultSchemaInContext", "hashes")[0]
