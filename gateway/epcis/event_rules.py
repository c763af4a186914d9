"""What an event of each type must and may hold, by EPCIS 2.0 section 7; the form only, not the custody."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from gateway.epcis.errors import EpcisError
from gateway.epcis.fields import filled_text, is_time, objects, optional, required, typed
from gateway.epcis.timestamps import is_offset

ITEMS_MAX: Final = 10_000
"""Identifiers and quantities that one event may list in all."""
SENSOR_REPORTS_MAX: Final = 1_000

_ACTIONS: Final = ("ADD", "OBSERVE", "DELETE")
_EPC_LISTS: Final = ("epcList", "inputEPCList", "outputEPCList", "childEPCs")
_QUANTITY_LISTS: Final = ("quantityList", "inputQuantityList", "outputQuantityList", "childQuantityList")
_TRADE_LISTS: Final = (
    ("bizTransactionList", "bizTransaction"),
    ("sourceList", "source"),
    ("destinationList", "destination"),
)
_SENSOR_NUMBERS: Final = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
_SENSOR_TEXTS: Final = (
    "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "microorganism",
    "chemicalSubstance", "component", "stringValue", "hexBinaryValue", "uriValue", "uom", "coordinateReferenceSystem",
)  # fmt: skip
_METADATA_TEXTS: Final = (
    "time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules",
)  # fmt: skip


def check_event(event: dict[str, Any], path: str) -> None:
    """Check the form of an event.

    Raises:
        EpcisError: naming the first field that breaks a rule.
    """
    kind = typed(event, "type", str, path)
    if kind not in EVENT_TYPES:
        raise EpcisError("unknown_event_type", f"{path}.type", f"{kind[:60]!r} is none of the five event types")
    _check_time(event, "eventTime", path)
    if not is_offset(filled_text(event, "eventTimeZoneOffset", path)):
        raise EpcisError("bad_offset", f"{path}.eventTimeZoneOffset", "an offset reads +HH:MM or -HH:MM")
    if event.get("recordTime") is not None:
        _check_time(event, "recordTime", path)
    for name in ("eventID", "bizStep", "disposition", "transformationID", "parentID"):
        if event.get(name) is not None:
            filled_text(event, name, path)
    _check_certification(event, path)
    _check_lists(event, path)
    for name in ("readPoint", "bizLocation"):
        place = optional(event, name, dict, path)
        if place is not None:
            filled_text(place, "id", f"{path}.{name}")
    optional(event, "ilmd", dict, path)
    _check_persistent_disposition(event, path)
    _check_sensors(event, path)
    _check_error_declaration(event, path)
    EVENT_TYPES[kind](event, path)


def _check_time(fields: dict[str, Any], name: str, path: str) -> None:
    if not is_time(filled_text(fields, name, path)):
        raise EpcisError("bad_timestamp", f"{path}.{name}", "no existing date and time with an offset")


def _check_certification(event: dict[str, Any], path: str) -> None:
    value = event.get("certificationInfo")
    for item in value if isinstance(value, list) else [value]:
        if value is not None and not isinstance(item, str):
            raise EpcisError("wrong_type", f"{path}.certificationInfo", "must be text or a list of texts")


def _check_lists(event: dict[str, Any], path: str) -> None:
    items = 0
    for name in _EPC_LISTS:
        for position, epc in enumerate(optional(event, name, list, path) or []):
            items += 1
            if not isinstance(epc, str) or not epc.strip():
                raise EpcisError("wrong_type", f"{path}.{name}[{position}]", "an identifier is text")
    for name in _QUANTITY_LISTS:
        for position, element in enumerate(objects(event, name, path)):
            items += 1
            _check_quantity(element, f"{path}.{name}[{position}]")
    for name, key in _TRADE_LISTS:
        for position, element in enumerate(objects(event, name, path)):
            items += 1
            place = f"{path}.{name}[{position}]"
            filled_text(element, key, place)
            optional(element, "type", str, place)
            if name != "bizTransactionList":
                filled_text(element, "type", place)
    if items > ITEMS_MAX:
        raise EpcisError("too_many_items", path, f"{items} identifiers in one event; at most {ITEMS_MAX}")


def _check_quantity(element: dict[str, Any], path: str) -> None:
    filled_text(element, "epcClass", path)
    optional(element, "uom", str, path)
    quantity = element.get("quantity")
    if quantity is None:
        return
    if isinstance(quantity, bool) or not isinstance(quantity, (int, Decimal)):
        raise EpcisError("wrong_type", f"{path}.quantity", "a quantity is a number")
    if quantity < 0:
        raise EpcisError("negative_quantity", f"{path}.quantity", f"{quantity} is less than nothing")


def _check_persistent_disposition(event: dict[str, Any], path: str) -> None:
    value = optional(event, "persistentDisposition", dict, path)
    for name in ("set", "unset") if value is not None else ():
        for position, word in enumerate(optional(value or {}, name, list, f"{path}.persistentDisposition") or []):
            if not isinstance(word, str):
                raise EpcisError("wrong_type", f"{path}.persistentDisposition.{name}[{position}]", "must be text")


def _check_sensors(event: dict[str, Any], path: str) -> None:
    reports = 0
    for position, element in enumerate(objects(event, "sensorElementList", path)):
        place = f"{path}.sensorElementList[{position}]"
        metadata = optional(element, "sensorMetadata", dict, place) or {}
        _check_sensor_fields(metadata, _METADATA_TEXTS, f"{place}.sensorMetadata")
        typed(element, "sensorReport", list, place)
        for index, report in enumerate(objects(element, "sensorReport", place)):
            reports += 1
            at = f"{place}.sensorReport[{index}]"
            _check_sensor_fields(report, _SENSOR_TEXTS, at)
            _check_sensor_numbers(report, at)
    if reports > SENSOR_REPORTS_MAX:
        raise EpcisError("too_many_items", path, f"{reports} sensor reports; at most {SENSOR_REPORTS_MAX}")


def _check_sensor_fields(fields: dict[str, Any], texts: tuple[str, ...], path: str) -> None:
    for name in texts:
        optional(fields, name, str, path)
        if name in ("time", "startTime", "endTime") and fields.get(name) is not None:
            _check_time(fields, name, path)


def _check_sensor_numbers(report: dict[str, Any], path: str) -> None:
    for name in _SENSOR_NUMBERS:
        value = report.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, Decimal))):
            raise EpcisError("wrong_type", f"{path}.{name}", f"{name} is a number")
    if report.get("booleanValue") is not None and not isinstance(report["booleanValue"], bool):
        raise EpcisError("wrong_type", f"{path}.booleanValue", "booleanValue is true or false")


def _check_error_declaration(event: dict[str, Any], path: str) -> None:
    declaration = optional(event, "errorDeclaration", dict, path)
    if declaration is None:
        return
    place = f"{path}.errorDeclaration"
    _check_time(declaration, "declarationTime", place)
    optional(declaration, "reason", str, place)
    for position, item in enumerate(optional(declaration, "correctiveEventIDs", list, place) or []):
        if not isinstance(item, str) or not item.strip():
            raise EpcisError("wrong_type", f"{place}.correctiveEventIDs[{position}]", "an event id is text")


def _action(event: dict[str, Any], path: str) -> str:
    action = filled_text(event, "action", path)
    if action not in _ACTIONS:
        raise EpcisError("unknown_action", f"{path}.action", f"{action[:20]!r} is none of {', '.join(_ACTIONS)}")
    return action


def _any_of(event: dict[str, Any], names: tuple[str, ...], path: str) -> None:
    if not any(event.get(name) for name in names):
        raise EpcisError("missing_field", path, f"one of {', '.join(names)} is mandatory")


def _none_of(event: dict[str, Any], names: tuple[str, ...], path: str) -> None:
    for name in names:
        if event.get(name) is not None:
            raise EpcisError("field_not_allowed", f"{path}.{name}", f"{event['type']} has no {name} here")


def _check_object(event: dict[str, Any], path: str) -> None:
    action = _action(event, path)
    _any_of(event, ("epcList", "quantityList", "sensorElementList"), path)
    if action != "ADD":
        _none_of(event, ("ilmd",), path)
    _none_of(event, (*_INPUTS, *_OUTPUTS, *_CHILDREN, "parentID", "transformationID"), path)


def _check_grouping(event: dict[str, Any], path: str) -> None:
    """Check an AggregationEvent or an AssociationEvent; only DELETE may leave out the children, meaning all."""
    action = _action(event, path)
    if action != "OBSERVE" or event["type"] == "AssociationEvent":
        required(event, "parentID", path)
    if action != "DELETE":
        _any_of(event, _CHILDREN, path)
    _none_of(event, (*_INPUTS, *_OUTPUTS, *_OBJECTS, "transformationID", "ilmd"), path)


def _check_transaction(event: dict[str, Any], path: str) -> None:
    _action(event, path)
    _any_of(event, ("bizTransactionList",), path)
    _none_of(event, (*_INPUTS, *_OUTPUTS, *_CHILDREN, "transformationID", "ilmd"), path)


def _check_transformation(event: dict[str, Any], path: str) -> None:
    if event.get("transformationID") is None:
        _any_of(event, _INPUTS, path)
        _any_of(event, _OUTPUTS, path)
    else:
        _any_of(event, (*_INPUTS, *_OUTPUTS), path)
    _none_of(event, (*_OBJECTS, *_CHILDREN, "parentID", "action"), path)


_OBJECTS: Final = ("epcList", "quantityList")
_INPUTS: Final = ("inputEPCList", "inputQuantityList")
_OUTPUTS: Final = ("outputEPCList", "outputQuantityList")
_CHILDREN: Final = ("childEPCs", "childQuantityList")

EVENT_TYPES: Final[dict[str, Callable[[dict[str, Any], str], None]]] = {
    "ObjectEvent": _check_object,
    "AggregationEvent": _check_grouping,
    "TransactionEvent": _check_transaction,
    "TransformationEvent": _check_transformation,
    "AssociationEvent": _check_grouping,
}
"""Event type -> its own rules."""
