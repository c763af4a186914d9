"""The event hash of CBV 2.0: one canonical string for each event, whatever its spelling, and SHA-256 of it.

Order and form are those of the standard (section 8.9) as its published vectors show them: standard fields in a fixed
order, then the trade lists, instance data and extensions sorted as text. Identifiers are canonical Digital Links,
words of the vocabulary are URIs, times are UTC with three decimals, lists are sorted. What is left out: eventID,
recordTime, errorDeclaration and comments.
"""

import hashlib
from decimal import Decimal
from typing import Any, Final

from gateway.epcis.canonical_json import decimal_text
from gateway.epcis.context import Context
from gateway.epcis.identifiers import canonical_identifier
from gateway.epcis.timestamps import canonical_time
from gateway.epcis.vocabulary import (
    BIZ_STEPS,
    COMPONENTS,
    DISPOSITIONS,
    EXCEPTIONS,
    MEASUREMENTS,
    NO_WORDS,
    PARTY_TYPES,
    TRANSACTION_TYPES,
)

HASH_PREFIX: Final = "ni:///sha-256;"
HASH_SUFFIX: Final = "?ver=CBV2.0"

_LEFT_OUT: Final = frozenset(
    {"@context", "type", "eventTime", "eventTimeZoneOffset", "eventID", "recordTime", "errorDeclaration"}
    | {"comment", "rdfs:comment"}
)
_COMMENTS: Final = frozenset({"comment", "rdfs:comment"})
_EPC_LISTS: Final = frozenset({"epcList", "inputEPCList", "childEPCs", "outputEPCList"})
_QUANTITY_LISTS: Final = frozenset({"quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"})
_TRADE_LISTS: Final = {
    "bizTransactionList": ("bizTransaction", TRANSACTION_TYPES),
    "sourceList": ("source", PARTY_TYPES),
    "destinationList": ("destination", PARTY_TYPES),
}
_WORDS: Final = {"bizStep": BIZ_STEPS, "disposition": DISPOSITIONS}
_ORDERED: Final = (
    "certificationInfo", "epcList", "parentID", "inputEPCList", "childEPCs", "quantityList", "childQuantityList",
    "inputQuantityList", "outputEPCList", "outputQuantityList", "action", "transformationID", "bizStep", "disposition",
    "persistentDisposition", "readPoint", "bizLocation", "sensorElementList",
)  # fmt: skip
_METADATA_ORDER: Final = (
    "time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules",
)  # fmt: skip
_REPORT_ORDER: Final = (
    "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "microorganism",
    "chemicalSubstance", "value", "component", "stringValue", "booleanValue", "hexBinaryValue", "uriValue", "minValue",
    "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem",
)  # fmt: skip
_SENSOR_WORDS: Final = {"type": MEASUREMENTS, "exception": EXCEPTIONS, "component": COMPONENTS}
_TIMES: Final = frozenset({"time", "startTime", "endTime"})


def event_hash(event: dict[str, Any], context: Context) -> str:
    """Return the ni: URI that names a checked event (gateway.epcis.document checks).

    Raises:
        EpcisError: when an extension uses an undeclared prefix.
    """
    digest = hashlib.sha256(canonical_string(event, context).encode()).hexdigest()
    return f"{HASH_PREFIX}{digest}{HASH_SUFFIX}"


def canonical_string(event: dict[str, Any], context: Context) -> str:
    """Return the pre-hash string of a checked event.

    Raises:
        EpcisError: when an extension uses an undeclared prefix.
    """
    head = [
        f"eventType={event['type']}eventTime={canonical_time(event['eventTime'])}",
        f"eventTimeZoneOffset={event['eventTimeZoneOffset']}",
    ]
    head.extend(_standard_field(name, event[name], context) for name in _ORDERED if event.get(name) is not None)
    rest = [
        _remaining_field(name, value, context)
        for name, value in event.items()
        if name not in _LEFT_OUT and name not in _ORDERED and value is not None
    ]
    return "".join(head) + "".join(sorted(rest))


def scalar_text(value: Any, context: Context) -> str:
    """Return the canonical text of a JSON scalar: numbers without exponent or trailing zeros, identifiers as links."""
    if isinstance(value, str):
        text = value.strip()
        return canonical_identifier(context.expanded_value(text)) if ":" in text else text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return decimal_text(value)
    return str(value)


def _word(value: str, words: dict[str, str], context: Context) -> str:
    text = value.strip()
    return words.get(text) or scalar_text(text, context)


def _standard_field(name: str, value: Any, context: Context) -> str:
    if name in _EPC_LISTS:
        return name + "".join(sorted([f"epc={scalar_text(item, context)}" for item in value])) if value else ""
    if name in _QUANTITY_LISTS:
        elements = sorted([_quantity_element(item, context) for item in value])
        return name + "".join(elements) if elements else ""
    if name in ("readPoint", "bizLocation"):
        return f"{name}id={scalar_text(value['id'], context)}{_extensions(value, ('id',), context)}"
    if name == "persistentDisposition":
        return _persistent_disposition(value, context)
    if name == "sensorElementList":
        elements = sorted([_sensor_element(item, context) for item in value])
        return name + "".join(elements) if elements else ""
    if name == "certificationInfo":
        many = value if isinstance(value, list) else [value]
        return "".join(sorted([f"{name}={scalar_text(item, context)}" for item in many]))
    return f"{name}={_word(value, _WORDS.get(name, NO_WORDS), context)}"


def _quantity_element(element: dict[str, Any], context: Context) -> str:
    fields = [
        f"{name}={scalar_text(element[name], context)}"
        for name in ("epcClass", "quantity", "uom")
        if element.get(name) is not None
    ]
    return "quantityElement" + "".join(fields)


def _persistent_disposition(value: dict[str, Any], context: Context) -> str:
    parts = [
        f"{name}={_word(item, DISPOSITIONS, context)}"
        for name in ("set", "unset")
        for item in sorted(value.get(name) or [], key=lambda text: _word(text, DISPOSITIONS, context))
    ]
    return "persistentDisposition" + "".join(parts) if parts else ""


def _sensor_element(element: dict[str, Any], context: Context) -> str:
    text = "sensorElement"
    metadata = element.get("sensorMetadata")
    if metadata:
        text += "sensorMetadata" + _sensor_fields(metadata, _METADATA_ORDER, context)
    text += "".join(
        sorted(
            [
                "sensorReport" + _sensor_fields(report, _REPORT_ORDER, context)
                for report in element.get("sensorReport") or []
            ]
        )
    )
    return text + _extensions(element, ("sensorMetadata", "sensorReport"), context)


def _sensor_fields(fields: dict[str, Any], order: tuple[str, ...], context: Context) -> str:
    parts: list[str] = []
    for name in order:
        value = fields.get(name)
        if value is None:
            continue
        if name in _TIMES:
            parts.append(f"{name}={canonical_time(value)}")
        elif name in _SENSOR_WORDS:
            parts.append(f"{name}={_word(value, _SENSOR_WORDS[name], context)}")
        else:
            parts.append(f"{name}={scalar_text(value, context)}")
    return "".join(parts) + _extensions(fields, order, context)


def _remaining_field(name: str, value: Any, context: Context) -> str:
    if name in _TRADE_LISTS:
        key, words = _TRADE_LISTS[name]
        entries = [
            ("" if item.get("type") is None else f"type={_word(item['type'], words, context)}")
            + f"{key}={scalar_text(item[key], context)}"
            for item in value
        ]
        return name + "".join(sorted(entries)) if entries else ""
    if name == "ilmd":
        return "ilmd" + _extensions(value, (), context)
    return _extension(name, value, context)


def _extensions(fields: dict[str, Any], known: tuple[str, ...], context: Context) -> str:
    """Return everything in an object that the standard does not name, sorted as text."""
    if len(fields) <= len(known) and all(name in known for name in fields):
        return ""
    return "".join(
        sorted(
            [
                _extension(name, value, context)
                for name, value in fields.items()
                if name not in known and name not in _COMMENTS and value is not None
            ]
        )
    )


def _extension(key: str, value: Any, context: Context) -> str:
    name = context.expanded_name(key, f"$..{key}")
    if isinstance(value, list):
        return "".join(sorted([_extension_value(name, item, context) for item in value if item is not None]))
    return _extension_value(name, value, context)


def _extension_value(name: str, value: Any, context: Context) -> str:
    if isinstance(value, dict):
        return name + _extensions(value, (), context)
    if isinstance(value, list):
        return name + "".join(sorted([_extension_value("", item, context) for item in value if item is not None]))
    text = scalar_text(value, context)
    return f"{name}={text}" if text else name
