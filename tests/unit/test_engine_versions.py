"""Every program does the same on every supported Python that this machine has, with any hash seed, and under -O.

Another Python brings no packages. It borrows msgpack in its pure Python form; for the library that checks signatures
stands a twin in plain Python.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgpack
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("engine_outcomes.py")
SUPPORTED = ("3.11", "3.12", "3.13")
CURRENT = f"{sys.version_info[0]}.{sys.version_info[1]}"


def interpreters() -> dict[str, str]:
    """Return the other supported Pythons that can be found, by version."""
    homes = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
    found = {}
    for version in SUPPORTED:
        for home in (None, *map(str, homes)):
            path = shutil.which(f"python{version}", path=home)
            if path is not None and version != CURRENT and _works(path, version):
                found[version] = path
    return found


def _works(path: str, version: str) -> bool:
    command = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == version


def outcomes(interpreter: str, packages: Path, *options: str, seed: str = "0") -> list[list[object]]:
    """Run the corpus in a process of its own."""
    environment = {
        "PYTHONPATH": f"{ROOT}:{packages}",
        "PYTHONHASHSEED": seed,
        "MSGPACK_PUREPYTHON": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ.get("PATH", ""),
    }
    command = [interpreter, "-W", "error", *options, str(SCRIPT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[list[object]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds msgpack and the stand-in for PyNaCl, so that nothing else is borrowed."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "msgpack").symlink_to(Path(msgpack.__file__).parent)
    (folder / "nacl").mkdir()
    (folder / "nacl" / "__init__.py").touch()
    (folder / "nacl" / "bindings.py").write_text("from ed25519_twin import crypto_sign_open\n")
    (folder / "nacl" / "exceptions.py").write_text("from ed25519_twin import BadSignatureError\n")
    return folder


@pytest.fixture(scope="module")
def reference(packages: Path) -> list[list[object]]:
    return outcomes(sys.executable, packages)


@pytest.mark.parametrize(("options", "seed"), [((), "4294967295"), (("-OO",), "7")], ids=str)
def test_hash_seed_and_optimisation_change_nothing(
    packages: Path, reference: list[list[object]], options: tuple[str, ...], seed: str
) -> None:
    assert outcomes(sys.executable, packages, *options, seed=seed) == reference


@pytest.mark.parametrize("version", [version for version in SUPPORTED if version != CURRENT])
def test_the_python_version_changes_nothing(packages: Path, reference: list[list[object]], version: str) -> None:
    interpreter = interpreters().get(version)
    if interpreter is None:
        pytest.skip(f"this machine has no Python {version} to compare with")
    for ours, theirs in zip(reference, outcomes(interpreter, packages, seed="3"), strict=True):
        assert theirs == ours


def test_the_corpus_reaches_contracts_that_work(reference: list[list[object]]) -> None:
    codes = {name: entry for name, *entry in reference}
    assert codes["work"][0] is None and codes["work"][3] is None
    assert codes["amounts"][0] is None and codes["amounts"][3] is None, codes["amounts"]
    assert codes["signatures"][5] == [True, False, False]
    assert codes["traceability"][0] is None and codes["remittance"][0] is None
