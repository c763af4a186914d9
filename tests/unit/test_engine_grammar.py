"""The grammar is ours: what it accepts every Python parses, and what it refuses is refused at a place of our own."""

import ast
import random
import re

import pytest
from corpus import all_attacks
from corpus import sources as hostile_sources
from programs import LIBRARY, WORK

from contracts.engine.compiler import compile_contract, find_problems
from contracts.engine.errors import Rejected
from contracts.engine.grammar import recognise
from contracts.engine.prescan import prescan
from contracts.engine.rulebook import Problems
from contracts.engine.rules import parse

MUTANTS = 4_000


def accepts(source: str) -> bool:
    """Tell whether the pre-scan and the grammar let a source through."""
    try:
        recognise(source, prescan(source), Problems())
    except Rejected:
        return False
    return True


def body(statement: str) -> str:
    """Return a source with a statement in a function."""
    return "@call\ndef f() -> None:\n    " + statement + "\n"


@pytest.mark.parametrize(
    ("source", "line", "column", "hint"),
    [
        (body("x = "), 3, 9, "a value is missing here"),
        (body("x = (1 +)"), 3, 13, "a value is missing here"),
        (body("x = 1 +* 2"), 3, 12, "write the elements out, or use extend and update"),
        (body("x = 1 2"), 3, 11, "this cannot follow here; write each statement on its own line"),
        (body("if x = 1:\n        pass"), 3, 10, "expected : here"),
        (body("if x == 1\n        pass"), 3, 14, "expected : here"),
        (body("if x == 1:\n    pass"), 4, 5, "indent the body of this block by four spaces"),
        (body("pass\n        pass"), 4, 9, "this line begins no block"),
        (body("else:\n        pass"), 3, 5, "this else belongs to no if at its level"),
        (body("f() = 1"), 3, 5, "write a name, x[key] or x.value left of the = ; compare with =="),
        (body("x + 1 += 1"), 3, 5, "write a name, x[key] or x.value left of the operator"),
        (body("x = y += 1"), 3, 11, "this cannot follow here; write each statement on its own line"),
        (body("None = 1"), 3, 5, "write a name, x[key] or x.value left of the = ; compare with =="),
        (body("x = a if b"), 3, 15, "expected else here"),
        (body("x = a == not b"), 3, 14, "put the not and what follows in parentheses"),
        (body("x = a not b"), 3, 15, "expected in here"),
        (body("x = {1: 2, 3}"), 3, 17, "use a list, or a map whose values are True"),
        (body("x = y[]"), 3, 11, "expected an index or a key here"),
        (body("x = f(a=1, 2)"), 3, 16, "arguments without a name come first"),
        (body("x = f(a.b=1)"), 3, 11, "write name=value"),
        (body("x = y.1"), 3, 11, "expected a name behind the point here"),
        (body("for x + 1 in y:\n        pass"), 3, 11, "expected in here"),
        (body("for 1 in y:\n        pass"), 3, 9, "a loop binds a name, or names separated by commas"),
        (body("del 1"), 3, 9, "write del x[key]"),
        (body("if a: if b: pass"), 3, 11, "begin a new line, indented by four spaces"),
        (body('x = f"\u00e9{a +}"'), 3, 16, "a value is missing here"),
        (body('x = f"{a for a in b}"'), 3, 14, "this cannot follow here"),
        ("def f(a, None: int) -> None:\n    pass\n", 1, 10, "expected a parameter here"),
        ("def 1() -> None:\n    pass\n", 1, 5, "expected the function's name here"),
        ("@call\nX = 1\n", 2, 1, "expected def here"),
        ("@call\n", 2, 1, "expected def here"),
        ("def f() -> None:\n", 2, 1, "indent the body of this block by four spaces"),
        ("def f(x: int\n", 1, 6, "close this ("),
    ],
)
def test_mistakes_of_syntax_have_a_place_and_a_hint(source: str, line: int, column: int, hint: str) -> None:
    with pytest.raises(Rejected) as caught:
        compile_contract(source)
    found = caught.value
    assert (found.line, found.column, found.hint) == (line, column, hint)
    assert found.rule in ("syntax", "no_set", "no_star", "brackets")
    assert "no_" in found.rule or _python_refuses(source)


def _python_refuses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return True
    # Python before 3.12 lets a generator stand in a field; later ones do not.
    return "for a in b}" in source


@pytest.mark.parametrize(
    "statement",
    [
        "x = a if b else c if d else e",
        "x = not a and not not b or -a ** -b",
        "x = a not in b is not None",
        "x = [a for a, (b, c) in d if e if f][1:2][:][a:][:b]",
        "x = {a: b for a in c}[d, e]",
        "x = {a: b, c: d,}",
        "x = [a, b,]",
        "x = (a, b,)",
        "x = ()",
        "x = f(a, b=c,)",
        "x = f()(a)[b].c",
        "(a) = 1",
        "(a, [b, c.d]), e[f] = g",
        "a = b, = c",
        "a, b = b, a",
        "x: int = 1",
        "x: int",
        "a.b //= c",
        "(a) += 1",
        "del a[b], (c[d])",
        "return a, b",
        'x = "a" f"{b, c}" "d"',
        'x = f"{a if b else not c}{d[e]}"',
        "if a: return",
        "while not a: x = 1",
        "for x, in a: pass",
        "for x.y in a, b: pass",
        "x = 1 .real",
        "x = a\\\n",
    ],
)
def test_the_grammar_agrees_with_python(statement: str) -> None:
    source = body(statement)
    assert accepts(source) == ("\\" not in source)
    ast.parse(source)


def test_whatever_the_grammar_accepts_python_parses_to_nodes_that_the_table_knows() -> None:
    sources = [WORK, *(path.read_text() for path in sorted(LIBRARY.glob("*.py")))]
    sources += hostile_sources()
    corpus = [re.findall(r"\w+|\n *|[^\w\s]| +", source) for source in sources]
    corpus = [tokens for tokens in corpus if tokens]
    pool = [token for tokens in corpus for token in tokens]
    accepted = 0
    for seed in range(MUTANTS):
        chance = random.Random(seed)
        tokens = chance.choice(corpus)
        start = chance.randrange(len(tokens))
        parts = tokens[max(0, start - 150) : start + 150]
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(parts) + 1)
            parts[place : place + chance.randint(0, 2)] = chance.choices(pool, k=chance.randint(0, 2))
        source = "".join(parts)
        if accepts(source):
            accepted += 1
            _parses(source, seed)
    assert accepted > MUTANTS // 20


def _parses(source: str, seed: int) -> None:
    try:
        parse(source)
    except Rejected as rejected:
        if rejected.rule != "depth":
            pytest.fail(f"seed {seed}: {rejected}\n{source}")


MANY = """
Item = Record(holder=str, parent=strr)
items = Map(str, Item)
fee = 5

@call
def f(x: int) -> None:
    pass
"""


def test_authors_see_every_problem_of_a_stage_at_once() -> None:
    tokens = find_problems("import os\nclass A:\n    x = 1.5\n    _y = 2\n    z = 1 / 2\n")
    assert [(p.line, p.rule) for p in tokens] == [
        (1, "no_import"),
        (2, "no_class"),
        (3, "number"),
        (4, "name"),
        (5, "character"),
    ]
    grammar = find_problems(
        "def f(x=1):\n    if x = 2:\n        y = [1\n, 2 3]\n    else:\n        z = (4,)\n    w = \n"
    )
    assert [(p.line, p.rule) for p in grammar] == [
        (1, "no_default_parameter"),
        (2, "syntax"),
        (4, "syntax"),
        (7, "syntax"),
    ]
    # `items` cannot be declared because Item cannot, which is no news.
    assert [(p.line, p.rule) for p in find_problems(MANY)] == [(2, "type"), (4, "constant_name")]
    bodies = find_problems(
        body("x = y\n    for i in [1]:\n        z = q\n        break\n    while w:\n        pass\n    break\n    v = u")
    )
    assert [(p.line, p.rule) for p in bodies] == [
        (3, "unknown_name"),
        (5, "unknown_name"),
        (7, "unknown_name"),
        (9, "loop"),
        (10, "unknown_name"),
    ]


def test_the_first_problem_is_the_one_that_deployment_names() -> None:
    for attack in all_attacks():
        if attack.rule is None:
            continue
        found = find_problems(attack.source)
        with pytest.raises(Rejected) as caught:
            compile_contract(attack.source)
        assert str(found[0]) == str(caught.value)


def test_problems_have_a_bound() -> None:
    assert len(find_problems("import os\n" * 1000)) == 20


def test_columns_count_characters_and_fields_stand_where_their_text_does() -> None:
    for statement, column in (('x = "\u00e9\u4e2d" + y', 16), ('x = "\u00e9" f"{y}" + z', 9)):
        with pytest.raises(Rejected) as caught:
            compile_contract(body(statement))
        assert (caught.value.line, caught.value.column) == (3, column)
