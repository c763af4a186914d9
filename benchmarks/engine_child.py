"""One engine's run of the transfer, in an interpreter that has this engine alone; benchmarks.engines starts it.

    python engine_child.py ENGINE CALLS

The workload is the same for all: three reads, three writes and one event of a contract whose state is a dictionary of
the host. Keys are text, values integers. Prints JSON: version, microseconds a call (CPU time of this process and of its
children, best of several), and what a call without end comes to, if the engine meters.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

REPETITIONS: Final = 5
GIFT: Final = 1_000_000
STEPS_MAX: Final = 100_000
State = dict[str, int]
Transfer = Callable[[str, str, int], bool]

TRANSFER: Final = """
def transfer(sender, to, amount):
    if amount <= 0:
        return False
    count = read("transfers:" + sender)
    balance = read("balances:" + sender) + ({gift} if count == 0 else 0)
    if balance < amount:
        return False
    write("transfers:" + sender, count + 1)
    write("balances:" + sender, balance - amount)
    write("balances:" + to, read("balances:" + to) + amount)
    emit("Transfer", sender, to, amount)
    return True
""".replace("{gift}", str(GIFT))

WASM: Final = """
(module
  (import "host" "read" (func $read (param i32 i32 i32) (result i64)))
  (import "host" "write" (func $write (param i32 i32 i32 i64)))
  (import "host" "emit" (func $emit (param i32 i32 i32 i32 i64)))
  (memory (export "memory") 1)
  (func (export "spin") (loop $again (br $again)))
  (func (export "transfer") (param $s i32) (param $sl i32) (param $t i32) (param $tl i32) (param $n i64) (result i32)
    (local $count i64) (local $balance i64)
    (if (i64.le_s (local.get $n) (i64.const 0)) (then (return (i32.const 0))))
    (local.set $count (call $read (i32.const 1) (local.get $s) (local.get $sl)))
    (local.set $balance (call $read (i32.const 0) (local.get $s) (local.get $sl)))
    (if (i64.eqz (local.get $count))
      (then (local.set $balance (i64.add (local.get $balance) (i64.const 1000000)))))
    (if (i64.lt_s (local.get $balance) (local.get $n)) (then (return (i32.const 0))))
    (call $write (i32.const 1) (local.get $s) (local.get $sl) (i64.add (local.get $count) (i64.const 1)))
    (call $write (i32.const 0) (local.get $s) (local.get $sl) (i64.sub (local.get $balance) (local.get $n)))
    (call $write (i32.const 0) (local.get $t) (local.get $tl)
      (i64.add (call $read (i32.const 0) (local.get $t) (local.get $tl)) (local.get $n)))
    (call $emit (local.get $s) (local.get $sl) (local.get $t) (local.get $tl) (local.get $n))
    (i32.const 1)))
"""


class Host:
    """Owns the state and the events of one run."""

    def __init__(self) -> None:
        self.state: State = {}
        self.events: list[tuple[Any, ...]] = []

    def read(self, key: str) -> int:
        """Return an entry, 0 if there is none."""
        return self.state.get(key, 0)

    def write(self, key: str, value: int) -> None:
        """Set an entry."""
        self.state[key] = value

    def emit(self, *fields: Any) -> None:
        """Add an event."""
        self.events.append(fields)


def plain_python(host: Host) -> tuple[str, Transfer, Callable[[], object] | None]:
    """Confine and meter nothing: what the others are compared with."""
    names: dict[str, Any] = {"read": host.read, "write": host.write, "emit": host.emit}
    exec(TRANSFER, names)
    return sys.version.split()[0], names["transfer"], None


def restricted_python(host: Host) -> tuple[str, Transfer, Callable[[], object] | None]:
    """Rewrite Python so that attributes and items go through guards; it counts no steps."""
    from RestrictedPython import compile_restricted, safe_globals

    names: dict[str, Any] = {**safe_globals, "read": host.read, "write": host.write, "emit": host.emit}
    exec(compile_restricted(TRANSFER, "transfer", "exec"), names)
    return version("RestrictedPython"), names["transfer"], None


def starlark(host: Host) -> tuple[str, Transfer, Callable[[], object] | None]:
    """Run Starlark, a language like Python without recursion and `while`, in Rust."""
    import starlark as engine

    module = engine.Module()
    for name in ("read", "write", "emit"):
        module.add_callable(name, getattr(host, name))
    engine.eval(module, engine.parse("transfer", TRANSFER), engine.Globals.standard())
    frozen = module.freeze()
    return version("starlark-pyo3"), lambda *arguments: bool(frozen.call("transfer", *arguments)), None


def monty(host: Host) -> tuple[str, Transfer, Callable[[], object] | None]:
    """Run Monty, an interpreter of a part of Python in Rust, in a process of its own."""
    import pydantic_monty as engine

    pool = engine.Monty().__enter__()
    session = pool.checkout(limits={"max_suspensions": 10**9}).__enter__()
    lookup = {"read": host.read, "write": host.write, "emit": host.emit}
    session.feed_run(TRANSFER, external_lookup=lookup)

    def transfer(sender: str, to: str, amount: int) -> bool:
        inputs = {"sender": sender, "to": to, "amount": amount}
        return bool(session.feed_run("transfer(sender, to, amount)", inputs=inputs, external_lookup=lookup))

    return version("pydantic-monty"), transfer, None


def wasmtime(host: Host) -> tuple[str, Transfer, Callable[[], object] | None]:
    """Run WebAssembly, written by hand, with fuel; a compiler from Python is not part of it."""
    import wasmtime as engine

    settings = engine.Config()
    settings.consume_fuel = True
    store = engine.Store(engine.Engine(settings))
    module = engine.Module(store.engine, WASM)
    tables = ("balances:", "transfers:")
    memory: list[Any] = []

    def text(place: int, length: int) -> str:
        return str(memory[0].read(store, place, place + length).decode())

    def read(table: int, place: int, length: int) -> int:
        return host.read(tables[table] + text(place, length))

    def write(table: int, place: int, length: int, value: int) -> None:
        host.write(tables[table] + text(place, length), value)

    def emit(sender: int, sender_length: int, to: int, to_length: int, amount: int) -> None:
        host.emit("Transfer", text(sender, sender_length), text(to, to_length), amount)

    i32, i64 = engine.ValType.i32(), engine.ValType.i64()
    linker = engine.Linker(store.engine)
    linker.define_func("host", "read", engine.FuncType([i32] * 3, [i64]), read)
    linker.define_func("host", "write", engine.FuncType([i32] * 3 + [i64], []), write)
    linker.define_func("host", "emit", engine.FuncType([i32] * 4 + [i64], []), emit)
    store.set_fuel(STEPS_MAX)
    exports = linker.instantiate(store, module).exports(store)
    memory.append(exports["memory"])
    function, spin = exports["transfer"], exports["spin"]

    def transfer(sender: str, to: str, amount: int) -> bool:
        store.set_fuel(STEPS_MAX)
        first, second = sender.encode(), to.encode()
        memory[0].write(store, first + second, 0)
        return bool(function(store, 0, len(first), len(first), len(second), amount))

    def endless() -> object:
        store.set_fuel(STEPS_MAX)
        return spin(store)

    return version("wasmtime"), transfer, endless


ENGINES: Final = {
    "python": plain_python,
    "restrictedpython": restricted_python,
    "starlark": starlark,
    "monty": monty,
    "wasmtime": wasmtime,
}


def main() -> None:
    """Run the engine that the arguments name."""
    engine, calls = ENGINES[sys.argv[1]], int(sys.argv[2])
    host = Host()
    found, transfer, endless = engine(host)
    best = float("inf")
    for repetition in range(REPETITIONS):
        before = _cpu_seconds()
        for number in range(calls):
            assert transfer("clearbank.ops", f"account-{number % 100}", 1) is True
        best = min(best, _cpu_seconds() - before)
        assert len(host.events) == calls * (repetition + 1)
    assert host.state["transfers:clearbank.ops"] == calls * REPETITIONS, "every call is carried out"
    assert sum(value for key, value in host.state.items() if key.startswith("balances:")) == GIFT
    ended = None if endless is None else _ending(endless)
    print(json.dumps({"version": found, "microseconds": best / calls * 1e6, "endless": ended}))


def _ending(endless: Callable[[], object]) -> str:
    try:
        endless()
    except Exception as error:  # noqa: BLE001 - whatever an engine raises is what it comes to
        return type(error).__name__
    raise AssertionError("it ended")


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the children that live; the latter in hundredths of a second."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    seconds = own.ru_utime + own.ru_stime
    for listed in Path("/proc/self/task").glob("*/children"):
        for child in listed.read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


if __name__ == "__main__":
    main()
