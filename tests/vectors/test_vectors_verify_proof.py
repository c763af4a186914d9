"""The verifier in docs/verify_proof.py, which shares no code with the product, says the same as the product."""

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from chain.encoding import DecodeError
from chain.genesis import decode_genesis
from chain.proof_file import decode_proof_file
from cli.errors import CliError
from cli.main import tally
from tallystick.proof import ProofError
from tallystick.proof_checking import check_proof
from tallystick.proof_facts import proven_json

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_proof.py"
PROOFS = json.loads((Path(__file__).parent / "proofs.json").read_text())
ENCODING = json.loads((Path(__file__).parent / "encoding.json").read_text())
CRYPTO = json.loads((Path(__file__).parent / "crypto.json").read_text())
GENESIS = bytes.fromhex(PROOFS["genesis"])
HASH = bytes.fromhex(PROOFS["genesis_hash"])
SEED = 20261122


@pytest.fixture(scope="module")
def verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_proof", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_proof"] = module
    spec.loader.exec_module(module)
    return module


def test_it_imports_nothing_but_the_standard_library() -> None:
    lines = [line for line in SCRIPT.read_text().splitlines() if line.startswith(("import ", "from "))]
    assert {line.split()[1].split(".")[0] for line in lines} <= sys.stdlib_module_names


@pytest.mark.parametrize("case", PROOFS["valid"], ids=lambda case: str(case["name"]))
def test_what_is_proven(verifier: ModuleType, case: Any) -> None:
    assert verifier.verify(bytes.fromhex(case["file"]), GENESIS, HASH) == case["proven"]


@pytest.mark.parametrize("case", PROOFS["forged"], ids=lambda case: str(case["name"]))
def test_forgeries_are_refused(verifier: ModuleType, case: Any) -> None:
    with pytest.raises(verifier.Refused):
        verifier.verify(bytes.fromhex(case["file"]), GENESIS, HASH)


def test_the_encoding(verifier: ModuleType) -> None:
    for case in ENCODING["valid"]:
        encoded = bytes.fromhex(case["encoded"])
        assert verifier.encode(verifier.decode(encoded)) == encoded
    for case in ENCODING["invalid"]:
        with pytest.raises(verifier.Refused):
            verifier.decode(bytes.fromhex(case["encoded"]))


def test_signatures(verifier: ModuleType) -> None:
    for case in CRYPTO["signatures"]:
        key, payload, signature = (bytes.fromhex(case[name]) for name in ("key", "payload", "signature"))
        if (len(key), len(signature)) == (32, 64):
            assert verifier.signed(key, case["tag"], payload, signature) == case["valid"], case


def test_changed_bytes_have_the_verdict_of_the_product(verifier: ModuleType) -> None:
    source, genesis = random.Random(SEED), decode_genesis(GENESIS)
    for number in range(75):
        case = PROOFS["valid"][number % len(PROOFS["valid"])]
        mutated = bytearray.fromhex(case["file"])
        place = source.randrange(len(mutated))
        mutated[place] ^= 1 << source.randrange(8)
        try:
            expected: Any = proven_json(check_proof(bytes(mutated), genesis))
        except (DecodeError, ProofError):
            expected = None
        try:
            found = verifier.verify(bytes(mutated), GENESIS, HASH)
        except verifier.Refused:
            found = None
        assert found == expected, (case["name"], place, SEED)


def test_the_command(tmp_path: Path) -> None:
    good, bad, genesis = tmp_path / "good.proof", tmp_path / "bad.proof", tmp_path / "genesis.msgpack"
    genesis.write_bytes(GENESIS)
    good.write_bytes(bytes.fromhex(PROOFS["valid"][0]["file"]))
    bad.write_bytes(bytes.fromhex(PROOFS["forged"][0]["file"]))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(SCRIPT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    proven = run(str(good), "--genesis", str(genesis), "--genesis-hash", HASH.hex())
    assert (proven.returncode, json.loads(proven.stdout)) == (0, PROOFS["valid"][0]["proven"])
    refused = run(str(bad), "--genesis", str(genesis))
    assert refused.returncode == 3
    assert refused.stderr.startswith("NOT PROVEN")
    assert run(str(good)).returncode == 2
    assert run(str(tmp_path), "--genesis", str(genesis)).returncode == 2
    assert run(str(tmp_path / "none"), "--genesis-hash", HASH.hex()).returncode == 2


def test_it_exits_as_tally_verify_does(tmp_path: Path) -> None:
    proof, garbage, genesis = (tmp_path / name for name in ("a.proof", "garbage", "genesis.msgpack"))
    carried = next(case for case in PROOFS["valid"] if decode_proof_file(bytes.fromhex(case["file"])).genesis)
    bare = next(case for case in PROOFS["valid"] if not decode_proof_file(bytes.fromhex(case["file"])).genesis)
    garbage.write_bytes(b"{}")
    genesis.write_bytes(GENESIS)
    cases = [
        (bare, ["--genesis-hash", HASH.hex()], 2, "the genesis is missing"),
        (bare, ["--genesis", str(garbage)], 2, "is no genesis"),
        (bare, ["--genesis", str(garbage), "--genesis-hash", HASH.hex()], 2, "is no genesis"),
        (bare, ["--genesis-hash", "ab"], 2, "is no hash"),
        (carried, ["--genesis-hash", HASH.hex()], 0, "carries its genesis"),
        (carried, ["--genesis-hash", bytes(32).hex()], 3, "another ledger"),
        (bare, ["--genesis", str(genesis), "--genesis-hash", bytes(32).hex()], 3, "a genesis of another hash"),
    ]
    for case, arguments, code, why in cases:
        proof.write_bytes(bytes.fromhex(case["file"]))
        command = [sys.executable, "-I", str(SCRIPT), str(proof), *arguments]
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert found.returncode == code, (why, found.stderr)
        product = CliRunner().invoke(tally, ["verify", str(proof), *arguments])
        error = product.exception
        assert (error.exit_code if isinstance(error, CliError) else product.exit_code) == code, (why, product.output)
