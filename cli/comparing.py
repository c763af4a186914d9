"""What is different between two contracts: whether the storage may grow so, what users notice, and the sources."""

import difflib
from collections.abc import Iterator
from typing import Any

from cli.contract_subjects import Subject, declared_at
from contracts.engine.abi_changes import AbiChange, abi_changes
from contracts.engine.growth import Obstacle, obstacles


def obstacles_between(old: Subject, new: Subject) -> list[Obstacle]:
    """Return why the new contract cannot be the version behind the old one."""
    return obstacles(old.module, new.module)


def changes_between(old: Subject, new: Subject) -> list[AbiChange]:
    """Return what users of the old contract notice of the new one."""
    return abi_changes(old.abi, new.abi)


def obstacle_lines(new: Subject, found: list[Obstacle]) -> Iterator[str]:
    """Yield each obstacle with the line of the new source that is at fault."""
    for obstacle in found:
        yield f"{new.label}: line {declared_at(new.source, obstacle.storage)}: {obstacle}"


def source_difference(old: Subject, new: Subject) -> str:
    """Return the unified diff of two sources, empty if they are equal."""
    lines = difflib.unified_diff(old.source.splitlines(), new.source.splitlines(), old.label, new.label, lineterm="")
    return "\n".join(lines)


def comparison_text(old: Subject, new: Subject) -> str:
    """Return everything that is different between two contracts, in lines."""
    if old.source == new.source:
        return f"{old.label} and {new.label} are the same"
    found = obstacles_between(old, new)
    changes = changes_between(old, new)
    storage = ["storage: it only grows"] if not found else ["storage: this is not growth, and the ledger refuses it"]
    storage += [f"    {line}" for line in obstacle_lines(new, found)]
    interface = ["interface: nothing that users notice"] if not changes else ["interface"]
    interface += [f"    {change}" for change in changes]
    return "\n".join([*storage, *interface, "source", source_difference(old, new)])


def comparison_json(old: Subject, new: Subject) -> dict[str, Any]:
    """Return everything that is different between two contracts, for programs."""
    found = obstacles_between(old, new)
    return {
        "from": old.label,
        "to": new.label,
        "same": old.source == new.source,
        "obstacles": [
            {
                "rule": obstacle.rule,
                "subject": obstacle.subject,
                "line": declared_at(new.source, obstacle.storage),
                "hint": obstacle.hint,
            }
            for obstacle in found
        ],
        "changes": [change.as_json() for change in changes_between(old, new)],
        "source": source_difference(old, new),
    }
