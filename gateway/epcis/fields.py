"""Typed access to the fields of JSON objects, with errors that name the path."""

from typing import Any, Final, TypeVar

from gateway.epcis.errors import EpcisError
from gateway.epcis.timestamps import canonical_time

T = TypeVar("T")

_NAMES: Final[dict[type, str]] = {str: "text", list: "a list", dict: "an object"}


def required(fields: dict[str, Any], name: str, path: str) -> Any:
    """Return a field that must be there.

    Raises:
        EpcisError: when it is absent or null.
    """
    value = fields.get(name)
    if value is None:
        raise EpcisError("missing_field", f"{path}.{name}", f"{name} is mandatory")
    return value


def typed(fields: dict[str, Any], name: str, kind: type[T], path: str) -> T:
    """Return a field that must be there and of one type.

    Raises:
        EpcisError: when it is absent or of another type.
    """
    value = required(fields, name, path)
    if not isinstance(value, kind):
        raise EpcisError("wrong_type", f"{path}.{name}", f"{name} must be {_NAMES[kind]}")
    return value


def optional(fields: dict[str, Any], name: str, kind: type[T], path: str) -> T | None:
    """Return a field of one type, or None when it is absent.

    Raises:
        EpcisError: when it is of another type.
    """
    return None if fields.get(name) is None else typed(fields, name, kind, path)


def filled_text(fields: dict[str, Any], name: str, path: str) -> str:
    """Return a text field that must be there and hold more than spaces.

    Raises:
        EpcisError: when it is absent, of another type, or empty.
    """
    value = typed(fields, name, str, path)
    if not value.strip():
        raise EpcisError("missing_field", f"{path}.{name}", f"{name} is empty")
    return value


def objects(fields: dict[str, Any], name: str, path: str) -> list[dict[str, Any]]:
    """Return a field that is a list of objects, or an empty list when it is absent.

    Raises:
        EpcisError: when it is anything else.
    """
    items = optional(fields, name, list, path) or []
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            raise EpcisError("wrong_type", f"{path}.{name}[{position}]", "must be an object")
    return items


def is_time(text: str) -> bool:
    """Tell whether text is a date and time with an offset."""
    try:
        canonical_time(text)
    except ValueError:
        return False
    return True
