"""The names of all rules by which a source is refused: stable, so that tools and people may rely on them.

What to write instead stands at each refusal; docs/contracts/rejections.md shows every rule refusing something. The
module holds data and the list of problems, and knows nothing of how a source is read.
"""

from collections.abc import Mapping
from typing import Final

from contracts.engine.errors import Rejected

REFUSED_WORDS: Final[Mapping[str, str]] = {
    "class": "declare a Record(field=type, ...) for structured values",
    "try": "check with an if or require before doing what may fail",
    "except": "check with an if or require before doing what may fail",
    "finally": "a failed call reverts everything, nothing is left to clean up",
    "raise": 'write require(False, "code")',
    "assert": 'write require(condition, "code")',
    "lambda": "write a function with def at the top level",
    "yield": "build a list and return it",
    "import": "everything that a contract may use is there without an import",
    "from": "everything that a contract may use is there without an import",
    "as": "everything that a contract may use is there without an import",
    "global": "keep what must last in a Var or Map",
    "nonlocal": "keep what must last in a Var or Map",
    "async": "contracts run from top to bottom",
    "await": "contracts run from top to bottom",
    "with": "there is nothing to open or close in a contract",
    "match": "write if and elif",
    "case": "write if and elif",
    "type": "write the type where it is needed",
}
"""Keywords of Python, soft ones included, that the language leaves out, and what to write instead."""

RULES: Final[Mapping[str, str]] = {
    # The text of the source.
    "source_size": "a source has at most 64 KiB",
    "line_length": "a line has at most 120 characters",
    "character": "every character outside of text and comments is one of the language's; invisible ones stand nowhere",
    "name": "names are ASCII, at most 64 characters, and begin with a letter",
    "number": "numbers are integers of at most 256 bits, decimal or hexadecimal",
    "string": 'text is closed on its line, or stands in """ without a prefix',
    "bytes_text": "bytes hold ASCII characters and the escapes of bytes",
    "string_prefix": "text has no prefix but f, bytes have b",
    "escape": "the escapes are those of the manual",
    "format_string": "an f-string holds names and simple expressions",
    "operator": "the operators are those of the manual",
    "brackets": "brackets are closed by their like",
    "bracket_depth": "brackets stand in at most 12 others",
    "indentation": "blocks are indented by four spaces, at most 10 levels",
    "statement_length": "a statement has at most 600 tokens",
    "elif_count": "an if has at most 30 elif branches",
    # Its grammar.
    "syntax": "the source follows the grammar",
    "depth": "expressions and blocks nest at most 60 deep together",
    "not_in_language": "nothing of Python is in the language that the manual does not name",
    **{f"no_{word}": f"the word {word} is not in the language" for word in REFUSED_WORDS},
    "no_star": "* and ** neither collect nor spread elements, arguments or parameters",
    "no_set": "there are no sets",
    "no_generator": "there are no generator expressions",
    "no_slice_step": "slices have no step",
    "no_loop_else": "loops have no else",
    "no_default_parameter": "parameters have no defaults",
    "no_type_parameters": "functions have no type parameters",
    # The top level.
    "top_level": "at the top level stand a docstring, constants, declarations and functions",
    "constant": "constants are literals, integer arithmetic, or flat lists and maps of these",
    "constant_name": "constants are written in capitals",
    "name_taken": "a name means one thing in a contract",
    "declaration": "declarations have their form",
    "storage": "storage is declared and used in its forms",
    "key_type": "keys are bool, int, str or bytes, one to four parts",
    "record_field": "fields of a record are types or Field(type, default=value); those with a default come last",
    "record_version": "fields that a version added stand behind those of the versions before, without a gap",
    "default": "a default is a literal of the type, or an empty list or map",
    "annotation": "parameters and results have types",
    "type": "types are those of the manual",
    "type_depth": "types nest at most 8 deep",
    "tuple_result": "only helpers return tuples, of two parts or more",
    "decorator": "a function has one decorator or none: @init, @call, @view, @migrate or @invariant",
    "parameters": "a function has at most 32 parameters",
    "result": "a function returns what it declares",
    "no_methods": "a contract has a @call or @view function",
    # Statements and expressions.
    "statement": "statements have an effect and one of the forms of the manual",
    "nested_function": "functions stand at the top level",
    "target": "what is assigned to is a name, names separated by commas, an element, or storage",
    "lost_change": "copies of stored values and of constants are not changed in place",
    "loop": "loops go over values; break and continue stand in loops",
    "comprehension": "a comprehension has one for",
    "enumerate": "enumerate stands only behind for ... in",
    "unknown_name": "names are declared or have been assigned to",
    "handle": "functions, storage, records, events and ctx are not values",
    "context": "ctx has the parts that the manual names",
    "field": "fields are those of the contract's records",
    "method": "methods are those of the manual",
    "call": "only functions and methods that are written by name are called",
    "arguments": "calls have the arguments that their function takes",
    "event": "an event is a statement of its own",
    "require": 'require(condition, "code") is a statement of its own, its code literal text of a-z, 0-9 and _',
    "tuple": "tuples stand only in keys, in unpackings, and behind return in a helper; what returns one is unpacked",
    "expression": "an expression stands where a value is needed",
    "comparison_chain": "the middle of a chain of comparisons is a name or a literal",
    "identity": "is and is not compare with None alone",
    "key": "a key has as many parts as its Map",
    "duplicate_key": "in a map that is written out, each key stands once",
    "counter": "a Counter changes by next() alone",
    "scan": "an iteration over storage has a limit and the options of the manual",
    # The contract as a whole.
    "recursion": "no function calls itself, directly or round about",
    "call_chain": "at most 24 functions are active inside each other",
    "view": "a @view neither writes nor emits",
}
"""Rule -> what it demands."""


class Problems:
    """What is wrong with a source, as far as it has been looked at. Deployment stops at the first problem."""

    __slots__ = ("_most", "found")

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self.found: list[Rejected] = []

    def add(self, rejected: Rejected) -> None:
        """Note a problem; raise it when no more are wanted."""
        self.found.append(rejected)
        if len(self.found) >= self._most:
            raise rejected

    def settle(self) -> None:
        """End a stage: what comes next needs everything so far to be right.

        Raises:
            Rejected: the first problem, if there is one.
        """
        if self.found:
            raise self.found[0]
