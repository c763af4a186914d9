"""Reads EPCIS 2.0 JSON-LD: bytes in, checked events with their contexts out, or one EpcisError.

Everything received is bounded before it is looked at. Numbers stay exact (int or Decimal), because hashes and ledger
facts are made from them. What an event of each type must hold is checked in gateway.epcis.event_rules.
"""

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from gateway.epcis.context import Context, extended, standard_context
from gateway.epcis.errors import EpcisError
from gateway.epcis.event_rules import check_event
from gateway.epcis.fields import is_time, required, typed
from gateway.epcis.master_data import Party, parties_in

DOCUMENT_BYTES_MAX: Final = 16 * 1024 * 1024
EVENTS_MAX: Final = 10_000
DEPTH_MAX: Final = 24
"""Nesting of objects and lists inside one event."""
TEXT_CHARACTERS_MAX: Final = 16_384
"""Length of one text value or key."""
NUMBER_DIGITS_MAX: Final = 40

_BODY: Final = "$.epcisBody"


@dataclass(frozen=True, slots=True)
class CheckedEvent:
    """An event that keeps the rules of EPCIS, with what is needed to read it."""

    fields: dict[str, Any]
    context: Context
    path: str
    """Where it stands in its document."""


@dataclass(frozen=True, slots=True)
class Document:
    """A checked document."""

    events: tuple[CheckedEvent, ...]
    parties: tuple[Party, ...]
    """Parties of the header's master data that name the organisation behind them."""


def parse_document(data: bytes) -> Document:
    """Read an EPCISDocument or a single event.

    Raises:
        EpcisError: for anything that is not one of the two, whole and within bounds.
    """
    top = _json(data)
    if not isinstance(top, dict):
        raise EpcisError("wrong_type", "$", "the top of the document is no object")
    kind = typed(top, "type", str, "$")
    if kind.endswith("Event"):
        return Document((_event(top, standard_context(), "$"),), ())
    if kind != "EPCISDocument":
        raise EpcisError("unsupported_document", "$.type", f"neither an EPCISDocument nor an event: {_shown(kind)}")
    context = _document_context(top)
    parties = parties_in(top.get("epcisHeader"), context)
    body = typed(top, "epcisBody", dict, "$")
    if "eventList" in body:
        raw, path = typed(body, "eventList", list, _BODY), f"{_BODY}.eventList"
    else:
        raw, path = [required(body, "event", _BODY)], f"{_BODY}.event"
    if len(raw) > EVENTS_MAX:
        raise EpcisError("too_many_events", path, f"{len(raw)} events; at most {EVENTS_MAX} in a document")
    if not raw and not parties:
        raise EpcisError("no_events", path, "the document records nothing")
    events = tuple(_event(item, context, f"{path}[{position}]") for position, item in enumerate(raw))
    return Document(events, parties)


def _document_context(top: dict[str, Any]) -> Context:
    version = typed(top, "schemaVersion", str, "$")
    if not version.startswith("2."):
        raise EpcisError("unsupported_version", "$.schemaVersion", f"EPCIS 2 is spoken here, not {_shown(version)}")
    if not is_time(typed(top, "creationDate", str, "$")):
        raise EpcisError("bad_timestamp", "$.creationDate", "no date and time with an offset")
    return extended(standard_context(), required(top, "@context", "$"), "$['@context']")


def _event(item: Any, context: Context, path: str) -> CheckedEvent:
    if not isinstance(item, dict):
        raise EpcisError("wrong_type", path, "an event is an object")
    if "@context" in item:
        context = extended(context, item["@context"], f"{path}['@context']")
    _check_values(item, context, path, DEPTH_MAX)
    check_event(item, path)
    return CheckedEvent(item, context, path)


def _check_values(value: Any, context: Context, path: str, depth: int) -> None:
    """Bound every value of an event and find undeclared prefixes."""
    if isinstance(value, str):
        if len(value) > TEXT_CHARACTERS_MAX:
            raise EpcisError("text_too_long", path, f"{len(value)} characters; at most {TEXT_CHARACTERS_MAX}")
    elif isinstance(value, (dict, list)):
        if depth == 0:
            raise EpcisError("too_deep", path, f"nested deeper than {DEPTH_MAX}")
        if isinstance(value, list):
            for position, item in enumerate(value):
                _check_values(item, context, f"{path}[{position}]", depth - 1)
            return
        for key, item in value.items():
            if key == "@context" or key in ("rdfs:comment", "comment"):
                continue
            if ":" in key:
                context.expanded_name(key, f"{path}['{key[:80]}']")
            _check_values(item, context, f"{path}.{key[:80]}", depth - 1)


def _json(data: bytes) -> Any:
    if len(data) > DOCUMENT_BYTES_MAX:
        raise EpcisError("document_too_large", "$", f"{len(data)} bytes; at most {DOCUMENT_BYTES_MAX}")
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
        _check_unicode(data)
    except UnicodeDecodeError as error:
        raise EpcisError("not_json", "$", f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise EpcisError("not_json", "$", f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise EpcisError("too_deep", "$", "nested far too deeply") from error
    return value


def _check_unicode(data: bytes) -> None:
    """Refuse escapes of lone surrogates, which no UTF-8 text can hold; only then is the slow look needed."""
    if b"\\ud" not in data and b"\\uD" not in data:
        return
    try:
        json.dumps(json.loads(data.decode("utf-8-sig")), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise EpcisError("not_json", "$", "an escape stands for half a character") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise EpcisError("duplicate_key", "$", f"an object names {_shown(repeated)} twice")
    return made


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise EpcisError("number_out_of_range", "$", f"{_shown(text)} is too large or too small") from error
    if len(text) > NUMBER_DIGITS_MAX or not -NUMBER_DIGITS_MAX < number.adjusted() < NUMBER_DIGITS_MAX:
        raise EpcisError("number_out_of_range", "$", f"{_shown(text)} is too large, too small or too exact")
    return number


def _integer(text: str) -> int:
    if len(text) > NUMBER_DIGITS_MAX:
        raise EpcisError("number_out_of_range", "$", f"{_shown(text)} has too many digits")
    return int(text)


def _constant(text: str) -> NoReturn:
    raise EpcisError("not_json", "$", f"{text} is no JSON number")


def _shown(value: object) -> str:
    return repr(value)[:60]
