"""Binds a compiled contract to a run: makes its functions callable and its guards see that run's gas and state."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from chain.runtime import Event
from chain.values import dataclass
from contracts.engine.builtins import CONTEXT
from contracts.engine.code_check import check_code
from contracts.engine.compiler import Compiled
from contracts.engine.errors import WRITE_IN_VIEW, OutOfGas, Stop
from contracts.engine.guards import record_guards, value_guards
from contracts.engine.guards_numbers import Guard
from contracts.engine.limits import VALUE_BYTES_MAX
from contracts.engine.module import HELPER, EventType, Function
from contracts.engine.run import Run
from contracts.engine.scans import scan_guards
from contracts.engine.storage import storage_guards
from contracts.engine.wire import HEADER_BYTES, Convert, Walk, exporter, importer

ATTRIBUTES: Final = frozenset(CONTEXT) | {"gas"}
"""What contract code reads from its run: the parts of `ctx`, and the gas that it pays with."""


@dataclass(frozen=True, slots=True)
class Method:
    """A function that can be reached from outside of the contract."""

    name: str
    kind: str
    code: Callable[..., Any]
    parameters: tuple[Convert, ...]
    result: Convert


@dataclass(frozen=True, slots=True)
class Bound:
    """A contract that is ready to run."""

    compiled: Compiled
    methods: Mapping[str, Method]


def bind(compiled: Compiled, run: Run, invoke: Guard) -> Bound:
    """Execute the definitions of a compiled contract among its guards and nothing else."""
    module = compiled.module
    guards: dict[str, Any] = {**value_guards(run), "invoke": invoke}
    for record in module.records.values():
        guards.update(record_guards(record))
    for storage in module.storages.values():
        guards.update(storage_guards(storage, run))
        if storage.is_map:
            guards.update(scan_guards(storage, run))
    for event in module.events.values():
        guards[f"e_{event.name}"] = _emitter(event, run)
    for name, value in module.constants.items():
        if type(value) in (list, dict):
            guards[f"c_{name}"] = value.copy
    namespace: dict[str, Any] = {**{f"_{name}": guard for name, guard in guards.items()}, **compiled.probes}
    namespace["__builtins__"] = {}
    check_code(compiled.code, namespace, ATTRIBUTES)
    # The code holds nothing but the functions that our compiler made of an accepted source.
    exec(compiled.code, namespace)  # noqa: S102
    reachable = [function for function in module.functions.values() if function.kind != HELPER]
    return Bound(compiled, {function.name: _method(function, namespace) for function in reachable})


def _method(function: Function, namespace: Mapping[str, Any]) -> Method:
    parameters = tuple(importer(kind, named=True) for _, kind in function.parameters)
    result = exporter(function.returns, named=True)
    return Method(function.name, function.kind, namespace[f"_f_{function.name}"], parameters, result)


def _emitter(event: EventType, run: Run) -> Guard:
    per_unit = run.prices.event_bytes_per_unit
    fields = [(name, exporter(kind, named=True)) for name, kind in event.fields]
    walk = Walk(run, VALUE_BYTES_MAX)
    room = VALUE_BYTES_MAX - HEADER_BYTES - len(fields)

    def emit(**values: Any) -> None:
        if run.read_only:
            raise Stop(WRITE_IN_VIEW)
        walk.left = room
        for name, convert in fields:
            values[name] = convert(values[name], walk)
        run.gas -= (VALUE_BYTES_MAX - walk.left) // per_unit
        if run.gas < 0:
            raise OutOfGas
        run.events.append(Event(run.contract, event.name, values))

    return emit
