"""Finds the Pythons that programs are compared on.

Looked for are `python3.11`, `python3.12`, `python3.13` and `python3.14` in PATH, then in $PYENV_ROOT/versions/*/bin
(by default ~/.pyenv); others can be named. The Python that runs is always among them. What is missing is said.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13")
"""Versions that the engine promises to behave alike on."""
CANDIDATES = (*SUPPORTED, "3.14")
CURRENT = f"{sys.version_info[0]}.{sys.version_info[1]}"


def find_interpreters(named: Sequence[str] = ()) -> dict[str, str]:
    """Return the path of a Python for each version found, the one that runs first; those named win over those found."""
    found = {CURRENT: sys.executable}
    for path in named:
        version = version_of(path)
        if version is None:
            raise FileNotFoundError(f"{path} is no Python that runs")
        found[version] = path
    homes = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
    for version in CANDIDATES:
        for home in (None, *map(str, homes)):
            candidate = shutil.which(f"python{version}", path=home)
            if version not in found and candidate is not None and version_of(candidate) == version:
                found[version] = candidate
    return found


def missing(found: dict[str, str]) -> list[str]:
    """Return the supported versions that were not found."""
    return [version for version in SUPPORTED if version not in found]


def version_of(path: str) -> str | None:
    """Return the version of a Python, such as 3.12, or None if it does not run."""
    command = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
