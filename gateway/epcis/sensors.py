"""Sensor reports and storage limits as the ledger wants them: the measure, its unit, and exact bounds."""

from decimal import Decimal
from typing import Any, Final

from gateway.epcis.context import Context
from gateway.epcis.errors import EpcisError
from gateway.epcis.event_hash import scalar_text
from gateway.epcis.quantities import common_scale
from gateway.epcis.vocabulary import EXCEPTIONS, MEASUREMENTS

STORAGE_RANGE: Final = "{urn:tallystick:epcis:}storageRange"
RANGES_MAX: Final = 8

_MEASURED: Final = ("value", "minValue", "maxValue")


def readings_of(event: dict[str, Any], context: Context, path: str) -> list[dict[str, Any]]:
    """Return each sensor report's measure with the lowest and highest value that it names, and whether it alarms.

    Raises:
        EpcisError: when a value has too many digits.
    """
    readings: list[dict[str, Any]] = []
    for element in event.get("sensorElementList") or []:
        for report in element["sensorReport"]:
            exception = (report.get("exception") or "").strip()
            alarm = (EXCEPTIONS.get(exception) or scalar_text(exception, context)) == EXCEPTIONS["ALARM_CONDITION"]
            values = [report[name] for name in _MEASURED if report.get(name) is not None]
            if not values and not alarm:
                continue
            integers, scale = common_scale(values, f"{path}.sensorElementList")
            readings.append(
                {
                    "kind": _measure(report.get("type") or "", context),
                    "unit": (report.get("uom") or "").strip(),
                    "low": min(integers) if integers else None,
                    "high": max(integers) if integers else None,
                    "scale": scale,
                    "alarm": alarm,
                }
            )
    return readings


def limits_of(data: dict[str, Any], context: Context, path: str) -> list[dict[str, Any]]:
    """Return the storage ranges that instance data declares (tally:storageRange, one object or a list).

    Raises:
        EpcisError: when a range is incomplete or upside down.
    """
    limits: list[dict[str, Any]] = []
    for key, value in data.items():
        if ":" in key and context.expanded_name(key, path) == STORAGE_RANGE:
            for entry in value if isinstance(value, list) else [value]:
                limits.append(_limit(entry, context, f"{path}.{key}"))
    if len(limits) > RANGES_MAX:
        raise EpcisError("too_many_items", path, f"{len(limits)} storage ranges; at most {RANGES_MAX}")
    return limits


def _limit(entry: Any, context: Context, path: str) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str) or not isinstance(entry.get("uom"), str):
        raise EpcisError("bad_storage_range", path, "a storage range has type, minValue, maxValue and uom")
    low, high = entry.get("minValue"), entry.get("maxValue")
    for bound in (low, high):
        if isinstance(bound, bool) or not isinstance(bound, (int, Decimal)):
            raise EpcisError("bad_storage_range", path, "minValue and maxValue are numbers")
    integers, scale = common_scale([low, high], path)  # type: ignore[list-item]
    if integers[0] > integers[1]:
        raise EpcisError("bad_storage_range", path, "minValue is above maxValue")
    kind = _measure(entry["type"], context)
    return {"kind": kind, "unit": entry["uom"].strip(), "low": integers[0], "high": integers[1], "scale": scale}


def _measure(text: str, context: Context) -> str:
    word = text.strip()
    return MEASUREMENTS.get(word) or scalar_text(word, context)
