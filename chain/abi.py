"""The interface of a contract as clients use it: finding a method, and checking arguments before they are sent.

An interface (ABI) is the JSON document that a node serves and the engine derives from a source; docs/contracts/abi.md
describes it. What is checked here the engine checks again when the call runs; here it costs no transaction, and the
message can name the parameter.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from chain.encoding import INT_MAX, INT_MIN
from chain.json_values import JsonValueError, from_json

Abi = Mapping[str, Any]

SCALARS: Final[Mapping[str, type]] = {"bool": bool, "int": int, "str": str, "bytes": bytes}


class AbiError(ValueError):
    """A call that the contract would refuse: no such method, or an argument of another number, name or type."""


def checked_abi(document: Any) -> Abi:
    """Return an interface that came from a node, its shape checked as far as this file relies on it.

    Raises:
        AbiError: when it is something else.
    """
    try:
        methods = [(entry["name"], entry["kind"], entry["returns"], entry["doc"]) for entry in document["methods"]]
        codes = [code for entry in document["methods"] for code in entry["errors"]]
        parts = [part for entry in document["methods"] for part in entry["params"]]
        records = [record["name"] for record in document["records"]]
        parts += [part for record in document["records"] for part in record["fields"]]
        texts = [*(text for method in methods for text in method), *codes, *records]
        texts += [part[key] for part in parts for key in ("name", "type")]
    except (KeyError, TypeError) as error:
        raise AbiError(f"this is no interface of a contract: {error!r}") from error
    if not all(isinstance(text, str) for text in texts):
        raise AbiError("this is no interface of a contract: a name, kind, type or code is no text")
    abi: Abi = document
    return abi


def reachable_method(abi: Abi, contract: str, method: str) -> Mapping[str, Any]:
    """Return a method that is marked @call or @view.

    Raises:
        AbiError: when there is none; says what there is.
    """
    reachable = {entry["name"]: entry for entry in abi["methods"] if entry["kind"] in ("call", "view")}
    entry: Mapping[str, Any] | None = reachable.get(method)
    if entry is None:
        close = get_close_matches(method, reachable, 1)
        known = ", ".join(reachable) or "none"
        raise AbiError(
            f"{contract} has no method {method}; " + (f"did you mean {close[0]}?" if close else f"it has {known}")
        )
    return entry


def method_of(abi: Abi, contract: str, method: str, kind: str) -> Mapping[str, Any]:
    """Return a method that is marked @call, or one that is marked @view.

    Raises:
        AbiError: when there is none, or it is of the other kind.
    """
    entry = reachable_method(abi, contract, method)
    if entry["kind"] != kind:
        other = "a view: it is queried, not sent" if entry["kind"] == "view" else "no view: it is sent, not queried"
        raise AbiError(f"{contract}.{method} is {other}")
    return entry


def signature(entry: Mapping[str, Any]) -> str:
    """Return a method as an author writes it."""
    parameters = ", ".join(f"{param['name']}: {param['type']}" for param in entry["params"])
    return f"{entry['name']}({parameters}) -> {entry['returns']}"


def arguments_in_order(
    entry: Mapping[str, Any], args: Sequence[Any], named: Mapping[str, Any]
) -> list[tuple[Mapping[str, Any], Any]]:
    """Return each parameter of a method with its argument.

    Raises:
        AbiError: when one is missing, too many, unknown or given twice.
    """
    params = entry["params"]
    names = [param["name"] for param in params]
    placed = names[: len(args)]
    wrong = [name for name in named if name not in names or name in placed]
    missing = [name for name in names[len(args) :] if name not in named]
    if len(args) > len(names) or wrong or missing:
        what = f"unknown or given twice: {', '.join(wrong)}" if wrong else f"missing: {', '.join(missing)}"
        if len(args) > len(names):
            what = f"{len(args)} arguments"
        raise AbiError(f"{signature(entry)}: {what}")
    values = [*args, *(named[name] for name in names[len(args) :])]
    return list(zip(params, values, strict=True))


def check_value(abi: Abi, kind: str, value: Any, place: str) -> None:
    """Check a value as it is sent: records are maps by field name.

    Raises:
        AbiError: when it is not of the type; `place` says where it stands.
    """
    inner = kind.removesuffix(" | None")
    if inner != kind and value is None:
        return
    if inner in SCALARS:
        if type(value) is not SCALARS[inner]:
            raise AbiError(f"{place}: expected {kind}, not {_shown(value)}")
        if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
            raise AbiError(f"{place}: {value} exceeds signed 64 bits")
    elif inner == "None":
        if value is not None:
            raise AbiError(f"{place}: expected nothing, not {_shown(value)}")
    elif inner.startswith("list["):
        for number, item in enumerate(_as(list, value, kind, place)):
            check_value(abi, inner[5:-1], item, f"{place}[{number}]")
    elif inner.startswith("dict["):
        for key, item in _as(dict, value, kind, place).items():
            check_value(abi, "str", key, f"{place}: a key")
            check_value(abi, inner[len("dict[str, ") : -1], item, f"{place}[{key!r}]")
    else:
        _check_record(abi, inner, _as(dict, value, kind, place), place)


def _check_record(abi: Abi, name: str, value: Mapping[str, Any], place: str) -> None:
    fields = {field["name"]: field for field in _record(abi, name)["fields"]}
    unknown = [str(key) for key in value if key not in fields]
    missing = [key for key, field in fields.items() if key not in value and "default" not in field]
    if unknown or missing:
        what = f"has no field {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
        raise AbiError(f"{place}: {name} {what}")
    for key, item in value.items():
        check_value(abi, fields[key]["type"], item, f"{place}.{key}")


def _record(abi: Abi, name: str) -> Mapping[str, Any]:
    for record in abi["records"]:
        if record["name"] == name:
            found: Mapping[str, Any] = record
            return found
    raise AbiError(f"{name} is no type that this program knows")


def _as(wanted: type, value: Any, kind: str, place: str) -> Any:
    if type(value) is not wanted:
        raise AbiError(f"{place}: expected {kind}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:40] + '...'}"


def value_from_json(abi: Abi, kind: str, document: Any, place: str) -> Any:
    """Return the value of a type that parsed JSON stands for, tagged as in docs/api.md or plain where the type decides.

    Raises:
        AbiError: when it stands for none.
    """
    inner = kind.removesuffix(" | None")
    if document is None:
        return None
    tag = inner if inner in SCALARS else "map"
    if isinstance(document, dict) and list(document) == [tag]:
        try:
            return from_json(document)
        except JsonValueError as error:
            if inner in SCALARS:
                raise AbiError(f"{place}: {error}") from error
    if isinstance(document, list) and inner.startswith("list["):
        return [value_from_json(abi, inner[5:-1], item, f"{place}[{n}]") for n, item in enumerate(document)]
    if isinstance(document, dict) and inner.startswith("dict["):
        item_kind = inner[len("dict[str, ") : -1]
        return {key: value_from_json(abi, item_kind, item, f"{place}[{key!r}]") for key, item in document.items()}
    if isinstance(document, dict) and inner not in SCALARS:
        kinds = {field["name"]: field["type"] for field in _record(abi, inner)["fields"]}
        return {
            key: value_from_json(abi, kinds[key], item, f"{place}.{key}") if key in kinds else item
            for key, item in document.items()
        }
    if inner == "bytes" and isinstance(document, str):
        return _bytes(document, place)
    return document


def _bytes(text: str, place: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise AbiError(f"{place}: bytes are written in hexadecimal, not {_shown(text)}") from error
