"""The tests of the sandbox are tested: rules that are taken away are missed, and any bytes keep the law of sources."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from holes import HOLES, Hole, found_by, main
from laws import Broken
from source_fuzz import changed, check_bytes, seeds

from contracts.engine.compiler import compile_contract

ENGINE = Path(__file__).parents[2] / "contracts" / "engine"
INPUTS = 800
SEED = 7


@pytest.mark.parametrize("hole", HOLES[::3], ids=[hole.what for hole in HOLES[::3]])
def test_a_planted_hole_is_found(hole: Hole) -> None:
    """Every third of them; `python tests/adversarial/holes.py` plants them all."""
    assert found_by(hole) is not None


def test_every_hole_still_fits_the_source() -> None:
    assert len(HOLES) >= 30
    for hole in HOLES:
        assert hole.old in (ENGINE / f"{hole.module}.py").read_text(), f"{hole.what}: adapt the hole"


def test_without_a_hole_the_engine_is_the_one_that_was_there() -> None:
    module = sys.modules["contracts.engine.compiler"]
    found_by(HOLES[0])
    assert sys.modules["contracts.engine.compiler"] is module
    assert module.compile_contract is compile_contract


TWICE = """
import importlib, sys
before = set(sys.modules)
import holes
for what in ("arguments are not copied", "roles are lent"):
    holes.found_by(*(hole for hole in holes.HOLES if hole.what == what))
with holes.planted(holes.Hole("nothing", "leakage", "limits", "NESTING_MAX", "NESTING_MAX")):
    print(list(importlib.import_module("detectors").hostile("leakage")))
print(sorted(name for name in set(sys.modules) - before if name == "observe" or name.startswith("contracts")))
"""


def test_what_one_hole_left_behind_does_not_find_the_next() -> None:
    """Neither modules that it imported first, for which this is a process of its own, nor programs that it changed."""
    path = os.pathsep.join((str(ENGINE.parents[1]), str(ENGINE.parents[1] / "tests" / "adversarial")))
    command = [sys.executable, "-c", TWICE]
    done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["[]", "[]"]


def test_a_hole_that_fits_no_longer_is_said() -> None:
    with pytest.raises(LookupError, match="adapt the hole"):
        found_by(Hole("nothing", "walls", "limits", "no such text", ""))


def test_the_command_says_what_found_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "roles are lent"]) == 0
    assert "hostile program 'who calls'" in capsys.readouterr().out


def test_any_bytes_are_refused_by_a_rule_or_compile_to_code_that_passes() -> None:
    kept = seeds()
    contracts = sum(check_bytes(data) for data in kept)
    assert len(kept) > 40 and contracts > 10
    accepted = 0
    for number, data in enumerate(changed(kept, INPUTS, SEED)):
        try:
            accepted += check_bytes(data)
        except Broken as broken:
            pytest.fail(f"seed {SEED}, input {number}: {broken}\n{data!r}")
    assert INPUTS // 20 < accepted < INPUTS


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", "\ud800".encode("utf-8", "surrogatepass")]
)
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    assert check_bytes(data) is False
