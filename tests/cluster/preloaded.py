"""Small C libraries that tests load into nodes, to see or bend what they ask of the system."""

import shutil
import subprocess
from pathlib import Path

import pytest

COMPILER = shutil.which("cc") or shutil.which("gcc")


def compiled(name: str, folder: Path) -> Path:
    """Compile tests/NAME.c into a library in a folder; skip the test where there is no compiler."""
    if COMPILER is None:
        pytest.skip("the test loads a small C library into the nodes, and this machine has no C compiler")
    source = Path(__file__).resolve().parent.parent / f"{name}.c"
    path = folder / f"{name}.so"
    command = [
        COMPILER,
        "-Wall",
        "-Werror",
        "-O2",
        "-shared",
        "-fPIC",
        "-o",
        str(path),
        str(source),
        "-ldl",
        "-lpthread",
    ]
    subprocess.run(command, check=True, timeout=60)
    return path
