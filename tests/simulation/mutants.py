"""Shows that the simulator can fail: plants bugs one at a time and looks for each, seed after seed, for ten minutes.

    python tests/simulation/mutants.py [--seconds 600] [--workers 2] [--json FILE] [--save] [NAME ...]

Prints a table: the bug, the promise by which it was found, and what it took. Exit code 1 if one was not found.
With --save the smallest failing run of each is kept beside the regressions of the test suite.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from planted_bugs import PLANTED_BUGS, PlantedBug, TwinsSearch

from consensus.simulation.campaign import made_with
from consensus.simulation.chance import chance_of
from consensus.simulation.replay import Replay, replay_text
from consensus.simulation.run import simulate
from consensus.simulation.settings import Settings
from consensus.simulation.shrink import Shrinker
from consensus.simulation.twins.play import play
from consensus.simulation.twins.scenario import Unit, sampled

FOLDER: Final = Path(__file__).parent / "planted"
SHRINK_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Search:
    """What came of looking for one bug."""

    name: str
    rule: str | None
    """The promise that was seen broken."""
    is_expected: bool
    """Whether the bug may show by that promise."""
    tried: int
    """Seeds or scenarios."""
    seconds: float
    cpu_seconds: float
    replay: Replay | None = None


def search(bug: PlantedBug, seconds: float, *, shrinks: bool = False) -> Search:
    """Plant a bug and run seeds or scenarios until a promise is broken or the time is over."""
    begin, cpu = time.monotonic(), time.process_time()
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        tried, rule, replay = 0, None, None
        if bug.twins is not None:
            tried, rule = _search_twins(bug.twins, begin + seconds)
        else:
            for seed in count():
                settings, tried = Settings(seed, bug.nodes), seed + 1
                failure = simulate(settings).failure
                if failure is not None:
                    rule = failure.rule
                    took = time.monotonic() - begin, time.process_time() - cpu
                    if shrinks:
                        smallest = Shrinker(settings, failure.script, rule, SHRINK_SECONDS).smallest()
                        replay = None if smallest is None else replace(smallest, note=f"The planted bug: {bug.name}.")
                    return Search(bug.name, rule, rule in bug.rules, tried, *took, replay)
                if time.monotonic() - begin > seconds:
                    break
    return Search(bug.name, rule, rule in bug.rules, tried, time.monotonic() - begin, time.process_time() - cpu)


def _search_twins(where: TwinsSearch, ends_at: float) -> tuple[int, str | None]:
    drawn = sampled(where.cast, where.rounds, chance_of(0, "mutants"))
    for tried, scenario in enumerate(drawn, start=1):
        rule = play(where.cast, scenario, Unit.MESSAGE).rule
        if rule is not None or time.monotonic() > ends_at:
            return tried, rule
    raise AssertionError("scenarios are drawn without end")


def table(found: Sequence[Search]) -> str:
    """Return the searches as a table for people."""
    rows = [("planted bug", "found by the promise", "runs", "seconds", "CPU")]
    for item in found:
        rule = item.rule or "NOT FOUND"
        rule = rule if item.is_expected or item.rule is None else f"{rule} (unexpected)"
        rows.append((item.name, rule, str(item.tried), f"{item.seconds:.1f}", f"{item.cpu_seconds:.1f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    good = sum(item.is_expected for item in found)
    return "\n".join([*lines, "", f"{good} of {len(found)} planted bugs found"])


def main() -> int:
    """Search for all bugs or those that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="for each bug")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    parser.add_argument("--save", action="store_true", help="keep the smallest failing runs")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    bugs = [bug for bug in PLANTED_BUGS if not options.names or bug.name in options.names]
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = [pool.submit(search, bug, options.seconds, shrinks=options.save) for bug in bugs]
        found = []
        try:
            for job in jobs:
                found.append(job.result())
                print(".", end="", file=sys.stderr, flush=True)
        except BaseException:
            # A bug that cannot be planted any more is known at once, not when all others have been looked for.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    print(file=sys.stderr)
    print(table(found))
    if options.json is not None:
        rows = [{key: value for key, value in asdict(item).items() if key != "replay"} for item in found]
        for row in rows:
            row.update(seconds=round(row["seconds"], 1), cpu_seconds=round(row["cpu_seconds"], 1))
        made = {**made_with(), "workers": options.workers, "seconds_max": options.seconds, "bugs": rows}
        options.json.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    if options.save:
        _save(found)
    return 0 if all(item.is_expected for item in found) else 1


def _save(found: Sequence[Search]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for item in found:
        if item.replay is not None:
            (FOLDER / f"{file_name(item.name)}.json").write_text(replay_text(item.replay), encoding="utf-8")


def file_name(name: str) -> str:
    """Return the name of a bug's file, without its ending."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


if __name__ == "__main__":
    sys.exit(main())
