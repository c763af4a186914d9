"""A second opinion about compiled code, before it may run: it reaches nothing but what it was given.

The allow-list and the compiler decide what a contract can do. This file does not trust them: it looks at the code
objects that came out and knows nothing of how they were made. It is cheap, because names and constants stand in
tables of each code object.
"""

import inspect
import opcode
from collections.abc import Container
from types import CodeType
from typing import Final

from chain.runtime import LocalFault

REFUSED_FLAGS: Final = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ITERABLE_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)
REFUSED_PARTS: Final = (
    "IMPORT",
    "BUILD_CLASS",
    "GLOBAL",
    "DELETE",
    "RAISE",
    "YIELD",
    "ASYNC",
    "AWAIT",
    "WITH",
    "MATCH",
)
"""Parts of the names of instructions that no translated contract contains, in any version of Python."""
NEEDED: Final = frozenset(("LOAD_GLOBAL", "RERAISE"))
"""Instructions that hold such a part in their names and are needed: guards are global names, and Python's own code
around a comprehension passes errors on."""
REFUSED_INSTRUCTIONS: Final = frozenset(
    number
    for name, number in opcode.opmap.items()
    if number < 256 and name not in NEEDED and any(part in name for part in REFUSED_PARTS)
)
CONSTANTS: Final = frozenset((type(None), bool, int, str, bytes))


def check_code(code: CodeType, names: Container[str], attributes: Container[str]) -> None:
    """Check the code of a contract's module and of everything in it.

    Args:
        names: the global names that are defined for it.
        attributes: what it may read from the run.

    Raises:
        LocalFault: when it could reach anything else. This is a mistake of our compiler, not of the contract.
    """
    own = {inner.co_name for inner in code.co_consts if isinstance(inner, CodeType)}
    pending = [code]
    while pending:
        current = pending.pop()
        for name in current.co_names:
            if name not in names and name not in attributes and name not in own:
                raise _fault(current, f"the name {name}")
        if current.co_flags & REFUSED_FLAGS:
            raise _fault(current, f"flags {current.co_flags:#x}")
        found = REFUSED_INSTRUCTIONS.intersection(current.co_code[::2])
        if found:
            raise _fault(current, f"the instruction {opcode.opname[min(found)]}")
        constants = list(current.co_consts)
        while constants:
            constant = constants.pop()
            if isinstance(constant, CodeType):
                pending.append(constant)
            elif type(constant) is tuple:
                constants += constant
            elif type(constant) not in CONSTANTS:
                raise _fault(current, f"a constant of type {type(constant).__name__}")


def _fault(code: CodeType, what: str) -> LocalFault:
    return LocalFault(f"the compiled code of {code.co_name} contains {what}, which no contract may reach")
