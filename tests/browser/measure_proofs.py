"""Measures proof files: their size, and how long each verifier takes.

    python tests/browser/measure_proofs.py --genesis genesis.msgpack payment.proof ...

For the two in Python the processor time of the best of several runs, without reading files and starting Python; in
Chromium, which tells only wall-clock time, that of the best of several in one page.
"""

import asyncio
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from chromium import Page, find_chromium, opened

from chain.genesis import decode_genesis
from tallystick.proof_checking import check_proof

ROOT: Final = Path(__file__).parents[2]
RUNS: Final = 9
BROWSER_RUNS: Final = 25


def best_milliseconds(work: Callable[[], Any]) -> float:
    """Return the least processor time of several runs."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def single_file() -> Any:
    """Return the module docs/verify_proof.py."""
    spec = importlib.util.spec_from_file_location("verify_proof", ROOT / "docs" / "verify_proof.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_proof"] = module
    spec.loader.exec_module(module)
    return module


async def browser_milliseconds(page: Page, path: Path) -> float:
    """Return the least time of several checks of a file in a page that has the genesis already."""
    await page.choose_file("#proof", path)
    expression = f"""(async () => {{
        let best = Infinity;
        for (let run = 0; run < {BROWSER_RUNS}; run += 1) {{
            document.getElementById("verdict").replaceChildren();
            document.getElementById("hash").dispatchEvent(new Event("input"));
            while (!document.getElementById("verdict").firstChild) await new Promise((go) => setTimeout(go, 1));
            best = Math.min(best, Number(document.getElementById("verdict").dataset.milliseconds));
        }}
        return best;
    }})()"""
    return float(await page.evaluate(expression))


async def in_browser(genesis: Path, files: tuple[Path, ...]) -> dict[Path, float]:
    """Return the times in Chromium; none if there is no such program."""
    if find_chromium() is None:
        return {}
    async with opened((ROOT / "docs" / "verify" / "index.html").as_uri()) as page:
        await page.choose_file("#genesis", genesis.absolute())
        return {path: await browser_milliseconds(page, path.absolute()) for path in files}


@click.command()
@click.option("--genesis", required=True, type=click.Path(path_type=Path, exists=True), help="The encoded genesis.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
def main(genesis: Path, files: tuple[Path, ...]) -> None:
    """Print a line of JSON a file."""
    data = genesis.read_bytes()
    known, single = decode_genesis(data), single_file()
    times = asyncio.run(in_browser(genesis, files))
    for path in files:
        proof = path.read_bytes()
        product = best_milliseconds(lambda proof=proof: check_proof(proof, known))  # type: ignore[misc]
        plain = best_milliseconds(lambda proof=proof: single.verify(proof, data, None))  # type: ignore[misc]
        line = {
            "file": path.name,
            "bytes": len(proof),
            "tally_ms": round(product, 2),
            "verify_proof_ms": round(plain, 1),
        }
        click.echo(json.dumps({**line, "chromium_ms": round(times[path], 1) if path in times else None}))


if __name__ == "__main__":
    main()
