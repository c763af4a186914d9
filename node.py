"""The composition root's door: reads the command line, loads a node's modules quickly, and hands over to them.

What a node consists of is built in assembly.composition. It is imported here, inside a function, because how modules
are imported is half of what a start costs: see `cheap_imports`.
"""

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

TRUSTED_BY_SYSTEM: Final = "SSL_CERT_FILE"
"""The variable by which OpenSSL finds the certificates that a system trusts."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a node until it is told to stop; return its exit code."""
    parser = argparse.ArgumentParser(prog="node", description="Run one Tallystick node.")
    parser.add_argument("--config", type=Path, required=True, help="the node's TOML file")
    config = parser.parse_args(arguments).config
    with cheap_imports():
        composition = import_module("assembly.composition")
    code: int = composition.run_node(config)
    return code


@contextlib.contextmanager
def cheap_imports() -> Iterator[None]:
    """Import without the collector, which would walk over all that stays, and without the system's certificates.

    aiohttp reads all of them when it is imported, for clients that trust whom the system trusts. A node trusts the
    certificates that its ledger names and no others.
    """
    before = os.environ.get(TRUSTED_BY_SYSTEM)
    os.environ[TRUSTED_BY_SYSTEM] = os.devnull
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        if before is None:
            del os.environ[TRUSTED_BY_SYSTEM]
        else:
            os.environ[TRUSTED_BY_SYSTEM] = before


if __name__ == "__main__":
    sys.exit(main())
