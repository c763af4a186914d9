"""Counts the hostile programs and shows them: `python tests/adversarial/catalogue.py --help`."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from attacks import Attack
from corpus import all_attacks
from steps import costs


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the catalogue, or the programs whose names hold a text."""
    parser = argparse.ArgumentParser(description="The hostile programs by class and group.")
    parser.add_argument("--list", action="store_true", help="name every program and what has to happen")
    parser.add_argument("--show", metavar="TEXT", help="print the programs whose names hold this text")
    parser.add_argument("--dearest", metavar="N", type=int, help="run all; the N that cost most time for their gas")
    options = parser.parse_args(arguments)
    attacks = all_attacks()
    if options.dearest is not None:
        lines: Iterable[str] = (f"{cost:6.1f} ns a unit  {name}" for cost, name in costs(attacks)[: options.dearest])
    else:
        lines = _programs(attacks, options.show) if options.show is not None else _summary(attacks, options.list)
    found = False
    for line in lines:
        found = True
        print(line)
    return 0 if found else 1


def _summary(attacks: list[Attack], names: bool) -> Iterator[str]:
    groups = Counter((attack.kind, attack.group, attack.aim) for attack in attacks)
    kinds = Counter(attack.kind for attack in attacks)
    for kind, programs in kinds.items():
        yield f"{kind}: {programs} programs"
        for (own, group, aim), count in groups.items():
            if own == kind:
                yield f"  {count:4}  {group}: to {aim}"
                members = [attack for attack in attacks if (attack.kind, attack.group) == (kind, group)]
                yield from (f"          {attack.name} -> {attack.must}" for attack in members if names)
    refused = sum(attack.rule is not None for attack in attacks)
    yield f"{len(attacks)} programs: {refused} have to be refused, {len(attacks) - refused} to end as said"


def _programs(attacks: list[Attack], text: str) -> Iterator[str]:
    for attack in attacks:
        if text in attack.name:
            yield f"== {attack.kind}, {attack.group}: {attack.name}"
            yield f"   tries to {attack.aim}"
            yield f"   {attack.must}"
            for name, source in attack.scenario.contracts.items():
                yield f"-- contract {name}"
                yield source.strip("\n")
            for step in attack.scenario.steps if len(attack.scenario.steps) > 1 else ():
                ending = step.code or f"returns {step.value!a}"
                yield f"-- {'view' if step.view else 'call'} {step.contract}.{step.method}{step.args} -> {ending}"


if __name__ == "__main__":
    sys.exit(main())
