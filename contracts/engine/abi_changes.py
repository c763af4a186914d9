"""What users of a contract notice of another version: differences between two ABIs, those that break something first.

Breaking is what makes a program fail that was right before: a method that is gone, another type, a field that has to be
given. Whether that is worth it is for those who decide on the version; the ledger does not refuse it.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from chain.values import dataclass

REACHABLE: Final = ("call", "view")
"""Kinds of methods that others use."""


class Weight(StrEnum):
    """What a difference means for those who use the contract."""

    BREAKING = "breaking"
    CHANGED = "changed"
    """They may want to know."""
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class AbiChange:
    """One difference."""

    weight: Weight
    subject: str
    """Such as `method transfer`, `event Moved`, `record Item`, `constant FEE`."""
    detail: str

    def __str__(self) -> str:
        return f"{self.weight}: {self.subject}: {self.detail}"

    def as_json(self) -> dict[str, str]:
        """Return the difference for programs."""
        return {"weight": self.weight.value, "subject": self.subject, "detail": self.detail}


def abi_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[AbiChange]:
    """Return what is different between two ABIs (contracts.engine.abi), the heaviest first."""
    found = [
        *_methods(_named(old["methods"]), _named(new["methods"])),
        *_events(_named(old["events"]), _named(new["events"])),
        *_records(_named(old["records"]), _named(new["records"])),
        *_constants(old["constants"], new["constants"]),
        *_storage(_named(old["storage"]), _named(new["storage"])),
    ]
    order = list(Weight)
    return sorted(found, key=lambda change: order.index(change.weight))


def _named(entries: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(entry["name"]): entry for entry in entries if entry.get("kind", "call") not in ("init", "migrate")}


def _methods(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[AbiChange]:
    for name, before in old.items():
        subject, after = f"method {name}", new.get(name)
        if after is None:
            yield AbiChange(Weight.BREAKING, subject, "is gone")
            continue
        if before["kind"] != after["kind"]:
            yield AbiChange(Weight.BREAKING, subject, f"is a @{after['kind']}, no longer a @{before['kind']}")
        types = [[param["type"] for param in method["params"]] for method in (before, after)]
        if types[0] != types[1]:
            detail = f"takes ({', '.join(types[1])}), no longer ({', '.join(types[0])})"
            yield AbiChange(Weight.BREAKING, subject, detail)
        elif before["params"] != after["params"]:
            names = [", ".join(param["name"] for param in method["params"]) for method in (before, after)]
            yield AbiChange(Weight.CHANGED, subject, f"names its parameters {names[1]}, no longer {names[0]}")
        if before["returns"] != after["returns"]:
            detail = f"returns {after['returns']}, no longer {before['returns']}"
            yield AbiChange(Weight.BREAKING, subject, detail)
        yield from _errors(subject, before["errors"], after["errors"])
    for name in _more(old, new):
        yield AbiChange(Weight.ADDED, f"method {name}", f"a new @{new[name]['kind']}")


def _errors(subject: str, old: Sequence[str], new: Sequence[str]) -> Iterator[AbiChange]:
    more, less = [code for code in new if code not in old], [code for code in old if code not in new]
    if more:
        yield AbiChange(Weight.CHANGED, subject, f"may fail with {', '.join(more)}")
    if less:
        yield AbiChange(Weight.CHANGED, subject, f"no longer fails with {', '.join(less)}")


def _events(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[AbiChange]:
    for name, before in old.items():
        subject, after = f"event {name}", new.get(name)
        if after is None:
            yield AbiChange(Weight.BREAKING, subject, "is gone")
        else:
            yield from _fields(subject, before["fields"], after["fields"], defaults_needed=False)
    for name in _more(old, new):
        yield AbiChange(Weight.ADDED, f"event {name}", "a new event")


def _records(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[AbiChange]:
    for name, before in old.items():
        if name in new:
            yield from _fields(f"record {name}", before["fields"], new[name]["fields"], defaults_needed=True)
        else:
            yield AbiChange(Weight.CHANGED, f"record {name}", "is gone")
    for name in _more(old, new):
        yield AbiChange(Weight.ADDED, f"record {name}", "a new record")


def _fields(
    subject: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], *, defaults_needed: bool
) -> Iterator[AbiChange]:
    after = _named(new)
    for field in old:
        name = field["name"]
        if name not in after:
            yield AbiChange(Weight.BREAKING, subject, f"its field {name} is gone")
        elif after[name]["type"] != field["type"]:
            detail = f"its field {name} is {after[name]['type']}, no longer {field['type']}"
            yield AbiChange(Weight.BREAKING, subject, detail)
    known = {field["name"] for field in old}
    for field in new:
        if field["name"] not in known:
            needed = defaults_needed and "default" not in field
            detail = f"has a new field {field['name']} ({field['type']})" + (
                ", which has to be given" if needed else ""
            )
            yield AbiChange(Weight.BREAKING if needed else Weight.ADDED, subject, detail)


def _constants(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[AbiChange]:
    for name, value in old.items():
        if name not in new:
            yield AbiChange(Weight.CHANGED, f"constant {name}", "is gone")
        elif repr(new[name]) != repr(value):
            yield AbiChange(Weight.CHANGED, f"constant {name}", f"is {new[name]!r}, no longer {value!r}")
    for name in _more(old, new):
        yield AbiChange(Weight.ADDED, f"constant {name}", f"is {new[name]!r}")


def _storage(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[AbiChange]:
    for name in _more(old, new):
        yield AbiChange(Weight.ADDED, f"storage {name}", f"a new {new[name]['kind'].capitalize()}")


def _more(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the names that only the new one has, in its order."""
    return [name for name in new if name not in old]
