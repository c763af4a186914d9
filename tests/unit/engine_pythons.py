"""Runs scripts of these tests under the other supported Pythons of this machine, which bring no packages.

They borrow msgpack in its pure Python form; for the library that checks signatures stands a twin in plain Python.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_script(interpreter: str, packages: Path, script: str, *options: str, seed: str = "0") -> Any:
    """Run a script, by its path from this folder, in a process of its own, and return what it prints as JSON."""
    environment = {
        "PYTHONPATH": f"{ROOT}:{packages}",
        "PYTHONHASHSEED": seed,
        "MSGPACK_PUREPYTHON": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ.get("PATH", ""),
    }
    command = [interpreter, "-W", "error", *options, str(Path(__file__).parent / script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
