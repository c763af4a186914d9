"""Which Python `make` takes where nobody names one: that of the path, unless the system's is a good deal faster."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "find_python.sh"


def stub(path: Path, home: str, microseconds: str) -> Path:
    """Make a program that answers like a Python that is installed in `home` and takes so long; no time is none."""
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\ncase "$2" in *base_prefix*) echo {home} ;; *) echo {microseconds} ;; esac\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("on_path", "of_system", "taken"),
    [
        (("/opt", "1000"), ("/usr", "899"), "system"),
        (("/opt", "1000"), ("/usr", "900"), "path"),
        (("/opt", "700"), ("/usr", "900"), "path"),
        (("/opt", ""), ("/usr", "900"), "system"),
        (("/opt", "1000"), ("/usr", ""), "path"),
        (("/usr", "1000"), ("/usr", "500"), "path"),
    ],
)
def test_the_python_that_is_taken(
    tmp_path: Path, on_path: tuple[str, str], of_system: tuple[str, str], taken: str
) -> None:
    first = stub(tmp_path / "bin" / "python3", *on_path)
    system = stub(tmp_path / "system" / "python3", *of_system)
    environment = {**os.environ, "PATH": f"{first.parent}:/usr/bin:/bin"}
    found = subprocess.run(["sh", SCRIPT, system], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout == (f"{system}\n" if taken == "system" else "python3\n")
    assert ("takes that all the same" in found.stderr) == (taken == "system" and on_path[1] != "")


def test_without_any_python_the_path_is_asked_who_says_what_is_missing(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path)}
    found = subprocess.run(
        ["/bin/sh", SCRIPT, tmp_path / "none"], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout == "python3\n"
