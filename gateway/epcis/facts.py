"""What an event means to the ledger: the method of the traceability contract to call, and its arguments.

The contract never sees JSON. It gets the event's hash, the few facts that custody, containment, lineage and
conservation are decided by, and the event's own text to keep. Everything here can be made again from that text
(gateway.epcis.capture.prepare), so anybody can check that a recorded call says what its event says.
"""

from typing import Any, Final

from gateway.epcis.canonical_json import canonical_json
from gateway.epcis.context import Context
from gateway.epcis.document import CheckedEvent
from gateway.epcis.errors import EpcisError
from gateway.epcis.event_hash import HASH_PREFIX, HASH_SUFFIX, scalar_text
from gateway.epcis.identifiers import escaped
from gateway.epcis.quantities import scaled_quantity
from gateway.epcis.sensors import limits_of, readings_of
from gateway.epcis.timestamps import milliseconds
from gateway.epcis.vocabulary import BIZ_STEPS, CBV_URN, DISPOSITIONS, PARTY_TYPES

CONTRACT: Final = "traceability"

LOT_NUMBER: Final = "{urn:epcglobal:cbv:mda:}lotNumber"
DECLARED_LOSS: Final = "{urn:tallystick:epcis:}declaredLoss"

_SHIPPING: Final = ("shipping", "departing")
_RECEIVING: Final = ("receiving", "accepting")
_RECALLED: Final = DISPOSITIONS["recalled"]

Call = tuple[str, list[Any]]
"""Method and arguments."""


def call_of(event: CheckedEvent, event_hash: str) -> Call:
    """Return the call that records a checked event.

    Raises:
        EpcisError: when a number does not fit the ledger, or an extension that the ledger reads is malformed.
    """
    reader = _Reader(event, event_hash)
    if event.fields.get("errorDeclaration") is not None:
        return reader.error_declaration()
    return {
        "ObjectEvent": reader.object_event,
        "AggregationEvent": reader.aggregation,
        "TransactionEvent": reader.transaction,
        "TransformationEvent": reader.transformation,
        "AssociationEvent": reader.association,
    }[event.fields["type"]]()


def stored_text(event: CheckedEvent) -> str:
    """Return an event with its context as the text that the ledger keeps."""
    fields = {name: value for name, value in event.fields.items() if name != "@context"}
    return canonical_json({**fields, "@context": event.context.raw} if event.context.raw else fields)


class _Reader:
    """One event while its call is made."""

    def __init__(self, event: CheckedEvent, event_hash: str) -> None:
        self.fields: dict[str, Any] = event.fields
        self.context: Context = event.context
        self.path = event.path
        self.event_hash = event_hash[len(HASH_PREFIX) : -len(HASH_SUFFIX)]
        self.text = stored_text(event)

    def object_event(self) -> Call:
        """Commissioning, destruction, a change of custody, or an observation."""
        goods = [self._head(), self._items("epcList"), self._quantities("quantityList")]
        if self.fields["action"] == "ADD":
            return "commission", [*goods, *self._made_of()]
        if self.fields["action"] == "DELETE":
            return "decommission", goods
        if self._step() in _SHIPPING:
            return "ship", [*goods, self._parties("destinationList", "destination")]
        return "receive" if self._step() in _RECEIVING else "observe", goods

    def aggregation(self) -> Call:
        """Packing, unpacking, or a look into a container."""
        contents = [self._items("childEPCs"), self._quantities("childQuantityList")]
        if self.fields.get("parentID") is None:
            return "observe", [self._head(), *contents]
        method = {"ADD": "pack", "DELETE": "unpack", "OBSERVE": "check_contents"}[self.fields["action"]]
        return method, [self._head(), self._identifier("parentID"), *contents]

    def association(self) -> Call:
        """Attaching things to each other, taking them apart, or a look at both."""
        if self.fields["action"] == "OBSERVE":
            return "observe", [self._head(), self._items("childEPCs"), self._quantities("childQuantityList")]
        method = "associate" if self.fields["action"] == "ADD" else "dissociate"
        return method, [self._head(), self._identifier("parentID"), self._items("childEPCs")]

    def transaction(self) -> Call:
        """Goods put under business documents."""
        items = self._items("epcList")
        if self.fields.get("parentID") is not None:
            items = list(dict.fromkeys([self._identifier("parentID"), *items]))
        documents = [scalar_text(entry["bizTransaction"], self.context) for entry in self.fields["bizTransactionList"]]
        goods = [items, self._quantities("quantityList"), list(dict.fromkeys(documents))]
        return "trade", [self._head(), self.fields["action"], *goods]

    def transformation(self) -> Call:
        """Inputs used up, outputs made."""
        name = self._identifier("transformationID") if self.fields.get("transformationID") is not None else ""
        return "transform", [
            self._head(),
            name,
            self._items("inputEPCList"),
            self._quantities("inputQuantityList"),
            self._items("outputEPCList"),
            self._quantities("outputQuantityList"),
            self._losses(),
            *self._made_of(),
        ]

    def error_declaration(self) -> Call:
        """The same event again, declared to be wrong; its items are named so that their states can be put back."""
        declaration = self.fields["errorDeclaration"]
        items = [
            item for name in ("epcList", "childEPCs", "inputEPCList", "outputEPCList") for item in self._items(name)
        ]
        if self.fields.get("parentID") is not None:
            items.append(self._identifier("parentID"))
        reason = declaration.get("reason") or ""
        return "declare_error", [
            self.event_hash,
            milliseconds(declaration["declarationTime"]),
            scalar_text(reason, self.context).removeprefix(CBV_URN["er"]),
            [_short_hash(text.strip()) for text in declaration.get("correctiveEventIDs") or []],
            list(dict.fromkeys(items)),
            self.text,
        ]

    def _head(self) -> dict[str, Any]:
        return {
            "hash": self.event_hash,
            "time": milliseconds(self.fields["eventTime"]),
            "step": self._step(),
            "place": self._place(),
            "recall": self._recall(),
            "readings": readings_of(self.fields, self.context, self.path),
            "text": self.text,
        }

    def _step(self) -> str:
        """Return the business step as a bare word where CBV has one."""
        step = self.fields.get("bizStep")
        if step is None:
            return ""
        text = scalar_text(step, self.context)
        word = text.removeprefix(CBV_URN["bizstep"])
        return word if word in BIZ_STEPS else text

    def _place(self) -> str:
        place = self.fields.get("bizLocation") or self.fields.get("readPoint")
        return "" if place is None else scalar_text(place["id"], self.context)

    def _recall(self) -> str:
        """Return "open" or "lift" when the event sets or unsets the persistent disposition "recalled"."""
        dispositions = self.fields.get("persistentDisposition") or {}
        for name, meaning in (("set", "open"), ("unset", "lift")):
            words = [text.strip() for text in dispositions.get(name) or []]
            if any((DISPOSITIONS.get(word) or scalar_text(word, self.context)) == _RECALLED for word in words):
                return meaning
        return ""

    def _identifier(self, name: str) -> str:
        return scalar_text(self.fields[name], self.context)

    def _items(self, name: str) -> list[str]:
        """Return identifiers in canonical form, each once: two spellings of one thing are one thing."""
        return list(dict.fromkeys(scalar_text(item, self.context) for item in self.fields.get(name) or []))

    def _quantities(self, name: str) -> list[dict[str, Any]]:
        return [
            {
                "lot": scalar_text(element["epcClass"], self.context),
                "amount": self._amount(element, f"{self.path}.{name}[{position}].quantity"),
                "unit": (element.get("uom") or "").strip(),
            }
            for position, element in enumerate(self.fields.get(name) or [])
        ]

    def _amount(self, element: dict[str, Any], path: str) -> int | None:
        return None if element.get("quantity") is None else scaled_quantity(element["quantity"], path)

    def _parties(self, name: str, key: str) -> list[str]:
        """Return the parties of a source or destination list, the one that will possess the goods first."""
        found: list[tuple[int, str]] = []
        for entry in self.fields.get(name) or []:
            word = entry["type"].strip()
            kind = PARTY_TYPES.get(word) or scalar_text(word, self.context)
            ranks = [PARTY_TYPES[name] for name in ("possessing_party", "owning_party", "location")]
            found.append((ranks.index(kind) if kind in ranks else 3, scalar_text(entry[key], self.context)))
        return list(dict.fromkeys(party for _, party in sorted(found)))

    def _made_of(self) -> list[Any]:
        """Return the lot number and the storage limits that instance data gives to new goods."""
        data = self.fields.get("ilmd") or {}
        lot = ""
        for key, value in data.items():
            if self.context.expanded_name(key, f"{self.path}.ilmd") == LOT_NUMBER:
                if not isinstance(value, str) or not 0 < len(value.strip()) <= 20:
                    raise EpcisError("bad_lot_number", f"{self.path}.ilmd.{key}", "a lot number has 1 to 20 characters")
                lot = escaped(value.strip())
        return [lot, limits_of(data, self.context, f"{self.path}.ilmd")]

    def _losses(self) -> list[dict[str, Any]]:
        for key, value in self.fields.items():
            if ":" in key and self.context.expanded_name(key, self.path) == DECLARED_LOSS:
                entries = value if isinstance(value, list) else [value]
                return [self._loss(entry, f"{self.path}.{key}[{place}]") for place, entry in enumerate(entries)]
        return []

    def _loss(self, entry: Any, path: str) -> dict[str, Any]:
        quantity = entry.get("quantity") if isinstance(entry, dict) else None
        if quantity is None or isinstance(quantity, (bool, str, list, dict)) or quantity < 0:
            raise EpcisError("wrong_type", path, "a declared loss has a quantity and a unit (uom)")
        unit = entry.get("uom") or ""
        if not isinstance(unit, str):
            raise EpcisError("wrong_type", f"{path}.uom", "a unit is text")
        return {"lot": "", "amount": scaled_quantity(quantity, path), "unit": unit.strip()}


def _short_hash(text: str) -> str:
    """Return the digest of an event hash, or any other event id unchanged."""
    if text.startswith(HASH_PREFIX) and text.endswith(HASH_SUFFIX):
        return text[len(HASH_PREFIX) : -len(HASH_SUFFIX)]
    return text
