"""Programs that try to use up time, memory, stack or disk without paying for it, in the parser, the compiler or a run."""

from collections.abc import Mapping
from typing import Final

from attacks import Group, method, value

GROW: Final = "while True:\n    x = x + x"

GROUPS: Final[Mapping[str, Group]] = {
    "parser and compiler": Group(
        "be large, deep or slow before anything runs",
        refused={
            "deep brackets": (value("(" * 200 + "1" + ")" * 200), "line_length"),
            "deep brackets over lines": (method("x = (\n" + "(\n" * 50 + "1" + "\n)" * 50 + "\n)"), "bracket_depth"),
            "deep unary": (value("-" * 60 + "1"), "depth"),
            "deep not": (method("x = (\n" + ("not " * 20 + "\n") * 4 + "1)"), "depth"),
            "long sum": (method("x = (1\n" + "+ 1\n" * 400 + ")"), "statement_length"),
            "middling sum": (method("x = (1\n" + "+ 1\n" * 90 + ")"), "depth"),
            "many elif": (method("x = 1\nif x == 0:\n    pass\n" + "elif x == 1:\n    pass\n" * 40), "elif_count"),
            "deep blocks": (
                "@call\ndef attack() -> None:\n"
                + "".join("    " * n + "if True:\n" for n in range(1, 15))
                + "    " * 15
                + "pass\n",
                "indentation",
            ),
            "large source": ("#" * 100 + "\n" + ("# " + "x" * 100 + "\n") * 700, "source_size"),
            "long name": (method("x" * 65 + " = 1"), "name"),
            "long number": (value("1" * 79), "number"),
            "256-bit literal": (value(str(2**255)), "number"),
            "recursion": (method("attack()"), "recursion"),
            "mutual recursion": ("def a() -> None:\n    b()\ndef b() -> None:\n    a()\n" + method("a()"), "recursion"),
            "long chain": (
                "def f0() -> None:\n    pass\n"
                + "".join(f"def f{n}() -> None:\n    f{n - 1}()\n" for n in range(1, 40))
                + method("f39()"),
                "call_chain",
            ),
            "deep type": (value("1", before="v = Var(" + "list[" * 9 + "int" + "]" * 9 + ")\n"), "type_depth"),
            "unclosed bracket": (method("x = (1"), "brackets"),
            "wrong bracket": (method("x = (1]"), "brackets"),
            "unclosed text": (method('x = "abc'), "string"),
            "unclosed docstring": ('"""abc\n' + method("pass"), "string"),
            "break outside of a loop": (method("break"), "loop"),
            "return at the top level": ("return 1\n" + method("pass"), "top_level"),
            "doubled parameter": ("@call\ndef attack(x: int, x: int) -> None:\n    pass\n", "name_taken"),
            "doubled keyword": (value("m.keys(limit=1, limit=2)", before="m = Map(str, int)\n"), "arguments"),
            "engine code in require": (method('require(False, "out_of_gas")'), "require"),
            "code of the ledger in require": (method('require(False, "idempotency_key_used")'), "require"),
            "computed code": (method("require(False, ctx.sender)"), "require"),
            "type parameters": ("@call\ndef attack[T]() -> None:\n    pass\n", "no_type_parameters"),
            "nothing to call": ("X = 1\n", "no_methods"),
            "long chain of not": (method("x = (\n" + "not not not not\n" * 30 + "1)"), "depth"),
            "long chain of powers": (method("x = (1\n" + "** 1\n" * 90 + ")"), "depth"),
            "long chain of conditions": (method("x = (1\n" + "if 1 else 1\n" * 70 + ")"), "depth"),
            "long chain of attributes": (
                method("x = R(a=1)\ny = (x\n" + ".a\n" * 70 + ")", before="R = Record(a=int)\n"),
                "depth",
            ),
            "long chain of calls": (method('x = (""\n' + ".strip()\n" * 70 + ")"), "depth"),
            "long chain of subscripts": (method("x = [1]\ny = (x\n" + "[0]\n" * 70 + ")"), "depth"),
            "long chain of slices": (method("x = [1]\ny = (x\n" + "[:]\n" * 70 + ")"), "depth"),
            "elif at every level": (
                "@call\ndef attack() -> None:\n"
                + "".join(
                    "    " * n
                    + "if True:\n"
                    + "    " * n
                    + "    pass\n"
                    + ("    " * n + "elif True:\n" + "    " * n + "    pass\n") * 25
                    + "    " * n
                    + "else:\n"
                    for n in range(1, 9)
                )
                + "    " * 9
                + "pass\n",
                "depth",
            ),
            "brackets of every kind": (value("[(" * 7 + "1" + ")]" * 7), "bracket_depth"),
            "brackets in an f-string": (value('f"{str(str(str(str(str(1)))))}"'), "format_string"),
            "mistake behind brackets": (value("f(f(f(f(f(f(f(f(f(f(f(1 2)))))))))))"), "syntax"),
            "mistake behind maps": (value("{1:" * 11 + "1 2" + "}" * 11), "syntax"),
            "mistake behind named arguments": (value("f(a=" * 11 + "1 2" + ")" * 11), "syntax"),
            "mistake behind generators": (value("f(a for " * 9 + "1 2" + ")" * 9), "no_generator"),
            "union of many types": ("@call\ndef attack(x: int" + " | None" * 12 + ") -> None:\n    pass\n", "type"),
            "many parameters": (
                "@call\ndef attack(\n" + "".join(f"    a{n}: int,\n" for n in range(33)) + ") -> None:\n    pass\n",
                "parameters",
            ),
            "many fields": (
                "R = Record(\n" + "".join(f"    a{n}=int,\n" for n in range(65)) + ")\n" + method("pass"),
                "declaration",
            ),
            "deep record types": (
                "R0 = Record(a=int)\n" + "".join(f"R{n} = Record(a=R{n - 1})\n" for n in range(1, 9)) + method("pass"),
                "type_depth",
            ),
            "many elements in a constant": ("X = [\n" + "1,\n" * 257 + "]\n" + method("pass"), "constant"),
            "product of constants": ("X = 2 ** 200\nY = X * X\n" + method("pass"), "constant"),
            "text repeated in a constant": ('X = "a" * 10 ** 9\n' + method("pass"), "constant"),
            "large negative constant": ("X = -(2 ** 255) - 1\n" + method("pass"), "constant"),
            "recursion through many": (
                "".join(f"def f{n}() -> None:\n    f{(n + 1) % 300}()\n" for n in range(300)) + method("f0()"),
                "recursion",
            ),
            "chain of hundreds": (
                "def f0() -> None:\n    pass\n"
                + "".join(f"def f{n}() -> None:\n    f{n - 1}()\n" for n in range(1, 300))
                + method("f299()"),
                "call_chain",
            ),
            "unclosed f-string": (method('x = f"{ctx.sender'), "string"),
            "nothing but brackets": ("(" * 60_000, "line_length"),
            "nothing but a letter": ("x" * 60_000, "line_length"),
            "nothing but quotes": ('"""' * 30 + "\n", "no_methods"),
            "nothing but spaces": (" " * 60_000, "line_length"),
            "nothing": ("", "no_methods"),
        },
        stopped={
            "many f-strings": (method('a = "x"\n' + ('x = f"{' + "+".join("a" * 40) + '}"\n') * 20), "ok"),
            "many locals": (method("".join(f"x{n} = {n}\n" for n in range(400))), "ok"),
            "many functions": (
                "".join(f"def f{n}() -> None:\n    pass\n" for n in range(250)) + method("f249()"),
                "ok",
            ),
            "many maps": (
                "".join(f"m{n} = Map(str, int)\n" for n in range(250))
                + method("m249[ctx.sender] = 1\ndel m249[ctx.sender]"),
                "ok",
            ),
            "wide elif": (
                method("x = 30\nif x == 99:\n    pass\n" + "".join(f"elif x == {n}:\n    pass\n" for n in range(30))),
                "ok",
            ),
            "long condition": (method("x = (1\n" + "and 1\n" * 290 + ")"), "ok"),
            "long comparison": (method("a = 1\nx = (a\n" + "<= a\n" * 290 + ")"), "ok"),
            "long list": (method("x = [\n" + "1,\n" * 290 + "]"), "ok"),
            "long map": (method("x = {\n" + "".join(f'"{n}": 1,\n' for n in range(140)) + "}"), "ok"),
            "many named arguments": (
                method(
                    "x = R(\n" + "".join(f"a{n}={n},\n" for n in range(64)) + ")",
                    before="R = Record(\n" + "".join(f"    a{n}=int,\n" for n in range(64)) + ")\n",
                ),
                "ok",
            ),
            "deep lists": (value("[" * 12 + "1" + "]" * 12), "ok"),
            "deep comprehensions": (
                value("[[[[[a for a in [b]] for b in [c]] for c in [d]] for d in [e]] for e in [1]]"),
                "ok",
            ),
            "deep loops": (
                method("".join("    " * n + f"for i{n} in [1]:\n" for n in range(9)) + "    " * 9 + "pass"),
                "ok",
            ),
            "long docstring": ('"""' + "x" * 100 + "\n" + ("y" * 100 + "\n") * 300 + '"""\n' + method("pass"), "ok"),
        },
    ),
    "values that grow": Group(
        "make a value larger than its limit, or many large ones for little gas",
        stopped={
            "squaring": (method("x = 3\nwhile True:\n    x = x * x"), "contract_error"),
            "adding up": (method("x = 2 ** 250\n" + GROW), "contract_error"),
            "power": (value("10 ** 1000000000"), "contract_error"),
            "power of a power": (value("2 ** 2 ** 2 ** 2 ** 2 ** 2"), "contract_error"),
            "negative power": (value("2 ** -1"), "contract_error"),
            "shift": (value("1 << 100000000000"), "contract_error"),
            "shift within bounds": (value("1 << 256"), "contract_error"),
            "text doubled": (method('x = "ab"\n' + GROW), "contract_error"),
            "list doubled": (method("x = [1]\n" + GROW), "contract_error"),
            "text repeated": (value('"a" * 10 ** 12'), "contract_error"),
            "list repeated": (value("[0] * 10 ** 12"), "contract_error"),
            "bytes repeated": (value('b"a" * 10 ** 12'), "contract_error"),
            "padding": (value('"1".zfill(10 ** 12)'), "contract_error"),
            "replace that grows": (value('("a" * 60000).replace("a", "a" * 60000)'), "contract_error"),
            "join that grows": (value('("a" * 60000).join(["a"] * 60000)'), "contract_error"),
            "f-string that grows": (method('x = "a" * 60000\ny = f"{x}{x}"'), "contract_error"),
            "extend itself": (method("x = [1]\nwhile True:\n    x.extend(x)"), "contract_error"),
            "extend in place": (method("x = [1]\nwhile True:\n    x += x"), "contract_error"),
            "append without end": (method("x = [1]\nwhile True:\n    x.append(1)"), "contract_error"),
            "map without end": (method("x = {}\ni = 0\nwhile True:\n    x[str(i)] = i\n    i += 1"), "contract_error"),
            "split without end": (value('("a," * 20000 + "a").split(",")'), "ok"),
            "hex that grows": (value('(b"a" * 60000).hex()'), "contract_error"),
            "negative count beyond a machine word": (value('"a" * -(2 ** 200)'), "ok"),
            "nothing repeated beyond a machine word": (value("[] * 2 ** 200"), "ok"),
            "negative width beyond a machine word": (value('"1".zfill(-(2 ** 200))'), "ok"),
            "pop of a list with two arguments": (value("[1].pop(0, 1)"), "contract_error"),
            "enumerate beyond 256 bits": (
                method("for i, x in enumerate([1, 2], 2 ** 254 + (2 ** 254 - 1)):\n    pass"),
                "contract_error",
            ),
            "negative count": (method('x = "a" * -5\nrequire(x == "", "wrong")'), "ok"),
            "wide text repeated": (value('"\U0001f600" * 65536'), "ok"),
            "wide text encoded": (value('("\U0001f600" * 16385).encode()'), "contract_error"),
            "widest text encoded": (value('("\U0001f600" * 16384).encode()'), "ok"),
            "bytes doubled": (method('x = b"ab"\n' + GROW), "contract_error"),
            "text doubled in an f-string": (method('x = "ab"\nwhile True:\n    x = f"{x}{x}"'), "contract_error"),
            "text doubled by replacing": (
                method('x = "a"\nwhile True:\n    x = x.replace("a", "aa")'),
                "contract_error",
            ),
            "text doubled by joining": (method('x = "a"\nwhile True:\n    x = x.join([x, x])'), "contract_error"),
            "list of large lists": (method("x = []\nwhile True:\n    x.append([0] * 65536)"), "out_of_gas"),
            "list of copies": (method("x = [0] * 65536\ny = []\nwhile True:\n    y.append(x.copy())"), "out_of_gas"),
            "slices of slices": (method("x = [0] * 65536\ny = []\nwhile True:\n    y.append(x[1:])"), "out_of_gas"),
            "map of large texts": (
                method('x = {}\ni = 0\nwhile True:\n    x[str(i % 4000)] = "a" * 65000 + str(i)\n    i += 1'),
                "out_of_gas",
            ),
            "map written out with many keys": (value("{str(i): 1 for i in range(5000)}"), "contract_error"),
            "update beyond the limit": (
                method("x = {str(i): 1 for i in range(4000)}\ny = {str(-i): 1 for i in range(4000)}\nx.update(y)"),
                "contract_error",
            ),
            "insert without end": (method("x = [0] * 65530\nwhile True:\n    x.insert(0, 1)"), "contract_error"),
            "split into many": (value('("a" * 65535).split("a")'), "ok"),
            "split into too many": (value('("," * 65536).split(",")'), "contract_error"),
            "range of many": (value("range(65536)"), "ok"),
            "range of too many": (value("range(65537)"), "contract_error"),
            "range of huge numbers": (value("range(-(2 ** 254), 2 ** 254, 2 ** 250)"), "ok"),
            "range without steps": (value("range(1, 2, 0)"), "contract_error"),
            "smallest number negated": (method("x = -(2 ** 254) * 2\ny = -x"), "contract_error"),
            "smallest number divided": (method("x = -(2 ** 254) * 2\ny = x // -1"), "contract_error"),
            "absolute of the smallest number": (method("x = -(2 ** 254) * 2\ny = abs(x)"), "contract_error"),
            "sum beyond 256 bits": (value("sum([2 ** 254, 2 ** 254])"), "contract_error"),
            "mul_div beyond 256 bits": (value('mul_div(2 ** 254, 2 ** 254, 1, "floor")'), "contract_error"),
            "shift of nothing by a negative count": (value("0 << -1"), "contract_error"),
            "padding to the limit": (value('"1".zfill(65536)'), "ok"),
            "padding beyond the limit": (value('"1".zfill(65537)'), "contract_error"),
            "hex to the limit": (value('(b"a" * 32768).hex()'), "ok"),
            "records in records": (
                method("x = R(a=[])\nwhile True:\n    x = R(a=[x, x, x, x])", before="R = Record(a=list[int])\n"),
                "out_of_gas",
            ),
        },
    ),
}
