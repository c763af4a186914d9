"""Runs scripts of these tests under the other supported Pythons of this machine, which bring no packages.

They borrow msgpack in its pure Python form; for the library that checks signatures stands a twin in plain Python.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack

ROOT = Path(__file__).parents[2]
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


def borrow_packages(folder: Path) -> None:
    """Fill a folder with msgpack and the stand-in for PyNaCl, so that nothing else is borrowed."""
    (folder / "msgpack").symlink_to(Path(msgpack.__file__).parent)
    (folder / "nacl").mkdir()
    (folder / "nacl" / "__init__.py").touch()
    (folder / "nacl" / "bindings.py").write_text("from ed25519_twin import crypto_sign_open\n")
    (folder / "nacl" / "exceptions.py").write_text("from ed25519_twin import BadSignatureError\n")


def run_script(interpreter: str, packages: Path, script: str, *options: str, seed: str = "0") -> Any:
    """Run a script of this folder in a process of its own, and return what it prints as JSON."""
    environment = {
        "PYTHONPATH": f"{ROOT}:{packages}",
        "PYTHONHASHSEED": seed,
        "MSGPACK_PUREPYTHON": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ.get("PATH", ""),
    }
    command = [interpreter, "-W", "error", *options, str(Path(__file__).with_name(script))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
