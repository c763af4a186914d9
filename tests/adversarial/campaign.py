"""Runs programs on every Python at once and compares: `python tests/adversarial/campaign.py --help`.

A campaign is a sequence of programs that follows from its seed: generated ones, changed ones, and changed hostile ones.
Each is observed by all ships of a fleet; some are held against the laws as well. What differs is made smaller and
written to a file that `--replay` takes.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import CodeType

from corpus import all_attacks, sources
from fleet import Fleet, Ship, differences, ships
from generator import Maker
from interpreters import find_interpreters, missing
from laws import Broken, check_program
from mutation import mutated_program, tokens_of
from observe import Observation, Program
from programs import of_attack, of_library
from signatures import discover

from contracts.engine.compiler import compile_contract
from contracts.engine.errors import Rejected
from contracts.engine.gas import CURRENT
from contracts.engine.guards import value_guards
from contracts.engine.run import Run

NEVER_CALLED = frozenset(("m", "type", "bool", "int", "str", "bytes", "list", "dict"))
"""Among the guards, what is no function that contracts call."""
SMALLER_TRIES = 150
PROGRESS_SECONDS = 30


class Source:
    """Makes the programs of a campaign."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.signatures = discover()
        self.hostile = [*map(of_attack, all_attacks()), *of_library()]
        self.pool = tokens_of(sources())

    def program(self, number: int) -> tuple[str, Program]:
        """Return a program of the campaign, and how it came about."""
        seed = self.seed * 1_000_000 + number
        chance = random.Random(seed)
        share = chance.random()
        if share < 0.65:
            return "generated", Maker(seed, self.signatures).program()
        if share < 0.8:
            return "changed", mutated_program(Maker(seed, self.signatures).program(), self.pool, chance)
        return "changed hostile", mutated_program(chance.choice(self.hostile), self.pool, chance)


@dataclass
class Tally:
    """What a campaign has done so far."""

    programs: int = 0
    executions: int = 0
    laws: int = 0
    findings: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    guards: Counter[str] = field(default_factory=Counter)

    def note(self, observation: Observation) -> None:
        """Count how the steps of a program ended."""
        for entry in observation:
            if entry[0] == "deploy" and entry[1] == "contract_rejected":
                self.rules[entry[3].split(": ")[1]] += 1
            code = "refused by require" if str(entry[1]).startswith(("code_", "refused_by")) else str(entry[1] or "ok")
            self.endings[f"{entry[0]}: {code}"] += 1

    def note_guards(self, program: Program) -> None:
        """Count the guards that the contracts of a program use."""
        for source in program.contracts.values():
            try:
                self.guards.update(names_in(compile_contract(source).code))
            except Rejected:
                continue

    def never(self) -> list[str]:
        """Return the guards that no program has used."""
        names = value_guards(Run(CURRENT)).keys() - NEVER_CALLED
        return sorted(name for name in names if f"_{name}" not in self.guards)


def names_in(code: CodeType) -> set[str]:
    """Return the names that code uses, inner code too."""
    inner = [names_in(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return {*code.co_names}.union(*inner)


def smaller(program: Program, fails: Callable[[Program], bool]) -> Program:
    """Return a program that still fails with lines taken away, as far as some tries go."""
    name = list(program.contracts)[-1]
    lines = program.contracts[name].split("\n")
    size = max(1, len(lines) // 2)
    tries = 0
    while size and tries < SMALLER_TRIES:
        for start in range(0, len(lines), size):
            fewer = lines[:start] + lines[start + size :]
            candidate = replace(program, contracts={**program.contracts, name: "\n".join(fewer)})
            tries += 1
            if fails(candidate):
                lines, program = fewer, candidate
                break
        else:
            size //= 2
    return program


class Campaign:
    """One run over programs, with a fleet that is at sea."""

    def __init__(self, source: Source, fleet: Fleet, findings: Path, laws_every: int) -> None:
        self.source = source
        self.fleet = fleet
        self.folder = findings
        self.laws_every = laws_every
        self.tally = Tally()

    def run(self, programs: int, seconds: float) -> None:
        """Go on until enough programs were run or the time is over."""
        started = shown = time.monotonic()
        while self.tally.programs < programs and time.monotonic() - started < seconds:
            form, program = self.source.program(self.tally.programs)
            self.tally.forms[form] += 1
            self.judge(program)
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                print(f"{self.tally.programs} programs, {self.tally.findings} findings", file=sys.stderr, flush=True)

    def judge(self, program: Program) -> None:
        """Compare one program, and now and then hold it against the laws."""
        seen = self.fleet.observe(program)
        self.tally.programs += 1
        self.tally.executions += len(seen)
        self.tally.note(seen[0])
        found = differences(self.fleet.ships, seen)
        if found:
            self.report(program, found[0], lambda other: bool(differences(self.fleet.ships, self.fleet.observe(other))))
        elif self.tally.programs % self.laws_every == 0:
            self.tally.laws += 1
            self.tally.note_guards(program)
            broken = law_broken_by(program)
            if broken is not None:
                self.report(program, broken, lambda other: law_broken_by(other) is not None)

    def report(self, program: Program, what: str, fails: Callable[[Program], bool]) -> None:
        """Make a finding small and write it down."""
        self.tally.findings += 1
        small = smaller(program, fails)
        path = self.folder / f"finding-{self.source.seed}-{self.tally.programs}.json"
        path.write_text(json.dumps({"what": what, "program": asdict(small)}, indent=1), encoding="utf-8")
        print(f"FINDING {path}: {what[:2000]}\n{list(small.contracts.values())[-1]}", flush=True)


def law_broken_by(program: Program) -> str | None:
    """Return which law a program breaks, if it breaks one."""
    try:
        check_program(program)
    except Broken as broken:
        return str(broken)
    return None


def summary(tally: Tally, fleet: Sequence[Ship], seconds: float, cpu_seconds: float) -> str:
    """Return the figures of a campaign."""
    per_minute = round(tally.programs / cpu_seconds * 60) if cpu_seconds else 0
    lines = [
        f"{tally.programs} programs in {seconds / 60:.1f} minutes, {cpu_seconds / 60:.1f} of them on a processor "
        f"({per_minute} programs a minute of its time), each on {len(fleet)} ships:",
        *(f"  {ship.name}" for ship in fleet),
        f"{tally.executions} observations, {tally.laws} programs held against the laws, {tally.findings} findings",
        "made: " + ", ".join(f"{form} {count}" for form, count in tally.forms.most_common()),
        "ended: " + ", ".join(f"{ending} {count}" for ending, count in tally.endings.most_common()),
        f"refused by {len(tally.rules)} rules: "
        + ", ".join(f"{rule} {count}" for rule, count in tally.rules.most_common()),
        f"guards never used: {', '.join(tally.never()) or 'none'}",
    ]
    return "\n".join(lines)


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; 0 if nothing was found, 1 otherwise."""
    parser = argparse.ArgumentParser(description="Compare random contracts on every Python that is found.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--programs", type=int, default=sys.maxsize, help="stop after this many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--python", action="append", default=[], metavar="PATH", help="a further Python; may be repeated"
    )
    parser.add_argument("--findings", type=Path, default=Path(), metavar="FOLDER", help="where findings are written")
    parser.add_argument(
        "--laws-every", type=int, default=4, metavar="N", help="hold every Nth program against the laws"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one finding again")
    options = parser.parse_args(arguments)
    interpreters = find_interpreters(options.python)
    if missing(interpreters):
        print(f"not found, so not compared: Python {', '.join(missing(interpreters))}", file=sys.stderr)
    started, cpu_started = time.monotonic(), cpu_seconds()
    with Fleet(ships(interpreters, options.seed)) as fleet:
        campaign = Campaign(Source(options.seed), fleet, options.findings, 1 if options.replay else options.laws_every)
        if options.replay is not None:
            campaign.judge(Program(**json.loads(options.replay.read_text(encoding="utf-8"))["program"]))
        else:
            campaign.run(options.programs, options.minutes * 60)
    # The ships' time counts once they have ended.
    print(summary(campaign.tally, fleet.ships, time.monotonic() - started, cpu_seconds() - cpu_started))
    return 1 if campaign.tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
