"""docs/protocol.md and docs/audit.md name what they have to name: every tag, code, parameter, limit and field."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from chain_maker import ChainMaker

from audit.auditor import run_audit
from audit.export_format import FILE_BYTES_MAX, Manifest
from audit.mismatch import Level, Mismatch
from chain import block, certificate, receipt, recorded_block, transaction
from chain.actions import ACTIONS
from chain.decisions import MOTION_BYTES_MAX, REASON_CHARACTERS_MAX
from chain.genesis import BLOCK_TRANSACTIONS_LIMIT, Governance, Parameters
from chain.governance import METHODS
from consensus.pbft.messages import MESSAGE_BYTES_MAX, TAGS
from contracts.engine.errors import RESERVED_CODES
from network.framing import PAYLOAD_BYTES_MAX

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
AUDIT = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")


def sources(*folders: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_every_domain_is_named() -> None:
    text = sources("chain", "network", "contracts/engine", "gateway", "audit", "tallystick", "api", "assembly")
    hashed = set(re.findall(r'(?:tagged_hash|domain)\(\s*"([a-z-]+)"', text))
    assert {"genesis", "block", "result", "leaf-node"} <= hashed
    signed = {certificate.VOTE_TAG, transaction.SIGNATURE_TAG, *TAGS.values()}
    for tag in hashed | signed:
        assert f"`{tag}`" in PROTOCOL, tag


def test_every_rule_of_validity_and_every_code_is_named() -> None:
    validity = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', (ROOT / "chain" / "validity.py").read_text()))
    for code in validity | RESERVED_CODES:
        assert f"`{code}`" in PROTOCOL, code


def test_every_action_and_every_system_call_is_named() -> None:
    for name in (*ACTIONS, *(method for method in METHODS if method != "deploy")):
        assert re.search(rf"^\| `{name}[`(]", PROTOCOL, re.MULTILINE), name


def test_every_field_of_governance_is_named_in_its_order() -> None:
    places = [PROTOCOL.index(f"| `{field.name}` |") for field in fields(Governance)]
    assert places == sorted(places)


@pytest.mark.parametrize("field", fields(Parameters), ids=lambda field: str(field.name))
def test_every_parameter_is_named_with_its_default(field: object) -> None:
    name, default = getattr(field, "name", ""), getattr(field, "default", 0)
    assert f"| `{name}` | {default:,} |" in PROTOCOL


def test_parameters_stand_in_their_order() -> None:
    places = [PROTOCOL.index(f"| `{field.name}` |") for field in fields(Parameters)]
    assert places == sorted(places)


def test_limits_are_those_of_the_code() -> None:
    limits = [
        *(block.BLOCK_BYTES_MAX, block.HEADER_BYTES_MAX, certificate.CERTIFICATE_BYTES_MAX, BLOCK_TRANSACTIONS_LIMIT),
        *(recorded_block.RECORDED_BLOCK_BYTES_MAX, recorded_block.RANGE_BYTES_MAX, MESSAGE_BYTES_MAX),
        *(MOTION_BYTES_MAX, REASON_CHARACTERS_MAX, *PAYLOAD_BYTES_MAX.values()),
    ]
    for limit in limits:
        assert f"{limit:,}" in PROTOCOL, limit
    assert recorded_block.RANGE_BYTES_MAX == FILE_BYTES_MAX
    formula = f"{receipt.RECEIPT_BYTES_FREE} + gas_limit * {receipt.RECEIPTS_BYTES_SHARED} // block_gas_max"
    assert formula in PROTOCOL


def test_the_manifest_is_shown_as_it_is_written() -> None:
    written = Manifest(1454, "<", "<", 0, "<", ()).encoded().decode()
    names = re.findall(r'^ *"([a-z0-9_]+)":', written, re.MULTILINE)
    shown = PROTOCOL[PROTOCOL.index('"format": "tallystick-export/2"') :]
    places = [shown.index(f'"{name}":') for name in ("format", "genesis", "head", "files")]
    assert places == sorted(places)
    assert all(f'"{name}":' in shown for name in names)


def test_the_verdict_is_explained_field_by_field() -> None:
    for name in run_audit(ChainMaker().source).as_json():
        assert f"`{name}`" in AUDIT, name
    for name in Mismatch(Level.FORM, 0, "", "", "").as_json():
        assert f"`{name}`" in AUDIT, name
    for level in Level:
        assert f"| `{level.value}` |" in AUDIT


def test_links_lead_somewhere() -> None:
    for page in ("protocol.md", "audit.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for target, _, anchor in re.findall(r"\]\(([^)#]*)(#?)([^)]*)\)", text):
            linked = text if not target else (ROOT / "docs" / target).read_text(encoding="utf-8")
            places = {_anchor(line) for line in linked.splitlines() if line.startswith("#")}
            places.update(re.findall(r'<a id="([^"]+)"></a>', linked))
            assert not anchor or anchor in places, f"{page}: {target}#{anchor}"


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    text = heading.lstrip("#").strip().lower()
    return re.sub(r"[^a-z0-9 _-]", "", text).replace(" ", "-")
