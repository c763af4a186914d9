"""A rejection names the way to write it instead, and one mistake is one problem."""

import pytest

from contracts.engine.compiler import find_problems
from contracts.engine.nearest import is_near, suggestion
from contracts.engine.testkit import Harness

HEADER = """LIMITS = [1, 2]
RATES = {"EUR": 1}
A = "a"
numbers = Counter()
lots = Counter((str, int))
lines = Counter(str)
owner = Var(str)
heir = Var(str | None, default=None)
balances = Map(str, int)
grid = Map((str, int), int, default=0)
Item = Record(name=str)


def two(n: int) -> tuple[str, int]:
    return "a", n


def again(n: int) -> tuple[str, int]:
    return two(n)


"""
COPY = "constants stay: write values = {}, which is a copy, and change that"
PARTS = "two returns a tuple: write part1, part2 = two(...)"
CLEAR = "a Var stays: declare owner = Var(str | None, default=None) and write owner.value = None"
LOTS = "write lots.next((str, int)), with one key of values of these types"
CTX = "ctx tells of the call and cannot be written; keep what must last in a Var or Map"
IMPORT = "everything that a contract may use is there without an import"
HALF = "; did you mean {}?"


def problems(body: str) -> list[tuple[str, str]]:
    """Return rule and hint of each problem of a method's body."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return found(f"{HEADER}@call\ndef f(amount: int, m: dict[str, int]) -> None:\n{lines}")


def found(source: str) -> list[tuple[str, str]]:
    return [(problem.rule, problem.hint) for problem in find_problems(source)]


@pytest.mark.parametrize(
    ("body", "rule", "hint"),
    [
        ("return None", "result", "f returns None: write return alone"),
        ("return 5", "result", "f returns None: write return alone"),
        ('ctx.sender = "a"', "target", CTX),
        ('ctx.sender += "a"', "target", CTX),
        ("x = ctx.time()", "context", "write ctx.time, without parentheses"),
        ("x = ctx.now()", "context", "ctx has chain_id, contract, height, organisation, roles, sender, time"),
        ("x = numbers.next", "storage", "write numbers.next()"),
        ("x = numbers", "handle", "numbers is storage, not a value: write numbers.next()"),
        ("x = lines.next", "storage", "write lines.next(key)"),
        ("x = balances.get", "storage", "write balances.get(key)"),
        ("x = balances.keys", "storage", "write balances.keys(limit=count)"),
        ('x = lots.next("a", 1)', "arguments", LOTS),
        ("x = lots.next()", "arguments", LOTS),
        ("x = not_there", "unknown_name", "not_there is not declared"),
        ("x = amout", "unknown_name", "amout is not declared" + HALF.format("amount")),
        ('x = balance["a"]', "unknown_name", "balance is not declared" + HALF.format("balances")),
        ('reqiure(True, "x")', "unknown_name", "reqiure is no function" + HALF.format("require")),
        ("x = time.time()", "unknown_name", "write ctx.time"),
        ('x = hashlib.sha256(b"a")', "unknown_name", "write sha256(data)"),
        ("x = owner.value.nam", "field", "no record has a field nam" + HALF.format("name")),
        ("x = nobody(1)", "unknown_name", "nobody is no function; declare it with def"),
        ("x = [1].apend(2)", "method", "there is no method apend" + HALF.format("append")),
        ("...", "operator", "write pass for an empty body"),
        ("from x import y", "no_from", IMPORT),
        ("from x import y as z", "no_from", IMPORT),
        ("LIMITS.append(3)", "lost_change", COPY.format("LIMITS")),
        ("LIMITS[0] = 9", "lost_change", COPY.format("LIMITS")),
        ("LIMITS[0] += 9", "lost_change", COPY.format("LIMITS")),
        ("del LIMITS[0]", "lost_change", COPY.format("LIMITS")),
        ('RATES.update({"USD": 2})', "lost_change", COPY.format("RATES")),
        ("x = two(1)", "tuple", PARTS),
        ("x = [two(1)]", "tuple", PARTS),
        ("if two(1):\n    pass", "tuple", PARTS),
        ("x = two(1)[0]", "tuple", PARTS),
        ("for x in two(1):\n    pass", "tuple", PARTS),
        ("a, b, c = two(1)", "target", "two returns 2 parts, not 3"),
        ('x = grid.page(limit=1, cursor="")', "tuple", "page returns two parts: write rows, cursor = grid.page(...)"),
        ('x = {"a": 1, "a": 2}', "duplicate_key", "leave one of them away: each key of a map stands once"),
        ('x = {"a": 1, A: 2}', "duplicate_key", "leave one of them away: each key of a map stands once"),
        ("del owner.value", "statement", CLEAR),
        ("del heir.value", "statement", "a Var stays: write heir.value = None"),
        ("del numbers.value", "statement", "a Counter stays: it gives each number once"),
    ],
)
def test_one_mistake_in_a_method_is_one_problem_with_its_way_out(body: str, rule: str, hint: str) -> None:
    assert problems(body) == [(rule, hint)]


@pytest.mark.parametrize(
    ("source", "rule", "hint"),
    [
        ("X = 2 ** 300\n", "constant", "integers have at most 256 bits"),
        ("X = 10 ** 10 ** 10\n", "constant", "integers have at most 256 bits"),
        ("X = 2 ** -1\n", "constant", "write an exponent that is not negative"),
        ("X = 7 // 2\n", "constant", "constants are computed with +, -, * and ** only"),
        ("X: int = 5\nY = X + 1\n", "top_level", "leave the annotation away: write X = value"),
        (
            "total: int = 0\n",
            "top_level",
            "what lasts is declared with Var, Map or Counter; constants are in capitals, without a type",
        ),
        (
            "def f(a: int, /, b: int) -> None:\n    pass\n",
            "character",
            "leave the / away: parameters are given in their order or by name",
        ),
        (
            'X = {"a": 1, "a": 2}\n',
            "duplicate_key",
            "leave one of them away: each key of a map stands once",
        ),
        ("from x import y\n", "no_from", IMPORT),
    ],
)
def test_one_mistake_at_the_top_level_is_one_problem_with_its_way_out(source: str, rule: str, hint: str) -> None:
    assert found(f"{source}@view\ndef g() -> None:\n    pass\n") == [(rule, hint)]


@pytest.mark.parametrize(
    "body",
    [
        "return",
        "values = LIMITS\nvalues.append(3)\nvalues[0] = 9",
        "x = LIMITS[0] + len(LIMITS.copy())",
        "a, b = two(1)",
        "a, b = two(1) if amount else again(2)",
        "two(1)",
        "x = grid[two(1)] + grid.get(two(2), 0)",
        'rows, cursor = grid.page(limit=1, cursor="")',
        "x = 6 // 2",
        'x = {"a": 1, "b": 2}',
        "heir.value = None",
        'x = lots.next(("a", 1))',
    ],
)
def test_what_the_hints_say_is_accepted(body: str) -> None:
    assert problems(body) == []


def test_two_words_on_two_lines_are_two_problems() -> None:
    assert [rule for rule, _ in problems("import x\nfrom y import z")] == ["no_import", "no_from"]


def test_small_bases_have_any_exponent() -> None:
    ledger = Harness()
    source = "X = 1 ** 300 + (-1) ** 10 ** 20 + 0 ** 300\n@call\ndef f() -> int:\n    return X\n"
    assert ledger.deploy("c", source).code is None, ledger.failure
    assert ledger.call("acme.alice", "c", "f").value == 2


@pytest.mark.parametrize(
    ("name", "candidate", "near"),
    [
        ("balance", "balances", True),
        ("balnces", "balances", True),
        ("balamces", "balances", True),
        ("blaances", "balances", True),
        ("Balances", "balances", True),
        ("xbalances", "balances", True),
        ("balancse", "balances", True),
        ("sbalance", "balances", False),
        ("balanc", "balances", False),
        ("ab", "abc", False),
        ("owner", "total", False),
    ],
)
def test_what_is_near(name: str, candidate: str, near: bool) -> None:
    assert is_near(name, candidate) is near and is_near(candidate, name) is near


def test_the_suggestion_does_not_depend_on_an_order() -> None:
    assert suggestion("lotx", ["lots", "lot"]) == suggestion("lotx", ["lot", "lots"]) == "; did you mean lot?"
    assert suggestion("nothing", ["lots"]) == ""
