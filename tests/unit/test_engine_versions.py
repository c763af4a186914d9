"""Every program does the same on every supported Python that this machine has, with any hash seed, and under -O."""

import sys
from pathlib import Path

import pytest
from engine_pythons import CURRENT, SUPPORTED, borrow_packages, interpreters, run_script

OTHERS = [version for version in SUPPORTED if version != CURRENT]


def outcomes(interpreter: str, packages: Path, *options: str, seed: str = "0") -> list[list[object]]:
    """Run the corpus in a process of its own."""
    found: list[list[object]] = run_script(interpreter, packages, "engine_outcomes.py", *options, seed=seed)
    return found


def other(version: str) -> str:
    """Return another Python, or skip the test on a machine that has none."""
    interpreter = interpreters().get(version)
    if interpreter is None:
        pytest.skip(f"this machine has no Python {version} to compare with")
    return interpreter


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    borrow_packages(folder)
    return folder


@pytest.fixture(scope="module")
def reference(packages: Path) -> list[list[object]]:
    return outcomes(sys.executable, packages)


@pytest.mark.parametrize(("options", "seed"), [((), "4294967295"), (("-OO",), "7")], ids=str)
def test_hash_seed_and_optimisation_change_nothing(
    packages: Path, reference: list[list[object]], options: tuple[str, ...], seed: str
) -> None:
    assert outcomes(sys.executable, packages, *options, seed=seed) == reference


@pytest.mark.parametrize("version", OTHERS)
def test_the_python_version_changes_nothing(packages: Path, reference: list[list[object]], version: str) -> None:
    for ours, theirs in zip(reference, outcomes(other(version), packages, seed="3"), strict=True):
        assert theirs == ours


def test_the_corpus_reaches_contracts_that_work(reference: list[list[object]]) -> None:
    codes = {name: entry for name, *entry in reference}
    assert codes["work"][0] is None and codes["work"][3] is None
    assert codes["amounts"][0] is None and codes["amounts"][3] is None, codes["amounts"]
    assert codes["signatures"][5] == [True, False, False]
    assert codes["traceability"][0] is None and codes["remittance"][0] is None


def test_text_is_that_of_ascii_on_every_unicode_version(packages: Path) -> None:
    """Case, classes, order, numbers and literals over all planes; the scripts check their model on the way."""
    found = {CURRENT: run_script(sys.executable, packages, "engine_text.py")}
    found |= {version: run_script(path, packages, "engine_text.py") for version, path in interpreters().items()}
    # The Pythons bring Unicode 14, 15 and 15.1, which differ in what is a letter, a digit and an upper case.
    assert {version: entry["digest"] for version, entry in found.items()} == dict.fromkeys(
        found, found[CURRENT]["digest"]
    ), found
