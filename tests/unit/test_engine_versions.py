"""Every program does the same on every supported Python that this machine has, with any hash seed, and under -O.

Hostile programs, the contracts that ship, and a short campaign of generated ones; tests/adversarial/campaign.py runs
long ones.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import NAME
from campaign import Campaign, Source, main
from corpus import all_attacks
from engine_pythons import run_script
from fleet import Fleet, Ship, borrow_packages, differences, ships
from generator import Maker
from interpreters import CURRENT, SUPPORTED, find_interpreters, missing
from observe import Observation, Program
from programs import AMOUNTS, SIGNATURES, WORK, of_attack, of_library
from signatures import discover

from contracts.engine.builtins import BUILTIN_CALLS, CONTEXT, DECLARATION_NAMES, ROUNDINGS, SPECIAL_CALLS
from contracts.engine.methods import METHOD_CALLS
from contracts.engine.storage_code import SCAN_OPTIONS

GENERATED = 60
SEED = 20_261_122


@pytest.fixture(scope="module")
def interpreters() -> dict[str, str]:
    return find_interpreters()


@pytest.fixture(scope="module")
def fleet(interpreters: dict[str, str]) -> Iterator[Fleet]:
    with Fleet(ships(interpreters)) as fleet:
        yield fleet


@pytest.mark.parametrize("version", SUPPORTED)
def test_each_supported_version_is_at_sea(interpreters: dict[str, str], version: str) -> None:
    if version in missing(interpreters):
        pytest.skip(f"this machine has no Python {version} to compare with")
    assert version in interpreters


def test_a_fleet_differs_in_all_that_must_not_matter(fleet: Fleet) -> None:
    assert len(fleet.ships) >= 3
    assert len({ship.hash_seed for ship in fleet.ships}) == len(fleet.ships)
    assert {"-O", "-OO"} <= {option for ship in fleet.ships for option in ship.options}
    assert fleet.ships[0].version == CURRENT


@pytest.mark.parametrize("kind", ["escape", "denial", "nondeterminism", "leakage"])
def test_hostile_programs_are_seen_alike(fleet: Fleet, kind: str) -> None:
    for attack in all_attacks():
        if attack.kind == kind:
            found = differences(fleet.ships, fleet.observe(of_attack(attack)))
            assert found == [], f"{attack.name}: {found}"


def test_contracts_that_work_are_seen_alike(fleet: Fleet) -> None:
    work = Program({NAME: WORK}, [[NAME, NAME, [], 300_000, False, "acme.alice", []]])
    seen = fleet.observe(work)
    assert differences(fleet.ships, seen) == []
    deployed, called = seen[0]
    assert deployed[1] is None and called[1] is None and len(called[5]) == 12
    for source, length in ((AMOUNTS, 70), (SIGNATURES, 3)):
        seen = fleet.observe(Program({NAME: source}, [[NAME, NAME, [], 10_000_000, False, "acme.alice", []]]))
        assert differences(fleet.ships, seen) == []
        assert seen[0][1][1] is None and seen[0][1][3].count(",") >= length - 1
    assert seen[0][1][3] == "[True, False, False]"
    for program in of_library():
        seen = fleet.observe(program)
        assert differences(fleet.ships, seen) == [] and seen[0][0][1] in (None, "invalid_arguments")


def test_text_is_that_of_ascii_on_every_unicode_version(interpreters: dict[str, str], tmp_path: Path) -> None:
    """Case, classes, order, numbers and literals over all planes; the scripts check their model on the way."""
    borrow_packages(tmp_path)
    found = {version: run_script(path, tmp_path, "engine_text.py") for version, path in interpreters.items()}
    # The Pythons bring Unicode 14, 15 and 15.1, which differ in what is a letter, a digit and an upper case.
    digest = found[CURRENT]["digest"]
    assert {version: entry["digest"] for version, entry in found.items()} == dict.fromkeys(found, digest), found


def test_problems_have_their_places_and_words_on_every_version(interpreters: dict[str, str], tmp_path: Path) -> None:
    borrow_packages(tmp_path)
    found = {version: run_script(path, tmp_path, "engine_places.py") for version, path in interpreters.items()}
    assert all(found[CURRENT])
    assert all(entry == found[CURRENT] for entry in found.values()), found


def test_a_short_campaign_finds_nothing(fleet: Fleet, tmp_path: Path) -> None:
    campaign = Campaign(Source(SEED), fleet, tmp_path, laws_every=3)
    campaign.run(GENERATED, 300)
    assert campaign.tally.findings == 0, f"seed {SEED}: {[path.read_text() for path in tmp_path.iterdir()]}"
    assert campaign.tally.programs == GENERATED and campaign.tally.laws >= GENERATED // 3
    assert campaign.tally.endings["call: ok"] > GENERATED // 3


def test_the_generator_repeats_itself_and_mostly_writes_contracts() -> None:
    signatures = discover()
    first, again = Maker(7, signatures).program(), Maker(7, signatures).program()
    assert first == again != Maker(8, signatures).program()
    written = "".join(Maker(seed, signatures).program().contracts["c"] for seed in range(800))
    tables = (BUILTIN_CALLS, METHOD_CALLS, SPECIAL_CALLS, DECLARATION_NAMES, CONTEXT, ROUNDINGS, SCAN_OPTIONS)
    never = [name for table in tables for name in table if re.search(rf"\b{name}\b", written) is None]
    assert never == [], "the generator has to learn to write these"


UNEVEN = "@call\ndef attack() -> int:\n    return 1\n"


def test_a_difference_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A ship that lies: the worker of a planted engine says something else after a while."""
    seen: list[Observation] = [[["deploy", None, 5, "", []], ["call", None, 7, "1", "[]", []]] for _ in range(3)]
    fleet = [Ship("3.11", "a"), Ship("3.12", "b"), Ship("3.13", "c")]
    assert differences(fleet, seen) == []
    seen[1][1] = ["call", None, 8, "1", "[]", []]
    assert "3.12" in differences(fleet, seen)[0] and "8" in differences(fleet, seen)[0]
    seen[1][1] = seen[0][1]
    seen[2].append(["warning", "text"])
    assert differences(fleet, seen)[0].startswith("3.13 seed 0: warning")
    for observation in seen[:2]:
        observation.append(["call", "contract_error", 9, "None", "[]", [], "TypeError"])
    assert any("Python's TypeError decided" in text for text in differences(fleet[:2], seen[:2]))


def test_a_ship_that_goes_down_is_seen_and_replaced(fleet: Fleet) -> None:
    fleet.kill(0)
    calls = [[NAME, NAME, [], 10_000, False, "acme.alice", []]]
    seen = fleet.observe(Program({NAME: UNEVEN}, calls))
    assert seen[0][0][0] == "died" and len(differences(fleet.ships, seen)) >= 2
    assert differences(fleet.ships, fleet.observe(Program({NAME: UNEVEN}, calls))) == []


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--programs", "3", "--seed", "5", "--findings", str(tmp_path), "--python", sys.executable]) == 0
    assert "3 programs in" in capsys.readouterr().out
