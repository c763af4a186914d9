"""A ledger with the traceability contract and five parties, for tests that think in EPCIS events."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from chain.runtime import CallOutcome
from contracts.engine.runtime import Engine
from contracts.engine.testkit import Harness
from gateway.epcis.capture import PreparedEvent, prepare

SOURCE = (Path(__file__).parents[2] / "contracts" / "library" / "traceability.py").read_text()
ROLES = {
    "brightvax.ops": ["brand", "manufacturer"],
    "otherpharma.ops": ["brand", "manufacturer"],
    "northwind.ops": ["carrier"],
    "southwind.ops": ["carrier"],
    "medidist.ops": ["warehouse"],
    "cityclinic.ops": ["retailer"],
    "healthauth.ops": ["regulator"],
}
CONTEXT = {"tally": "urn:tallystick:epcis:", "cbvmda": "urn:epcglobal:cbv:mda:", "ex": "https://ns.example/"}

PLANT = "brightvax.ops"
OTHER = "otherpharma.ops"
CARRIER = "northwind.ops"
CARRIER_2 = "southwind.ops"
DEPOT = "medidist.ops"
CLINIC = "cityclinic.ops"
AUTHORITY = "healthauth.ops"

GTIN = "urn:epc:id:sgtin:4012345.011111."
LOT = "https://id.gs1.org/01/04012345111118/10/L1"
BULK = "https://id.gs1.org/01/04012345222227/10/B1"
DRINK = "https://id.gs1.org/01/04012345333336/10/D1"
PARTIES = {
    "medidist": "https://id.gs1.org/417/4012345000009",
    "cityclinic": "https://id.gs1.org/417/4023333000000",
    "brightvax": "https://id.gs1.org/417/4000001000005",
}
VIAL_RANGE = {"type": "Temperature", "minValue": 2, "maxValue": 8, "uom": "CEL"}


def vial(number: int) -> str:
    """Return a serial number as an EPC URN."""
    return f"{GTIN}{number}"


def vial_id(number: int) -> str:
    """Return the same serial number as the ledger names it."""
    return f"https://id.gs1.org/01/04012345111118/21/{number}"


def crate(number: int) -> str:
    """Return a logistic unit."""
    body = f"0401234500000{number:04}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return f"https://id.gs1.org/00/{body}{-total % 10}"


def quantity(lot: str, amount: Any, unit: str = "KGM") -> dict[str, Any]:
    """Return a quantity element."""
    return {"epcClass": lot, "quantity": amount, "uom": unit}


def declaration(event: PreparedEvent, *corrections: str) -> PreparedEvent:
    """Return the error declaration of a recorded event: the same event with the declaration added."""
    original: dict[str, Any] = json.loads(event.args[0]["text"])
    original["errorDeclaration"] = {
        "declarationTime": "2026-03-02T00:00:00Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": list(corrections),
    }
    (declared,) = prepare(json.dumps(original).encode())
    assert declared.event_hash == event.event_hash
    return declared


@cache
def engine() -> Engine:
    """Return the one engine of all worlds, so that the contract is compiled once."""
    return Engine()


class World:
    """The ledger and a clock that makes every event another one."""

    def __init__(self, registered: bool = True) -> None:
        self.ledger = Harness(engine())
        assert self.ledger.deploy("traceability", SOURCE).code is None, self.ledger.failure
        self.minute = 0
        for organisation, identifier in PARTIES.items() if registered else ():
            self.call(f"{organisation}.ops", "register_party", identifier, organisation)

    def call(self, who: str, method: str, *args: Any, gas_limit: int = 10_000_000) -> CallOutcome:
        """Call a method of the contract as a party."""
        return self.ledger.call(who, "traceability", method, *args, roles=ROLES[who], gas_limit=gas_limit)

    def view(self, method: str, *args: Any) -> Any:
        """Return what a view answers, which must succeed."""
        outcome = self.ledger.view("traceability", method, *args)
        assert outcome.code is None, self.ledger.failure
        return outcome.value

    def state(self) -> list[tuple[bytes, bytes]]:
        """Return everything that the contract has stored."""
        return self.ledger.state.items("traceability")

    def prepared(self, kind: str, **fields: Any) -> PreparedEvent:
        """Return an event of one type, ready to be recorded; `at` is a minute of its day."""
        self.minute += 1
        event: dict[str, Any] = {
            "@context": CONTEXT,
            "type": f"{kind}Event",
            "eventTime": f"2026-03-01T{self.minute // 60 % 24:02}:{self.minute % 60:02}:00.{self.minute // 1440:03}Z",
            "eventTimeZoneOffset": "+00:00",
            "readPoint": {"id": "urn:epc:id:sgln:4012345.00001.0"},
            **fields,
        }
        if kind == "Transformation":
            event.pop("action", None)
        return prepare(json.dumps(event).encode())[0]

    def send(self, who: str, event: PreparedEvent) -> CallOutcome:
        """Record a prepared event with the gas that the gateway would declare."""
        return self.call(who, event.method, *event.args, gas_limit=event.gas_limit)

    def refused(self, who: str, event: PreparedEvent) -> str | None:
        """Return the code with which an event is refused, after checking that nothing changed."""
        before = self.state()
        outcome = self.send(who, event)
        assert outcome.code is not None
        assert self.state() == before
        return outcome.code

    def record(self, who: str, kind: str, **fields: Any) -> str:
        """Record an event that must succeed, and return its hash."""
        outcome = self.send(who, self.prepared(kind, **fields))
        assert outcome.code is None, self.ledger.failure
        return str(outcome.value)

    def code(self, who: str, kind: str, **fields: Any) -> str | None:
        """Record an event that must fail without a trace, and return its code."""
        return self.refused(who, self.prepared(kind, **fields))

    def commission(self, who: str, *items: str, lot: str = "", **fields: Any) -> str:
        """Commission things, with a lot number if one is given."""
        data = {"cbvmda:lotNumber": lot} if lot else {}
        return self.record(who, "Object", action="ADD", epcList=list(items), ilmd={**data, **fields.pop("ilmd", {})})

    def produce(self, who: str, *quantities: dict[str, Any]) -> str:
        """Commission lot quantities."""
        return self.record(who, "Object", action="ADD", quantityList=list(quantities))

    def ship(self, who: str, *items: str, to: str = "", **fields: Any) -> str:
        """Ship things to a registered organisation, or to nobody in particular."""
        return self.record(who, "Object", **self.shipping(*items, to=to, **fields))

    def shipping(self, *items: str, to: str = "", **fields: Any) -> dict[str, Any]:
        """Return the fields of a shipping event."""
        parties = [{"type": "possessing_party", "destination": PARTIES[to]}] if to else []
        goods = {"epcList": list(items)} if items else {}
        return {"action": "OBSERVE", "bizStep": "shipping", "destinationList": parties, **goods, **fields}

    def receive(self, who: str, *items: str, **fields: Any) -> str:
        """Receive things."""
        return self.record(who, "Object", action="OBSERVE", bizStep="receiving", epcList=list(items), **fields)

    def pack(self, who: str, parent: str, *items: str, **fields: Any) -> str:
        """Pack things into a container."""
        return self.record(who, "Aggregation", action="ADD", parentID=parent, childEPCs=list(items), **fields)

    def unpack(self, who: str, parent: str, *items: str, **fields: Any) -> str:
        """Take things out of a container."""
        return self.record(who, "Aggregation", action="DELETE", parentID=parent, childEPCs=list(items), **fields)

    def passport(self, item: str) -> dict[str, Any]:
        """Return what the ledger knows of a thing."""
        value = self.view("passport", item)
        assert isinstance(value, dict)
        return value
