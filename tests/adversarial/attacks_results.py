"""Programs whose result must be exactly this one on every machine: order, types, arithmetic, text, scopes."""

from collections.abc import Mapping
from typing import Final

from attacks import Group, method, returned

GROUPS: Final[Mapping[str, Group]] = {
    "order": Group(
        "depend on the order of hashes, of evaluation or of sorting",
        results={
            "keys in the order in which they were set": (
                method('x = {"z": 1, "a": 2, "m": 3}\nx["b"] = 4\nx["a"] = 5\nreturn list(x)', result="list[str]"),
                ["z", "a", "m", "b"],
            ),
            "a key that was taken out comes last": (
                method('x = {"z": 1, "a": 2}\ny = x.pop("z")\nx["z"] = y\nreturn x.keys()', result="list[str]"),
                ["a", "z"],
            ),
            "update keeps the places of known keys": (
                method(
                    'x = {"a": 1, "b": 2}\nx.update({"c": 3, "a": 4})\nreturn f"{x.keys()[0]}{x.keys()[2]}"',
                    result="str",
                ),
                "ac",
            ),
            "keys of a comprehension": (
                returned('[k for k in {c: 1 for c in ["x", "b", "x", "a"]}]', "list[str]"),
                ["x", "b", "a"],
            ),
            "many keys": (
                method(
                    'x = {sha256(str(i).encode()).hex()[:4]: i for i in range(40)}\nreturn "".join(list(x))[:24]',
                    result="str",
                ),
                "5fec6b86d4734e074b22ef2d",
            ),
            "storage in the order of its keys": (
                method(
                    'for c in ["b", "\\xe9", "a", "B", "\\U0001f600", "\\uffee"]:\n    m[c] = 1\nreturn m.keys(limit=9)',
                    result="list[str]",
                    before="m = Map(str, int)\n",
                ),
                ["B", "a", "b", "\xe9", "\uffee", "\U0001f600"],
            ),
            "numbers as keys": (
                method(
                    "for i in [5, -3, 0, 1000, -(2 ** 63), 2 ** 63 - 1]:\n    m[i] = 1\nreturn m.keys(limit=9)",
                    result="list[int]",
                    before="m = Map(int, int)\n",
                ),
                [-(2**63), -3, 0, 5, 1000, 2**63 - 1],
            ),
            "sorted by code points": (
                returned('sorted(["\\uffee", "\\U0001f600", "z", "Z", "\\xe9", "e\\u0301", ""])', "list[str]"),
                ["", "Z", "e\u0301", "z", "\xe9", "\uffee", "\U0001f600"],
            ),
            "sorted bytes": (
                returned('sorted([b"b", b"\\xff", b"", b"a"], reverse=True)', "list[bytes]"),
                [b"\xff", b"b", b"a", b""],
            ),
            "sorted backwards": (returned("sorted([3, 1, 3, 2], reverse=True)", "list[int]"), [3, 3, 2, 1]),
            "operands from left to right": (
                method(
                    "x = f(1) - f(2) * f(3)\nreturn log.value",
                    result="str",
                    before='log = Var(str, default="")\ndef f(n: int) -> int:\n    log.value += str(n)\n    return n\n',
                ),
                "123",
            ),
            "elements from left to right": (
                method(
                    'x = [f(1), f(2)] + [{"a": f(3), "b": f(4)}["a"]]\nreturn log.value',
                    result="str",
                    before='log = Var(str, default="")\ndef f(n: int) -> int:\n    log.value += str(n)\n    return n\n',
                ),
                "1234",
            ),
            "fields in the order in which they are written": (
                method(
                    "x = R(b=f(1), a=f(2)).replace(b=f(3), a=f(4))\nreturn log.value",
                    result="str",
                    before='R = Record(a=int, b=int)\nlog = Var(str, default="")\n'
                    "def f(n: int) -> int:\n    log.value += str(n)\n    return n\n",
                ),
                "1234",
            ),
            "arguments in the order in which they are written": (
                method(
                    "x = g(b=f(1), a=f(2))\nreturn log.value + str(x)",
                    result="str",
                    before='log = Var(str, default="")\ndef f(n: int) -> int:\n    log.value += str(n)\n    return n\n'
                    "def g(a: int, b: int) -> int:\n    return a * 10 + b\n",
                ),
                "1221",
            ),
            "the value before its place": (
                method(
                    "x = [0, 0]\nx[f(1)] = f(0)\nreturn log.value",
                    result="str",
                    before='log = Var(str, default="")\ndef f(n: int) -> int:\n    log.value += str(n)\n    return n\n',
                ),
                "01",
            ),
            "the place before the value that is added": (
                method(
                    "x = [0, 0]\nx[f(1)] += f(0)\nreturn log.value",
                    result="str",
                    before='log = Var(str, default="")\ndef f(n: int) -> int:\n    log.value += str(n)\n    return n\n',
                ),
                "10",
            ),
            "no more than is needed": (
                method(
                    "x = f(0) == 1 and f(2) == 2 or f(3) == 3\ny = f(4) if x else f(5)\nreturn log.value",
                    result="str",
                    before='log = Var(str, default="")\ndef f(n: int) -> int:\n    log.value += str(n)\n    return n\n',
                ),
                "034",
            ),
            "no more of a chain than is needed": (
                method(
                    "a = 1\nb = 2\nx = 3 < a < f(9)\ny = a < b < f(3)\nreturn log.value",
                    result="str",
                    before='log = Var(str, default="")\ndef f(n: int) -> int:\n    log.value += str(n)\n    return n\n',
                ),
                "3",
            ),
        },
    ),
    "types and identity": Group(
        "have values of different types meet as if they were alike",
        results={
            "one is not True": (
                returned("[1 == True, 0 == False, 1 in [True], True in [1]]", "list[bool]"),
                [False] * 4,
            ),
            "lists of alike that are not equal": (
                returned('[[1] == [True], {"a": 0} == {"a": False}, [None] == [0], [""] == [b""]]', "list[bool]"),
                [False] * 4,
            ),
            "text is not bytes": (returned('["a" == b"a", b"a" in ["a"], "" == b""]', "list[bool]"), [False] * 3),
            "places of alike": (
                returned("[[True, 1, 0, False].index(1), [True, 1].count(1), [0, False].index(False)]", "list[int]"),
                [1, 1, 1],
            ),
            "removing one that is alike": (
                method("x = [True, 1]\nx.remove(1)\nreturn x", result="list[bool]"),
                [True],
            ),
            "equal in any order of keys": (returned('{"a": 1, "b": 2} == {"b": 2, "a": 1}', "bool"), True),
            "records of two types": (
                method(
                    "return [R(a=1) == S(a=1), R(a=1) == R(a=1)]",
                    result="list[bool]",
                    before="R = Record(a=int)\nS = Record(a=int)\n",
                ),
                [False, True],
            ),
            "small and large numbers": (
                method(
                    "x = 256\ny = 255 + 1\nz = 2 ** 200\nw = 2 ** 100 * 2 ** 100\nreturn x == y and z == w",
                    result="bool",
                ),
                True,
            ),
            "texts that are made": (
                method('x = "a" * 50\ny = "a" * 25 + "a" * 25\nreturn x == y', result="bool"),
                True,
            ),
            "what counts as false": (
                returned(
                    '[not 0, not "", not [], not {}, not None, not b"", not False, not "0", not [0]]', "list[bool]"
                ),
                [True] * 7 + [False] * 2,
            ),
            "a record counts as true": (
                method("if R(a=0):\n    return 1\nreturn 2", result="int", before="R = Record(a=int)\n"),
                1,
            ),
            "the value of and and or": (returned("[0 or 5, 3 and 4, 0 and 1, 2 or 1]", "list[int]"), [5, 4, 0, 2]),
            "a constant is None or not": (
                method(
                    "return [A is None, A is not None, B is None, -1 is None]",
                    result="list[bool]",
                    before="A = None\nB = 5\n",
                ),
                [True, False, False, False],
            ),
        },
    ),
    "arithmetic": Group(
        "depend on how integers are rounded, cut or written",
        results={
            "rounding down": (returned("[7 // 2, -7 // 2, 7 // -2, -7 // -2]", "list[int]"), [3, -4, -4, 3]),
            "sign of a remainder": (returned("[7 % 3, -7 % 3, 7 % -3, -7 % -3]", "list[int]"), [1, 2, -2, -1]),
            "half to even": (
                returned('[mul_div(n, 1, 2, "half_even") for n in [1, 3, 5, -1, -3, -5]]', "list[int]"),
                [0, 2, 2, 0, -2, -2],
            ),
            "half to even of a negative divisor": (
                returned('[mul_div(n, 1, -2, "half_even") for n in [1, 3, 5]]', "list[int]"),
                [0, -2, -2],
            ),
            "floor and ceil": (
                returned(
                    '[mul_div(-7, 1, 2, "floor"), mul_div(-7, 1, 2, "ceil"), mul_div(7, 1, -2, "ceil")]', "list[int]"
                ),
                [-4, -3, -3],
            ),
            "powers of nothing and of minus one": (
                returned("[0 ** 0, 0 ** 5, (-1) ** (2 ** 200), (-1) ** (2 ** 200 + 1), 1 ** (2 ** 250)]", "list[int]"),
                [1, 0, 1, -1, 1],
            ),
            "negative shifts": (returned("[-5 >> 1, -1 >> 200, 5 << 0, -1 << 3]", "list[int]"), [-3, -1, 5, -8]),
            "bits of negative numbers": (returned("[-5 & 3, -5 | 3, -5 ^ 3]", "list[int]"), [3, -5, -8]),
            "largest number as text": (
                returned("str(2 ** 254 + (2 ** 254 - 1))", "str"),
                str(2**255 - 1),
            ),
            "text as a number": (returned('[int("-0"), int("007"), int("-5"), int(9)]', "list[int]"), [0, 7, -5, 9]),
            "how tightly operators bind": (
                returned("[-2 ** 2, 2 ** 3 ** 2, 7 - 2 - 1, 100 // 7 // 2, 2 + 3 << 1, 6 & 3 | 8]", "list[int]"),
                [-4, 512, 4, 7, 10, 10],
            ),
            "numbers as they are written": (returned("[0xff, 1_000, 0, 0x0F]", "list[int]"), [255, 1000, 0, 15]),
            "ranges": (
                returned("range(5, 0, -2) + range(0) + range(2 ** 60, 2 ** 60 + 2)", "list[int]"),
                [5, 3, 1, 2**60, 2**60 + 1],
            ),
        },
    ),
    "text and bytes": Group(
        "depend on Unicode tables, on encodings or on how texts are searched",
        results={
            "letters beyond ASCII keep their case": (
                returned('"\\xdf\\u0130\\u01c6\\u03a3aZ".upper() + "\\u0130\\u03a3\\xc9aZ".lower()', "str"),
                "\xdf\u0130\u01c6\u03a3AZ\u0130\u03a3\xc9az",
            ),
            "classes of characters beyond ASCII": (
                method(
                    'x = ["\\xb2".isdigit(), "\\xe9".isalpha(), "\\u0661".isdigit()]\n'
                    'return x + ["\\xe9".isalnum(), "\\xe9".islower(), "\\xc9".isupper()]',
                    result="list[bool]",
                ),
                [False] * 6,
            ),
            "classes of nothing": (
                returned('["".isdigit(), "".isalpha(), "".isalnum(), "".islower(), "".isupper()]', "list[bool]"),
                [False] * 5,
            ),
            "spaces that are stripped": (
                returned('" \\t\\n\\r\\xa0a\\x0b\\x1f\\u2003 ".strip()', "str"),
                "\xa0a\x0b\x1f\u2003",
            ),
            "lengths in code points": (
                returned(
                    '[len("e\\u0301"), len("\\U0001f600"), len("\\U0001f468\\u200d\\U0001f469"), len("\\xe9".encode())]',
                    "list[int]",
                ),
                [2, 1, 3, 2],
            ),
            "no normal form": (returned('"\\xe9" == "e\\u0301"', "bool"), False),
            "padding of signs": (
                returned('["-5".zfill(4), "+5".zfill(4), "5".zfill(-3), "\\xe9".zfill(3)]', "list[str]"),
                ["-005", "+005", "5", "00\xe9"],
            ),
            "cutting": (
                returned(
                    '["abc"[-2:], "abc"[5:], "abc"[:-9], "abc"[1:2], "abc"[-(2 ** 200):], "abc"[2:1]]', "list[str]"
                ),
                ["bc", "", "", "b", "abc", ""],
            ),
            "searching": (
                returned(
                    '["abcabc".find("c", 3), "abc".find("c", -5), "abc".find("a", 9), "aaaa".count("aa")]', "list[int]"
                ),
                [5, 2, -1, 2],
            ),
            "splitting": (returned('"a,b,,".split(",") + "".split(",")', "list[str]"), ["a", "b", "", "", ""]),
            "replacing": (
                returned('["aaa".replace("aa", "b"), "abc".replace("x", "y"), "aXbX".replace("X", "")]', "list[str]"),
                ["ba", "abc", "ab"],
            ),
            "prefixes": (
                returned(
                    '["abab".removeprefix("ab"), "abab".removesuffix("ab"), "a".removeprefix("ab"), "a".removesuffix("")]',
                    "list[str]",
                ),
                ["ab", "ab", "a", "a"],
            ),
            "a part of bytes is a number": (returned('[b"a\\xff"[1], b"ab"[0]]', "list[int]"), [255, 97]),
            "escapes": (returned('"\\x41\\u00e9\\U0001f600\\\\\\n\\t\\r\\\'\\""', "str"), "A\xe9\U0001f600\\\n\t\r'\""),
            "escapes of bytes": (returned('b"\\x00\\xff\\\\\\n"', "bytes"), b"\x00\xff\\\n"),
            "texts side by side": (
                returned('"a" "b" f"{1 + 1}" "{c}" f"{{d}}" ""'.replace("1 + 1", "str(7)"), "str"),
                "ab7{c}{d}",
            ),
            "fields side by side": (method('x = -3\nreturn f"{x}{x}" f"" "" f"{{{x}}}"', result="str"), "-3-3{-3}"),
            "hash of a text": (returned('sha256("\\xe9".encode()).hex()[:16]', "str"), "4a99557e4033c353"),
            "bytes from digits": (returned('hex_to_bytes("00FFab")', "bytes"), b"\x00\xff\xab"),
            "text in a text": (
                returned('["" in "a", "b" in "abc", b"" in b"", "\\U0001f600" in "a\\U0001f600"]', "list[bool]"),
                [True] * 4,
            ),
            "order of texts": (
                returned('["a" < "b", "Z" < "a", "" < "a", "\\uffee" < "\\U0001f600", b"\\x80" > b"a"]', "list[bool]"),
                [True] * 5,
            ),
            "joining": (returned('",".join([]) + "-".join(["a"]) + "".join(["b", "c"])', "str"), "abc"),
            "characters one by one": (
                returned('[c for c in "a\\U0001f600e\\u0301"]', "list[str]"),
                ["a", "\U0001f600", "e", "\u0301"],
            ),
        },
    ),
    "scopes and loops": Group(
        "depend on how a version of Python compiles comprehensions, loops and names",
        results={
            "a name inside a comprehension stays inside": (
                method("x = 5\ny = [x for x in range(3)]\nreturn y + [x]", result="list[int]"),
                [0, 1, 2, 5],
            ),
            "names in comprehensions in comprehensions": (
                method(
                    "x = 1\ny = 2\nz = [[x * 10 + y for y in range(x)] for x in range(3)]\nreturn z[2] + [x, y]",
                    result="list[int]",
                ),
                [20, 21, 1, 2],
            ),
            "the source of a comprehension sees the outer name": (
                method("x = [1, 2]\nreturn [x + 1 for x in x]", result="list[int]"),
                [2, 3],
            ),
            "a comprehension sees later values": (
                method("y = 1\nx = [y for i in range(2)]\ny = 2\nreturn x + [y for i in range(1)]", result="list[int]"),
                [1, 1, 2],
            ),
            "conditions of a comprehension": (
                returned("[x for x in range(20) if x % 2 == 1 if x % 3 == 0]", "list[int]"),
                [3, 9, 15],
            ),
            "a loop's name stays": (method("for i in range(3):\n    pass\nreturn i", result="int"), 2),
            "a loop over nothing binds nothing": (
                method("i = 7\nfor i in []:\n    pass\nreturn i", result="int"),
                7,
            ),
            "a loop goes over what was there": (
                method("x = [1, 2, 3]\nfor y in x:\n    x.append(y)\nreturn x", result="list[int]"),
                [1, 2, 3, 1, 2, 3],
            ),
            "a loop over a map that shrinks": (
                method('x = {"a": 1, "b": 2}\ny = ""\nfor k in x:\n    x.clear()\n    y += k\nreturn y', result="str"),
                "ab",
            ),
            "a loop over pairs that change": (
                method(
                    'x = {"a": 1, "b": 2}\ny = 0\nfor k, v in x.items():\n    x["b"] = 9\n    y = y * 10 + v\nreturn y',
                    result="int",
                ),
                12,
            ),
            "a loop over lists that change": (
                method(
                    "x = [[1, 2], [3, 4]]\ny = []\nfor a, b in x:\n    x[1].append(5)\n    x[1][0] = 9\n    y += [a, b]\nreturn y",
                    result="list[int]",
                ),
                [1, 2, 3, 4],
            ),
            "a loop over lists in lists that become texts": (
                method(
                    'x = [[1, [2, 3]], [4, [5, 6]]]\ny = []\nfor a, (b, c) in x:\n    x[1][1] = "zz"\n    y += [a, b, c]\nreturn y',
                    result="list[int]",
                ),
                [1, 2, 3, 4, 5, 6],
            ),
            "break and continue": (
                method(
                    "x = 0\nfor i in range(9):\n    if i == 2:\n        continue\n    if i == 5:\n        break\n    x += i\nreturn x",
                    result="int",
                ),
                8,
            ),
            "break leaves the inner loop": (
                method(
                    "x = 0\nfor i in range(3):\n    for j in range(9):\n        if j == 2:\n            break\n        x += 1\nreturn x",
                    result="int",
                ),
                6,
            ),
            "exchange": (method("a = 1\nb = 2\na, b = b, a\nreturn a * 10 + b", result="int"), 21),
            "unpacking within a loop": (
                method(
                    "x = 0\nfor a, (b, c) in [[1, [2, 3]], [4, [5, 6]]]:\n    x = x * 1000 + a * 100 + b * 10 + c\nreturn x",
                    result="int",
                ),
                123456,
            ),
            "adding to a list changes it": (method("x = [1]\ny = x\ny += [2]\nreturn x", result="list[int]"), [1, 2]),
            "adding lists makes another": (method("x = [1]\ny = x\ny = y + [2]\nreturn x", result="list[int]"), [1]),
            "a list of one list": (method("x = [[0]] * 2\nx[0].append(1)\nreturn x[1]", result="list[int]"), [0, 1]),
            "a tuple of a helper": (
                method(
                    "a, b = f()\nreturn a + b",
                    result="str",
                    before='def f() -> tuple[str, str]:\n    return "x", "y"\n',
                ),
                "xy",
            ),
            "documentation is no statement": (method('"""text"""\nreturn 1', result="int"), 1),
            "enumerate from a number": (
                returned("[i * x for i, x in enumerate([1, 2, 3], 5)]", "list[int]"),
                [5, 12, 21],
            ),
        },
    ),
}
