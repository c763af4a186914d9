"""All hostile programs together, in the order of their files."""

import attacks_amounts
import attacks_contracts
import attacks_denial
import attacks_escape
import attacks_leakage
import attacks_nondeterminism
import attacks_operands
import attacks_results
import attacks_work
from attacks import Attack, attacks_of

CLASSES = {
    "escape": attacks_escape.GROUPS,
    "denial": {**attacks_denial.GROUPS, **attacks_work.GROUPS},
    "nondeterminism": {
        **attacks_nondeterminism.GROUPS,
        **attacks_operands.GROUPS,
        **attacks_results.GROUPS,
        **attacks_amounts.GROUPS,
    },
    "leakage": {**attacks_leakage.GROUPS, **attacks_contracts.GROUPS},
}
"""Class -> groups."""


def all_attacks() -> list[Attack]:
    """Return every program of the corpus."""
    return [attack for kind, groups in CLASSES.items() for attack in attacks_of(kind, groups)]


def sources() -> list[str]:
    """Return the texts of all contracts, those that are refused too."""
    return [source for attack in all_attacks() for source in attack.scenario.contracts.values()]


def deployed_sources() -> list[str]:
    """Return the texts of all contracts that are deployed."""
    return [source for attack in all_attacks() if attack.rule is None for source in attack.scenario.contracts.values()]
