"""Every rule of the rule book refuses something, says what to write instead, and accepts what the manual writes."""

import ast
import re
import textwrap
from pathlib import Path

import pytest

from contracts.engine.absent import FUNCTIONS, METHODS
from contracts.engine.compiler import compile_contract, find_problems
from contracts.engine.declarations import BUILTINS
from contracts.engine.errors import Rejected
from contracts.engine.limits import (
    BRACKET_DEPTH_MAX,
    CALL_CHAIN_MAX,
    ELIF_MAX,
    LINE_TOKENS_MAX,
    PARAMETERS_MAX,
    SOURCE_BYTES_MAX,
    TYPE_DEPTH_MAX,
)
from contracts.engine.methods import METHOD_CALLS
from contracts.engine.rulebook import REFUSED_WORDS, RULES

PAGE = (Path(__file__).parents[2] / "docs" / "contracts" / "rejections.md").read_text()
HEADER = re.findall(r"^```python header\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]
SECTIONS = re.findall(r"^### ([a-z_]+)\n\n(.*?)\n\n(.*?)(?=^### |\Z)", PAGE, re.DOTALL | re.MULTILINE)
WORDS = {f"no_{word}": word for word in REFUSED_WORDS}


def blocks(section: str) -> dict[str, str]:
    """Return the parts of a section that shows an example: refused and instead as whole contracts, and the text."""
    found = re.findall(r"^```(?:python )?(refused|text|instead)( file)?\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return {kind: block if whole or kind == "text" else _in_method(block) for kind, whole, block in found}


def _in_method(block: str) -> str:
    body = textwrap.indent(block, "    ")
    return f"{HEADER}\n\n@call\ndef example(x: int, name: str, values: list[int]) -> None:\n{body}"


def method(body: str) -> str:
    return "@call\ndef f() -> None:\n" + textwrap.indent(body, "    ") + "\n"


CHAIN = "def f0() -> None:\n    pass\n" + "".join(
    f"def f{number}() -> None:\n    f{number - 1}()\n" for number in range(1, CALL_CHAIN_MAX + 1)
)
LARGE = {
    "source_size": ("# " + "x" * 98 + "\n") * (SOURCE_BYTES_MAX // 100),
    "line_length": method("x = 1" + " " * 120),
    "bracket_depth": method("x = " + "[" * (BRACKET_DEPTH_MAX + 1) + "]" * (BRACKET_DEPTH_MAX + 1)),
    "statement_length": method("x = [\n" + "1,\n" * LINE_TOKENS_MAX + "]"),
    "elif_count": method("x = 1\nif x == 0:\n    pass\n" + "elif x == 1:\n    pass\n" * (ELIF_MAX + 1)),
    "depth": method("x = " + "-" * 60 + "1"),
    "type_depth": "x = Var(" + "list[" * (TYPE_DEPTH_MAX + 1) + "int" + "]" * (TYPE_DEPTH_MAX + 1) + ")\n"
    "@view\ndef f() -> None:\n    pass\n",
    "parameters": "@call\ndef f(\n" + "".join(f"    p{number}: int,\n" for number in range(PARAMETERS_MAX + 1)) + ""
    ") -> None:\n    pass\n",
    "call_chain": CHAIN + method(f"f{CALL_CHAIN_MAX}()"),
}
"""Rules that need too much text for the manual."""

UNREACHABLE = {"not_in_language"}
"""The second wall behind the grammar; test_engine_rules gives it trees that no source makes."""


def test_the_page_has_every_rule_in_the_order_of_the_book() -> None:
    assert [name for name, _, _ in SECTIONS] == [name for name in RULES if name not in WORDS]
    for name, sentence, _ in SECTIONS:
        assert sentence == RULES[name][0].upper() + RULES[name][1:] + ".", name


def test_every_rule_refuses_something() -> None:
    seen = {_rule(source) for source in LARGE.values()}
    seen |= {_rule(blocks(text)["refused"]) for _, _, text in SECTIONS if blocks(text)}
    seen |= {_rule(method(f"{word} = 1")) for word in REFUSED_WORDS}
    assert seen == set(RULES) - UNREACHABLE


def _rule(source: str) -> str | None:
    return next((problem.rule for problem in find_problems(source)), None)


@pytest.mark.parametrize("name", LARGE)
def test_what_exceeds_a_limit_is_refused_by_its_rule(name: str) -> None:
    assert _rule(LARGE[name]) == name


@pytest.mark.parametrize(("name", "section"), [(n, text) for n, _, text in SECTIONS if blocks(text)])
def test_examples_are_refused_with_the_hint_and_accepted_when_written_instead(name: str, section: str) -> None:
    parts = blocks(section)
    with pytest.raises(Rejected) as caught:
        compile_contract(parts["refused"])
    assert f"{caught.value.rule}: {caught.value.hint}\n" == parts["text"]
    assert caught.value.rule == name
    compile_contract(parts["instead"])


@pytest.mark.parametrize("name", [name for name, _, text in SECTIONS if not blocks(text)])
def test_rules_without_an_example_are_those_that_need_much_text(name: str) -> None:
    assert name in LARGE or name in UNREACHABLE


def test_hints_for_what_is_absent_are_about_what_is_absent() -> None:
    assert not set(FUNCTIONS) & set(BUILTINS) - {"bool", "bytes", "dict", "tuple"}
    assert not set(METHODS) & set(METHOD_CALLS)
    for name, hint in FUNCTIONS.items():
        problems = find_problems(method(f"x = {name}(1)"))
        assert [(problem.rule, problem.hint) for problem in problems] == [("unknown_name", hint)], name
    for name, hint in METHODS.items():
        problems = find_problems(method(f'x = "a".{name}(1)'))
        assert [(problem.rule, problem.hint) for problem in problems] == [("method", hint)], name


def test_hints_are_short_enough_to_be_read() -> None:
    for name, _, section in SECTIONS:
        text = blocks(section).get("text", "")
        assert len(text) < 140, name
    ast.parse(HEADER)
