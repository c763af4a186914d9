"""What each construct of the language does, seen from outside."""

from typing import Any

import pytest

from contracts.engine.testkit import Harness


def evaluate(expression: str, result: str = "int", before: str = "") -> Any:
    """Return the value of an expression as a view computes it."""
    return run(f"return {expression}", result, before)


def run(body: str, result: str = "int", before: str = "") -> Any:
    """Return the result of a method's body."""
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    ledger = Harness()
    deployed = ledger.deploy("c", f"{before}\n@call\ndef f() -> {result}:\n{lines}\n")
    assert deployed.code is None, ledger.failure
    outcome = ledger.call("acme.alice", "c", "f", roles=("buyer", "admin"))
    assert outcome.code is None, ledger.failure
    return outcome.value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("2 ** 10", 1024),
        ("(-1) ** 1000000", 1),
        ("(-1) ** 1000001", -1),
        ("0 ** 0", 1),
        ("1 << 4 | 3", 19),
        ("-5 >> 1", -3),
        ("6 & 3 ^ 1", 3),
        ("abs(-5) + min(3, 1, 2) + max([4, 9])", 15),
        ('sum([1, 2, 3]) + len([1]) + len("ab") + len({"a": 1})', 10),
        ('mul_div(7, 1, 2, "floor")', 3),
        ('mul_div(7, 1, 2, "ceil")', 4),
        ('mul_div(7, 1, 2, "half_even")', 4),
        ('mul_div(5, 1, 2, "half_even")', 2),
        ('mul_div(-5, 1, 2, rounding="half_even")', -2),
        ('mul_div(-7, 1, 2, "floor")', -4),
        ('mul_div(2 ** 250, 12, 2 ** 250, "floor")', 12),
        ('int("-007")', -7),
        ("[1, 2, 3][-1]", 3),
        ('{"a": 5}["a"] + {"a": 5}.get("b", 1)', 6),
        ("5 if 1 < 2 else 6", 5),
        ('"banana".find("na", 3)', 4),
        ('"banana".count("an")', 2),
        ("[1, 2, 1].count(1) + [5, 6].index(6)", 3),
        ('b"az"[1]', 122),
    ],
)
def test_numbers(expression: str, value: int) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 == True", False),
        ('1 != "1"', True),
        ("None == None", True),
        ("[1, [2]] == [1, [2]]", True),
        ("[1] == [True]", False),
        ('{"a": [1]} == {"a": [1]}', True),
        ('"a" < "b" and b"a" <= b"a"', True),
        ("True in [1]", False),
        ("1 in [3, 1]", True),
        ('"an" in "banana"', True),
        ('"a" not in {"a": 1}', False),
        ('not 0 and not "" and not []', True),
        ("any([False, True]) and all([True])", True),
        ('"12".isdigit() and not "\u0662".isdigit()', True),
        ('"az".isalpha() and not "\u00e4".isalpha()', True),
        ('"abc".startswith("ab") and "abc".endswith("bc")', True),
        ("[1] is not None", True),
    ],
)
def test_truths(expression: str, value: bool) -> None:
    assert evaluate(expression, "bool") is value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"a" + "b" * 3', "abbb"),
        ('"abcdef"[1:4] + "abc"[-1:] + "abc"[:1] + "abc"[0]', "bcdcaa"),
        ('" x ".strip() + "xxa".lstrip("x") + "a--".rstrip("-")', "xaa"),
        ('"\u00c4B".lower() + "\u00e4b".upper()', "\u00c4b\u00e4B"),
        ('"a-b".replace("-", "+")', "a+b"),
        ('",".join(["a", "b"]) + "a,b".split(",")[1]', "a,bb"),
        ('"7".zfill(3) + "-7".zfill(4)', "007-007"),
        ('str(-5) + f"{ctx.height}{{x}}{ctx.sender}"', "-52{x}acme.alice"),
        ('"v-x".removeprefix("v-").removesuffix("x")', ""),
        ('sha256(b"abc").hex()[:8]', "ba7816bf"),
        ('hex_to_bytes("6869").decode() + "hi".encode().hex()', "hi6869"),
        ('ctx.organisation + " " + ",".join(ctx.roles) + " " + ctx.contract', "acme admin,buyer c"),
    ],
)
def test_text(expression: str, value: str) -> None:
    assert evaluate(expression, "str") == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[x * 2 for x in [1, 2, 3] if x != 2]", [2, 6]),
        ("[x for x in range(5, 0, -2)]", [5, 3, 1]),
        ('range(3) + list({"a": 1, "b": 2}.values())', [0, 1, 2, 1, 2]),
        ("sorted([3, 1, 2], reverse=True) + reversed([7, 8])", [3, 2, 1, 8, 7]),
        ("[a + b for a, b in [[1, 2], [3, 4]]]", [3, 7]),
        ("[i + v for i, v in enumerate([5, 6], 1)]", [6, 8]),
        ('[v for k, v in {"a": 1}.items()]', [1]),
        ("LIST + [1, 2, 3, 4][1:3]", [9, 2, 3]),
    ],
)
def test_lists(expression: str, value: list[int]) -> None:
    assert evaluate(expression, "list[int]", "LIST = [9]") == value


def test_statements() -> None:
    body = """total: int = 0
values = []
for index, value in enumerate([10, 20, 30]):
    if index == 1:
        continue
    elif index > 5:
        break
    else:
        total += value
    values.append(total)
while total > 0:
    total -= 7
    if total < 20:
        break
a, b = total, len(values)
a, b = b, a
values += [a]
values[0] *= 2
table = {"x": 1, "y": 2}
table["x"] += 5
del table["y"]
del values[1]
table.update({"z": values.pop()})
values.extend([b, table["x"], table["z"]])
values.insert(0, -1)
values.remove(6)
pass
return values"""
    assert run(body, "list[int]") == [-1, 20, 19, 2]


def test_a_loop_sees_a_snapshot() -> None:
    assert run("xs = [1, 2]\nfor x in xs:\n    xs.append(x)\nreturn xs", "list[int]") == [1, 2, 1, 2]


def test_constant_lists_are_fresh_at_each_use() -> None:
    before = 'NAMES = [1]\nTABLE = {"a": 1}\nDAY = 24 * 60 * 60\nLOW = -DAY'
    body = 'x = NAMES\nx.append(2)\ny = TABLE\ny["a"] = 9\nreturn NAMES + [TABLE["a"], LOW]'
    assert run(body, "list[int]", before) == [1, 1, -86400]


def test_helpers_take_named_arguments_and_return_tuples() -> None:
    before = "def split(total: int, parts: int) -> tuple[int, int]:\n    return total // parts, total % parts"
    assert run("a, b = split(parts=3, total=11)\nreturn a * 10 + b", "int", before) == 32


def test_bool_operators_return_operands() -> None:
    assert evaluate("0 or 5") == 5
    assert evaluate('"a" and 7') == 7


def test_chained_comparison_with_a_plain_middle() -> None:
    assert run("x = 5\nreturn 1 < x <= 5 < 6", "bool") is True


def test_records_are_values() -> None:
    before = "R = Record(a=int, b=list[int], c=Field(str | None, default=None), d=Field(list[int], default=[]))"
    body = """one = R(a=1, b=[1])
two = one.replace(a=2, c="x")
one.d.append(5)
same = R(a=1, b=[1], d=[5]) == one
return [two, R(a=len(one.d), b=[], c=str(two.a)).replace(d=[8])] if same and one != two else []"""
    assert run(body, "list[R]", before) == [
        {"a": 2, "b": [1], "c": "x", "d": [5]},
        {"a": 1, "b": [], "c": "2", "d": [8]},
    ]


def test_records_come_in_as_maps() -> None:
    ledger = Harness()
    source = 'R = Record(a=int, b=Field(str, default="z"))\n'
    source += "@view\ndef f(r: R, more: list[R]) -> int:\n    return r.a + len(more)\n"
    ledger.deploy("c", source)
    assert ledger.view("c", "f", {"a": 1}, [{"a": 2, "b": "y"}]).value == 2
    for wrong in ({}, {"a": "x"}, {"a": 1, "q": 1}, [1], None, {"a": True}):
        assert ledger.view("c", "f", wrong, []).code == "invalid_arguments"


@pytest.mark.parametrize(
    "statement",
    [
        "r.a = 1",
        "r.missing",
        "x = r.replace(missing=1)",
        "x = R()",
        "x = R(1)",
        "x = R(a=1, q=1)",
    ],
)
def test_records_are_checked_before_deployment(statement: str) -> None:
    ledger = Harness()
    source = f"R = Record(a=int)\n@call\ndef f() -> None:\n    r = R(a=1)\n    {statement}\n"
    assert ledger.deploy("c", source).code == "contract_rejected"


@pytest.mark.parametrize("expression", ['R(a="x")', "R(a=1).replace(a=True)", "S(b=1).replace(a=1)"])
def test_records_check_types_when_they_are_made(expression: str) -> None:
    ledger = Harness()
    source = f"R = Record(a=int)\nS = Record(b=int)\n@call\ndef f() -> None:\n    x = {expression}\n"
    assert ledger.deploy("c", source).code is None
    assert ledger.call("a.b", "c", "f").code == "contract_error"


def test_fields_may_have_the_names_that_guards_use() -> None:
    before = "R = Record(value=int, part=int, fields=int, changes=int, kind=int)\nE = Event(values=int, run=int)"
    body = """r = R(value=1, part=2, fields=3, changes=4, kind=5).replace(value=6, part=7, changes=8)
E(values=r.value, run=r.kind)
return [r.value, r.part, r.fields, r.changes, r.kind]"""
    assert run(body, "list[int]", before) == [6, 7, 3, 8, 5]


def test_storage_may_have_the_names_that_guards_use() -> None:
    before = "item = Map(str, int)\ntuple_of = Var(int)\nt1 = Map(str, int)\nm = Var(int, default=0)"
    body = """item["a"] = 1
del item["a"]
x = {"a": 5}
del x["a"]
t1["q"] = 2
m.value += t1["q"]
return m.value + len(x)"""
    assert run(body, "int", before) == 2
