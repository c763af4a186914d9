"""What the ledgers of one test run share: the engine, so that each contract is compiled once, and what is measured.

A test run has one session at most, and a ledger that is made within it takes part without being told: tests make
ledgers in helpers and fixtures of their own, and all of them count towards coverage.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from contracts.engine.compiler import Compiled, Instruments, compile_contract, free
from contracts.engine.errors import Stop
from contracts.engine.gas import CURRENT, Prices
from contracts.engine.runtime import Engine
from tallystick.testing.explaining import FILE_PREFIX, Explanation, explain
from tallystick.testing.measuring import Meter
from tallystick.testing.sources import Source

SOURCES_MAX: Final = 256
"""Compiled sources that a session keeps; the one used longest ago goes first and is compiled again if it is needed."""


def file_name_of(source: str) -> str:
    """Return the name under which a session compiles a source."""
    return f"{FILE_PREFIX}{hashlib.sha256(source.encode('utf-8', 'replace')).hexdigest()[:16]}>"


class Session:
    """Compiles contracts for tests, keeps why the last call failed, and knows which source stands in which file."""

    def __init__(self, meter: Meter | None = None) -> None:
        """Take what counts; without it contracts run as in a node."""
        self.meter = meter
        self._compiled: OrderedDict[str, Compiled] = OrderedDict()
        self.sources: dict[str, Source] = {}
        """File name -> source, of all contracts that were deployed."""
        self.names: dict[str, str | None] = {}
        """Name of a deployed contract -> its file, None for a text in a test."""
        self.explanation = Explanation("", "", ())
        """Why the last failed run failed."""
        self.engine = Engine(compiler=self._compile, explain=self._explain)

    def register(self, source: Source) -> str:
        """Remember where a source comes from, a file counting more than a text in a test; return its file name."""
        name = file_name_of(source.text)
        known = self.sources.get(name)
        if known is None or known.path is None:
            self.sources[name] = source
        return name

    def compiled(self, source: str) -> Compiled:
        """Return a source compiled, which must be a contract."""
        name = file_name_of(source)
        if name not in self._compiled:
            self._compile(source, free, CURRENT)
        self._compiled.move_to_end(name)
        return self._compiled[name]

    def _compile(self, source: str, pay: Callable[[int], None], prices: Prices) -> Compiled:
        name = file_name_of(source)
        instruments = Instruments(name, lambda draft: {} if self.meter is None else self.meter.fit(name, draft))
        compiled = self._compiled[name] = compile_contract(source, pay, prices, instruments)
        if len(self._compiled) > SOURCES_MAX:
            self._compiled.popitem(last=False)
        return compiled

    def _explain(self, stop: Stop) -> str:
        self.explanation = explain(stop)
        return self.explanation.text()


_current: ContextVar[Session | None] = ContextVar("tallystick_testing_session", default=None)


def current_session() -> Session | None:
    """Return the session of the test run, if there is one."""
    return _current.get()


@contextmanager
def session_open(session: Session) -> Iterator[Session]:
    """Make a session the one that new ledgers take part in."""
    token = _current.set(session)
    try:
        yield session
    finally:
        _current.reset(token)
