"""The pytest plugin: a fixture `ledger`, and with --contracts a report of coverage and gas after the tests.

pytest loads it by itself wherever tallystick is installed, so it imports the engine only when a test needs a ledger.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from tallystick.testing.ledger import Ledger
    from tallystick.testing.session import Session

_SESSION = pytest.StashKey["Session"]()
_STACK = pytest.StashKey[ExitStack]()

_OUTPUT: Final = "tallystick_contracts"
"""Under which a worker of pytest-xdist hands over what it measured."""

_FLAG: Final[dict[str, Any]] = {"action": "store_true"}
_FILE: Final[dict[str, Any]] = {"default": None, "metavar": "FILE"}
OPTIONS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "--contracts": (_FLAG, "measure the contracts under test: coverage by line and branch, gas by method"),
    "--contract-lines": (_FLAG, "with --contracts, print the sources with runs and gas of every line"),
    "--contract-lcov": (_FILE, "with --contracts, write coverage to this file for CI systems and editors, as lcov"),
    "--contract-cobertura": (_FILE, "with --contracts, write coverage to this file as Cobertura XML"),
    "--contract-json": (_FILE, "with --contracts, write all that was measured to this file as JSON"),
    "--contract-fail-under": (
        {"type": float, "default": None, "metavar": "PERCENT"},
        "with --contracts, fail below this percentage of lines and branches",
    ),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("contracts", "contracts of a Tallystick ledger")
    for name, (form, explanation) in OPTIONS.items():
        group.addoption(name, help=explanation, **form)


def session_of(config: pytest.Config) -> "Session":
    """Return the session that the ledgers of this run share; it begins when it is first asked for."""
    if _SESSION not in config.stash:
        from tallystick.testing.measuring import Meter
        from tallystick.testing.session import Session

        config.stash[_SESSION] = Session(Meter() if config.getoption("contracts") else None)
    return config.stash[_SESSION]


def pytest_configure(config: pytest.Config) -> None:
    """Let all ledgers of the run take part in its session where something is measured."""
    if config.getoption("contracts"):
        from tallystick.testing.session import session_open

        stack = config.stash[_STACK] = ExitStack()
        stack.enter_context(session_open(session_of(config)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the session."""
    if _STACK in config.stash:
        config.stash[_STACK].close()


@pytest.fixture
def ledger(pytestconfig: pytest.Config) -> "Ledger":
    """A new ledger; contract files are looked for from pytest's root folder."""
    return _new_ledger(pytestconfig)


@pytest.fixture
def new_ledger(pytestconfig: pytest.Config) -> "Callable[[], Ledger]":
    """Makes further ledgers, for tests that need several."""
    return lambda: _new_ledger(pytestconfig)


def _new_ledger(config: pytest.Config) -> "Ledger":
    from tallystick.testing.ledger import Ledger

    return Ledger(root=config.rootpath, session=session_of(config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Take over what a worker of pytest-xdist measured; of one that crashed there is nothing."""
    data = getattr(node, "workeroutput", {}).get(_OUTPUT)
    if data is not None:
        from tallystick.testing.sharing import add

        add(session_of(node.config), data)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what this worker measured; fail a run that passed, but whose coverage is too low."""
    config = session.config
    if hasattr(config, "workeroutput") and config.getoption("contracts"):
        from tallystick.testing.sharing import exported

        config.workeroutput[_OUTPUT] = exported(session_of(config))
        return
    wanted = config.getoption("contract_fail_under")
    if not config.getoption("contracts") or wanted is None or session.exitstatus != pytest.ExitCode.OK:
        return
    from tallystick.testing.summary import measured

    if measured(session_of(config)).percent < wanted:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print and write what was measured."""
    if not config.getoption("contracts"):
        return
    from tallystick.testing.summary import files, measured, sections

    figures = measured(session_of(config))
    for title, lines in sections(figures, config.getoption("contract_lines"), config.getoption("contract_fail_under")):
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
    formats = {form: config.getoption(f"contract_{form}") for form in ("lcov", "cobertura", "json")}
    for path in files(figures, formats):
        terminalreporter.write_line(f"wrote {path}")
