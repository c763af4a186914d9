"""Compiled code is looked at again before it runs: what the compiler must never make is stopped, whatever made it."""

import ast
import dataclasses

import pytest

from chain.runtime import LocalFault
from contracts.engine.binding import ATTRIBUTES, bind
from contracts.engine.code_check import REFUSED_INSTRUCTIONS, check_code
from contracts.engine.compiler import compile_contract
from contracts.engine.gas import CURRENT
from contracts.engine.run import Run

NAMES = frozenset(("_add", "_m", "_x", "__builtins__"))

ESCAPES = {
    "a name of the host": "def _f_a():\n    return open",
    "a guard that does not exist": "def _f_a():\n    return _ad(1, 2)",
    "an attribute of a value": "def _f_a():\n    return (1).__class__",
    "an attribute of the run": "def _f_a():\n    return _m.state",
    "a method": "def _f_a():\n    return _x.append(1)",
    "import": "def _f_a():\n    import time",
    "import from": "def _f_a():\n    from time import time",
    "a class": "def _f_a():\n    class _x: pass",
    "a global": "def _f_a():\n    global _x\n    _x = 1",
    "deletion": "def _f_a(_x):\n    del _x",
    "raise": "def _f_a(_x):\n    raise _x",
    "try": "def _f_a(_x):\n    try: _x\n    except _add: pass",
    "with": "def _f_a(_x):\n    with _x: pass",
    "a generator": "def _f_a(_x):\n    yield _x",
    "a generator expression": "def _f_a(_x):\n    return (_x for _x in _add)",
    "a coroutine": "async def _f_a():\n    pass",
    "further arguments": "def _f_a(*_x):\n    pass",
    "further named arguments": "def _f_a(**_x):\n    pass",
    "a float": "def _f_a():\n    return 1.5",
    "an ellipsis": "def _f_a():\n    return ...",
    "a float within a constant tuple": "def _f_a():\n    return (1, (2, 1.5))",
    "an escape within a comprehension": "def _f_a(_x):\n    return [_x.mro for _x in _add]",
    "a match": "def _f_a(_x):\n    match _x:\n        case {'a': 1}: pass",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_code_that_reaches_further_is_a_fault_of_ours(name: str) -> None:
    code = compile(ast.parse(ESCAPES[name]), "<contract>", "exec", dont_inherit=True, optimize=0)
    with pytest.raises(LocalFault, match="no contract may reach"):
        check_code(code, NAMES, ATTRIBUTES)


def test_instructions_of_every_kind_are_known_by_name() -> None:
    assert len(REFUSED_INSTRUCTIONS) > 15


def test_nothing_of_it_runs() -> None:
    """The check stands before the first instruction of the code."""
    honest = compile_contract("@call\ndef a() -> None:\n    pass\n")
    evil = dataclasses.replace(honest, code=compile("_m.state.clear()", "<contract>", "exec"))
    with pytest.raises(LocalFault):
        bind(evil, Run(CURRENT), lambda: None)


def test_what_the_compiler_makes_passes() -> None:
    bound = bind(compile_contract("@call\ndef a(x: int) -> list[int]:\n    return [x + 1]\n"), Run(CURRENT), print)
    assert bound.methods.keys() == {"a"}
