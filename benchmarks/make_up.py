"""Measures `make up` as a stranger meets it: from a fresh clone with an empty package cache to a running cluster.

python -m benchmarks.make_up [--base-port 28700]
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> None:
    """Clone, run, print the time, and clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-port", type=int, default=28700)
    base_port = parser.parse_args().base_port
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        environment = {**os.environ, "PIP_NO_CACHE_DIR": "1"}
        try:
            subprocess.run(["make", "up", f"BASE_PORT={base_port}"], cwd=clone, check=True, env=environment)
            print(f"from clone to ready, stories played: {time.monotonic() - started:.1f} s")
        finally:
            subprocess.run(["make", "down"], cwd=clone, check=False)


if __name__ == "__main__":
    main()
