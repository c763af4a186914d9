"""What a worker process of pytest-xdist measured, as plain data on its way to the process that reports."""

from collections import Counter
from pathlib import Path
from typing import Any

from tallystick.testing.measuring import Calls
from tallystick.testing.session import Session
from tallystick.testing.sources import Source


def exported(session: Session) -> dict[str, Any]:
    """Return the sources and counts of a session that measures, in lists, texts and integers."""
    meter = session.meter
    assert meter is not None, "this run of pytest does not measure"
    contracts = [
        {
            "text": source.text,
            "label": source.label,
            "path": None if source.path is None else str(source.path),
            "hits": meter.counts[name].hits,
            "gas": meter.counts[name].gas,
            "ways": meter.counts[name].ways,
        }
        for name, source in session.sources.items()
        if name in meter.counts
    ]
    calls: list[list[Any]] = [[*name, dict(made.gas), dict(made.failed)] for name, made in meter.calls.items()]
    return {"contracts": contracts, "calls": calls, "names": dict(session.names)}


def add(session: Session, data: dict[str, Any]) -> None:
    """Add to a session what another one exported."""
    meter = session.meter
    assert meter is not None, "this run of pytest does not measure"
    session.names.update(data["names"])
    for contract in data["contracts"]:
        path = contract["path"]
        name = session.register(Source(contract["text"], contract["label"], None if path is None else Path(path)))
        if name not in meter.counts:
            session.compiled(contract["text"])
        counts = meter.counts[name]
        for ours, theirs in ((counts.hits, "hits"), (counts.gas, "gas"), (counts.ways, "ways")):
            ours[:] = [mine + other for mine, other in zip(ours, contract[theirs], strict=True)]
    for contract, method, gas, failed in data["calls"]:
        calls = meter.calls.setdefault((contract, method), Calls())
        calls.gas.update(Counter(gas))
        calls.failed.update(Counter(failed))
