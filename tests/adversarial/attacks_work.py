"""Programs that try to run for longer, or to make more, than was paid for."""

from collections.abc import Mapping
from typing import Final

from attacks import NAME, Group, Scenario, Step, method, value

GROW: Final = "while True:\n    x = x + x"

GROUPS: Final[Mapping[str, Group]] = {
    "endless work": Group(
        "run for ever, or for longer than was paid for",
        stopped={
            "endless loop": (method("while True:\n    pass"), "out_of_gas"),
            "endless loop with continue": (method("while True:\n    continue"), "out_of_gas"),
            "long range": (method("for i in range(10 ** 12):\n    pass"), "contract_error"),
            "nested ranges": (
                method("for a in range(65536):\n    for b in range(65536):\n        pass"),
                "out_of_gas",
            ),
            "doubling calls": (
                "def f0() -> None:\n    pass\n"
                + "".join(f"def f{n}() -> None:\n    f{n - 1}()\n    f{n - 1}()\n" for n in range(1, 23))
                + method("f22()"),
                "out_of_gas",
            ),
            "list grown while looped over": (
                method(
                    "while True:\n    x = [1]\n    for i in range(10):\n        for y in x:\n            x.append(y)"
                ),
                "out_of_gas",
            ),
            "endless loop in a helper": (
                method("f()", before="def f() -> None:\n    while True:\n        pass\n"),
                "out_of_gas",
            ),
            "endless loop with a condition that pays": (method("x = [1]\nwhile x == x:\n    x = x + []"), "out_of_gas"),
            "endless loop over a scan": (
                method("while True:\n    for k in m.keys(limit=1000):\n        pass", before="m = Map(str, int)\n"),
                "out_of_gas",
            ),
            "comprehensions in comprehensions": (
                value("[[[0 for a in range(60000)] for b in range(60000)] for c in range(60000)]"),
                "out_of_gas",
            ),
            "loop that leaves at once, for ever": (
                method("while True:\n    for i in range(65536):\n        break"),
                "out_of_gas",
            ),
            "branches that are not taken": (
                method("i = 0\nwhile True:\n    i += 1\n    if i == 0:\n        x = sha256(str(i).encode())"),
                "out_of_gas",
            ),
            "counting down": (method("i = 2 ** 254\nwhile i > 0:\n    i -= 1"), "out_of_gas"),
            "enumerate for ever": (
                method("x = [0] * 60000\nwhile True:\n    for i, y in enumerate(x):\n        pass"),
                "out_of_gas",
            ),
            "a loop in every function of a chain": (
                "def f0() -> None:\n    pass\n"
                + "".join(f"def f{n}() -> None:\n    for i in range(9):\n        f{n - 1}()\n" for n in range(1, 20))
                + method("f19()"),
                "out_of_gas",
            ),
            "reading for ever": (
                method("while True:\n    x = m.get(ctx.sender)", before="m = Map(str, int)\n"),
                "out_of_gas",
            ),
            "deleting for ever": (
                method("while True:\n    del m[ctx.sender]", before="m = Map(str, int)\n"),
                "out_of_gas",
            ),
            "announcing for ever": (
                method('while True:\n    E(x="a" * 1000)', before="E = Event(x=str)\n"),
                "out_of_gas",
            ),
            "hashing for ever": (method('x = b"a" * 65536\nwhile True:\n    y = sha256(x)'), "out_of_gas"),
            "writing the largest values": (
                method('i = 0\nwhile True:\n    m[i] = "a" * 65000\n    i += 1', before="m = Map(int, str)\n"),
                "out_of_gas",
            ),
            "asking nobody for ever": (method('while True:\n    x = invoke("nobody", "x")'), "unknown_contract"),
        },
        scenarios={
            "calls as deep as they go": Scenario(
                {
                    NAME: '@call\ndef attack() -> int:\n    return invoke("c1", "attack")\n',
                    **{
                        f"c{n}": f'@call\ndef attack() -> int:\n    return invoke("c{n + 1}", "attack")\n'
                        for n in range(1, 9)
                    },
                },
                (Step(code="call_depth"),),
            ),
            "the deepest stack that can be had": Scenario(
                {
                    NAME if n == 0 else f"c{n}": (
                        "def f0() -> int:\n    return "
                        + ("1" if n == 7 else f'invoke("c{n + 1}", "attack")')
                        + "\n"
                        + "".join(
                            f"def f{k}() -> int:\n    return [f{k - 1}() for x in [1]][0]\n" for k in range(1, 23)
                        )
                        + "@call\ndef attack() -> int:\n    return f22()\n"
                    )
                    for n in range(8)
                },
                (Step(value=1),),
            ),
            "calls of another contract for ever": Scenario(
                {
                    NAME: '@call\ndef attack() -> None:\n    while True:\n        invoke("other", "attack")\n',
                    "other": "@call\ndef attack() -> None:\n    pass\n",
                },
                (Step(code="out_of_gas"), Step(contract="other")),
            ),
            "large arguments for ever": Scenario(
                {
                    NAME: '@call\ndef attack() -> None:\n    x = ["a" * 1000] * 60\n    while True:\n        invoke("other", "attack", x)\n',
                    "other": "@call\ndef attack(x: list[str]) -> None:\n    pass\n",
                },
                (Step(code="out_of_gas"),),
            ),
            "the other one does not end": Scenario(
                {
                    NAME: '@call\ndef attack() -> None:\n    invoke("other", "attack")\n',
                    "other": method("while True:\n    pass"),
                },
                (
                    Step(code="out_of_gas"),
                    Step(code="out_of_gas", gas=10_000),
                    Step(contract="other", code="out_of_gas"),
                ),
            ),
        },
    ),
    "knots and shared parts": Group(
        "make copying, comparing or freeing a structure take exponential time or stack",
        stopped={
            "list in itself": (method("x = []\nx.append(x)\ny = x == x"), "contract_error"),
            "map in itself": (method('x = {}\nx["x"] = x\ny = x == x'), "contract_error"),
            "shared parts compared": (
                method("x = [1]\ny = [1]\nfor i in range(7):\n    x = [x] * 1000\n    y = [y] * 1000\nz = x == y"),
                "out_of_gas",
            ),
            "shared parts stored": (
                method("x = [1] * 1000\ny = [x] * 1000\nv.value = y", before="v = Var(list[list[int]])\n"),
                "contract_error",
            ),
            "nested too deep": (
                method(
                    "x = [1]\nfor i in range(20):\n    x = [x]\ny = [1]\nfor i in range(20):\n    y = [y]\nz = x == y"
                ),
                "contract_error",
            ),
            "itself in another contract": (
                method('x = []\nx.append(x)\ninvoke("attack2", "attack", x)'),
                "contract_error",
            ),
            "knots left behind": (method("while True:\n    x = [0] * 65535\n    x.append(x)"), "out_of_gas"),
            "knots of maps": (method('while True:\n    x = {}\n    y = {"x": x}\n    x["y"] = y'), "out_of_gas"),
            "knots of records": (
                method("while True:\n    x = []\n    x.append(R(a=x))", before="R = Record(a=list[int])\n"),
                "out_of_gas",
            ),
            "lists nested without end": (method("x = [1]\nwhile True:\n    x = [x]"), "out_of_gas"),
            "maps nested without end": (method('x = {}\nwhile True:\n    x = {"a": x}'), "out_of_gas"),
            "records nested without end": (
                method("x = R(a=[])\nwhile True:\n    x = R(a=[x])", before="R = Record(a=list[int])\n"),
                "out_of_gas",
            ),
            "looked for in itself": (method("x = []\nx.append(x)\ny = x in x"), "contract_error"),
            "counted in itself": (method("x = []\nx.append(x)\ny = x.count(x)"), "contract_error"),
            "a knot returned": (method("x = []\nx.append(x)\nreturn x", result="list[int]"), "contract_error"),
            "a knot announced": (
                method("x = []\nx.append(x)\nE(x=x)", before="E = Event(x=list[list[int]])\n"),
                "contract_error",
            ),
            "a knot stored": (
                method("x = []\nx.append(x)\nv.value = x", before="v = Var(list[list[list[int]]])\n"),
                "contract_error",
            ),
            "two knots compared": (
                method("x = []\ny = []\nx.append(y)\ny.append(x)\nz = x == y"),
                "contract_error",
            ),
            "extending a list by itself while looping over it": (
                method(
                    'x = [1]\nfor i in range(15):\n    for y in x:\n        x.extend([y])\nrequire(len(x) == 32768, "wrong")'
                ),
                "ok",
            ),
            "shared parts searched": (
                method("x = [1]\nfor i in range(6):\n    x = [x] * 1000\ny = [2] in x"),
                "ok",
            ),
            "shared parts announced": (
                method("x = [1] * 1000\ny = [x] * 1000\nE(x=y)", before="E = Event(x=list[list[int]])\n"),
                "contract_error",
            ),
            "shared parts returned": (
                method("x = [1] * 1000\ny = [x] * 1000\nreturn y", result="list[list[int]]"),
                "contract_error",
            ),
        },
    ),
    "quadratic work": Group(
        "find an operation whose price grows more slowly than its work",
        stopped={
            "search for what nearly fits": (
                method('x = "a" * 60000\ny = "a" * 50 + "b" + "a" * 48\nwhile True:\n    i = x.find(y)'),
                "out_of_gas",
            ),
            "search for what is nearly as long": (
                method('x = "a" * 32000\ny = "a" * 15000 + "b" + "a" * 14999\nwhile True:\n    i = x.find(y)'),
                "out_of_gas",
            ),
            "search for half of it": (
                method('x = "ab" * 30000\ny = "ab" * 15000 + "c"\nwhile True:\n    i = x.find(y)'),
                "out_of_gas",
            ),
            "count of what nearly fits": (
                method('x = "a" * 29000\ny = "a" * 49 + "b" + "a" * 49\nwhile True:\n    i = x.count(y)'),
                "out_of_gas",
            ),
            "search in bytes": (
                method('x = b"a" * 60000\ny = b"a" * 60 + b"b"\nwhile True:\n    i = y in x'),
                "out_of_gas",
            ),
            "search in wide text": (
                method('x = "\U0001f600" * 60000\ny = "\U0001f600" * 90 + "a"\nwhile True:\n    i = y in x'),
                "out_of_gas",
            ),
            "replacing one by one": (
                method('x = "ab" * 30000\nwhile True:\n    y = x.replace("a", "c")'),
                "out_of_gas",
            ),
            "splitting one by one": (method('x = "ab" * 30000\nwhile True:\n    y = x.split("a")'), "out_of_gas"),
            "joining nothing": (method('x = [""] * 65536\nwhile True:\n    y = "".join(x)'), "out_of_gas"),
            "stripping a long text": (method('x = " " * 65536\nwhile True:\n    y = x.strip()'), "out_of_gas"),
            "stripping many characters": (
                method('x = "a" * 65536\ny = "bcdefghijklmnopqrstuvwxyz012345a"\nwhile True:\n    z = x.strip(y)'),
                "out_of_gas",
            ),
            "sorting long texts that are equal": (
                method('x = ["a" * 60000 + "b"] * 1000\nwhile True:\n    y = sorted(x)'),
                "out_of_gas",
            ),
            "sorting large numbers": (method("x = [2 ** 254] * 60000\nwhile True:\n    y = sorted(x)"), "out_of_gas"),
            "sorting a saw": (
                method("x = [i % 100 for i in range(60000)]\nwhile True:\n    y = sorted(x)"),
                "out_of_gas",
            ),
            "the least of long texts": (method('x = ["a" * 60000] * 1000\nwhile True:\n    y = min(x)'), "out_of_gas"),
            "comparing long texts": (
                method('x = "a" * 60000 + "b"\ny = "a" * 60000 + "c"\nwhile True:\n    z = x == y or x < y'),
                "out_of_gas",
            ),
            "comparing wide with narrow": (
                method('x = "\\xe9" * 60000 + "\U0001f600"\ny = "\\xe9" * 60000 + "b"\nwhile True:\n    z = x < y'),
                "out_of_gas",
            ),
            "long keys": (method('x = {}\nwhile True:\n    x["a" * 60000] = 1'), "out_of_gas"),
            "long keys that are new": (
                method('x = {}\ni = 0\nwhile True:\n    x["\U0001f600" * 60000 + str(i % 4000)] = 1\n    i += 1'),
                "out_of_gas",
            ),
            "looking for long texts in a list": (
                method(
                    'x = ["a" * 60000 + str(i % 9) for i in range(2000)]\ny = "a" * 60000 + "z"\nwhile True:\n    z = y in x'
                ),
                "out_of_gas",
            ),
            "looking for lists in a list": (
                method("x = [[1] * 100] * 1000\ny = [1] * 99 + [2]\nwhile True:\n    z = y in x"),
                "out_of_gas",
            ),
            "taking from the front": (
                method("while True:\n    x = [0] * 65536\n    while x:\n        x.pop(0)"),
                "out_of_gas",
            ),
            "scanning behind what was deleted": (
                method(
                    "for i in range(2000):\n    m[i] = i\nfor i in range(2000):\n    del m[i]\n"
                    "while True:\n    x = m.keys(limit=1)",
                    before="m = Map(int, int)\n",
                ),
                "out_of_gas",
            ),
            "pages behind what was never there": (
                method(
                    'for i in range(2000):\n    del m[i]\nwhile True:\n    x, c = m.page(limit=1, cursor="", reverse=True)',
                    before="m = Map(int, int)\n",
                ),
                "out_of_gas",
            ),
            "deleting at the front": (
                method("while True:\n    x = [0] * 65536\n    while x:\n        del x[0]"),
                "out_of_gas",
            ),
            "removing the last": (
                method("x = [0] * 65535 + [1]\nwhile True:\n    x.remove(1)\n    x.append(1)"),
                "out_of_gas",
            ),
            "inserting at the front": (
                method("x = [0] * 60000\nwhile True:\n    x.insert(0, 1)\n    x.pop(0)"),
                "out_of_gas",
            ),
            "reversing": (method("x = [0] * 65536\nwhile True:\n    x = reversed(x)"), "out_of_gas"),
            "cutting off the first": (method("x = [0] * 65536\nwhile True:\n    y = x[1:]"), "out_of_gas"),
            "upper and lower": (method('x = "\\xe9a" * 30000\nwhile True:\n    y = x.upper().lower()'), "out_of_gas"),
            "there and back in bytes": (
                method('x = "\U0001f600" * 16000\nwhile True:\n    y = x.encode().decode()'),
                "out_of_gas",
            ),
            "there and back in hex": (
                method('x = b"a" * 30000\nwhile True:\n    y = hex_to_bytes(x.hex())'),
                "out_of_gas",
            ),
            "large products": (method("x = 2 ** 127 - 1\nwhile True:\n    y = x * x"), "out_of_gas"),
            "large quotients": (method("x = 2 ** 254\nwhile True:\n    y = x // 3 + x % 7"), "out_of_gas"),
            "large powers": (method("while True:\n    y = 3 ** 160"), "out_of_gas"),
            "large mul_div": (
                method('x = 2 ** 254\nwhile True:\n    y = mul_div(x, x - 1, x, "half_even")'),
                "out_of_gas",
            ),
            "large numbers as text": (method("x = 2 ** 254\nwhile True:\n    y = int(str(x))"), "out_of_gas"),
            "copies of a full map": (
                method("x = {str(i): i for i in range(4096)}\nwhile True:\n    y = x.copy()"),
                "out_of_gas",
            ),
            "pairs of a full map": (
                method("x = {str(i): i for i in range(4096)}\nwhile True:\n    y = x.items()"),
                "out_of_gas",
            ),
            "a constant again and again": (
                method("while True:\n    y = X", before="X = [\n" + "1,\n" * 256 + "]\n"),
                "out_of_gas",
            ),
            "a record with many fields replaced": (
                method(
                    "x = R(\n" + "".join(f"a{n}={n},\n" for n in range(64)) + ")\nwhile True:\n    x = x.replace(a0=1)",
                    before="R = Record(\n" + "".join(f"    a{n}=int,\n" for n in range(64)) + ")\n",
                ),
                "out_of_gas",
            ),
        },
    ),
}
