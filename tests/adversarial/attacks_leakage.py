"""Programs that try to carry something from one call, contract or transaction to another, or out of a failed one."""

from collections.abc import Mapping
from typing import Final

from attacks import NAME, Event, Group, Scenario, Step, method, returned

COUNTER: Final = """
count = Var(int, default=0)
Counted = Event(n=int)

@call
def attack() -> int:
    count.value += 1
    Counted(n=count.value)
    return count.value

@view
def look() -> int:
    return count.value
"""

IDENTITY: Final = """
@call
def attack() -> list[str]:
    return [ctx.sender, ctx.organisation, ctx.contract] + ctx.roles
"""


def calls(other: str, arguments: str = "", result: str = "None", before: str = "") -> str:
    """Return a contract that hands a call on."""
    call = f'invoke("{other}", "attack"{arguments})'
    return method(call, before=before) if result == "None" else returned(call, result, before)


GROUPS: Final[Mapping[str, Group]] = {
    "values that outlive a call": Group(
        "change something that the next call sees: a constant, a default, a cached object",
        scenarios={
            "a constant list": Scenario(
                {NAME: "X = [1]\n" + method("x = X\nx.append(2)\nreturn len(x)", result="int")},
                (Step(value=2), Step(value=2), Step(value=2)),
            ),
            "a constant map": Scenario(
                {NAME: 'X = {"a": 1}\n' + method('x = X\nx["b"] = 2\nreturn len(x)', result="int")},
                (Step(value=2), Step(value=2)),
            ),
            "a constant within one call": Scenario(
                {NAME: "X = [1]\n" + method("x = X\nx.append(2)\nreturn len(X)", result="int")},
                (Step(value=1), Step(value=1)),
            ),
            "a constant in place": Scenario(
                {NAME: "X = [1, 2]\n" + method("x = X\nx[0] = 9\ndel x[1]\nreturn X", result="list[int]")},
                (Step(value=[1, 2]), Step(value=[1, 2])),
            ),
            "the default of a var": Scenario(
                {
                    NAME: "v = Var(list[int], default=[])\n"
                    + method("x = v.value\nx.append(1)\nreturn len(v.value)", result="int")
                },
                (Step(value=0), Step(value=0)),
            ),
            "the default of a map": Scenario(
                {
                    NAME: "m = Map(str, list[int], default=[])\n"
                    + method('x = m["a"]\nx.append(1)\nreturn len(m["a"]) + len(m["b"])', result="int")
                },
                (Step(value=0), Step(value=0)),
            ),
            "the default of a map of maps": Scenario(
                {
                    NAME: "m = Map(str, dict[str, int], default={})\n"
                    + method('x = m["a"]\nx["k"] = 1\nreturn len(m["a"])', result="int")
                },
                (Step(value=0), Step(value=0)),
            ),
            "the default of a record's field": Scenario(
                {
                    NAME: "R = Record(a=int, b=Field(list[int], default=[]))\n"
                    + method("x = R(a=1)\nx.b.append(1)\nreturn len(R(a=2).b)", result="int")
                },
                (Step(value=0), Step(value=0)),
            ),
            "a default that is given": Scenario(
                {
                    NAME: "m = Map(str, list[int])\n"
                    + method('x = m.get("a", [])\nx.append(1)\nreturn len(m.get("a", []))', result="int")
                },
                (Step(value=0), Step(value=0)),
            ),
            "a local name": Scenario(
                {NAME: "@call\ndef attack(n: int) -> int:\n    if n == 0:\n        x = 5\n    return x\n"},
                (Step(args=(0,), value=5), Step(args=(1,), code="contract_error")),
            ),
            "a local name of a helper": Scenario(
                {
                    NAME: "def f(n: int) -> int:\n    if n == 0:\n        x = 5\n    return x\n"
                    + method("y = f(0)\nreturn f(1)", result="int")
                },
                (Step(code="contract_error"), Step(code="contract_error")),
            ),
            "a name of a comprehension": Scenario(
                {
                    NAME: "@call\ndef attack(n: int) -> list[int]:\n    if n == 0:\n        x = 5\n    return [x for y in [1]]\n"
                },
                (Step(args=(0,), value=[5]), Step(args=(1,), code="contract_error")),
            ),
            "an argument that is changed": Scenario(
                {NAME: "@call\ndef attack(x: list[int]) -> int:\n    x.append(1)\n    return len(x)\n"},
                (Step(args=([],), value=1), Step(args=([],), value=1)),
            ),
            "a map within a list as an argument": Scenario(
                {NAME: '@call\ndef attack(x: list[dict[str, int]]) -> int:\n    x[0]["k"] = 1\n    return len(x[0])\n'},
                (Step(args=([{}],), value=1), Step(args=([{}],), value=1)),
            ),
            "roles that are changed": Scenario(
                {NAME: method('x = ctx.roles\nx.append("root")\nreturn ctx.roles', result="list[str]")},
                (Step(roles=("a",), value=["a"]), Step(roles=("b",), value=["b"]), Step(value=[])),
            ),
            "keys that are remembered": Scenario(
                {
                    NAME: "m = Map(str, int, default=0)\n@call\ndef attack(k: str) -> int:\n    m[k] += 1\n"
                    "    for i in range(40):\n        x = m[str(i)]\n    return m[k]\n"
                },
                (Step(args=("a",), value=1), Step(args=("b",), value=1), Step(args=("a",), value=2)),
            ),
        },
    ),
    "aliases": Group(
        "change a value after it was stored, announced, returned or passed on",
        scenarios={
            "a stored list": Scenario(
                {
                    NAME: "m = Map(str, list[int])\n"
                    + method('x = [1]\nm["a"] = x\nx.append(2)\nreturn m["a"]', result="list[int]")
                },
                (Step(value=[1]),),
            ),
            "a list that was read": Scenario(
                {
                    NAME: "m = Map(str, list[int], default=[])\n"
                    + method('m["a"] = [1]\nx = m["a"]\nx.append(2)\nreturn m["a"]', result="list[int]")
                },
                (Step(value=[1]),),
            ),
            "a stored list within a list": Scenario(
                {
                    NAME: "v = Var(list[list[int]])\n"
                    + method(
                        "x = [1]\nv.value = [x, x]\nx.append(2)\ny = v.value\ny[0].append(3)\nreturn y[1]",
                        result="list[int]",
                    )
                },
                (Step(value=[1]),),
            ),
            "a list in a stored record": Scenario(
                {
                    NAME: "R = Record(a=list[int])\nm = Map(str, R)\n"
                    + method(
                        'x = [1]\nm["a"] = R(a=x)\nx.append(2)\ny = m["a"]\ny.a.append(3)\nreturn m["a"].a',
                        result="list[int]",
                    )
                },
                (Step(value=[1]),),
            ),
            "a list from a scan": Scenario(
                {
                    NAME: "m = Map(str, list[int])\n"
                    + method(
                        'm["a"] = [1]\nfor x in m.values(limit=1):\n    x.append(2)\nreturn m["a"]', result="list[int]"
                    )
                },
                (Step(value=[1]),),
            ),
            "an announced list": Scenario(
                {NAME: "E = Event(x=list[int])\n" + method("x = [1]\nE(x=x)\nx.append(2)\nE(x=x)")},
                (Step(events=(Event(NAME, "E", {"x": [1]}), Event(NAME, "E", {"x": [1, 2]}))),),
            ),
            "an argument of another contract": Scenario(
                {
                    NAME: method('x = [1]\ny = invoke("other", "attack", x)\nreturn len(x) * 10 + y', result="int"),
                    "other": "@call\ndef attack(x: list[int]) -> int:\n    x.append(2)\n    return len(x)\n",
                },
                (Step(value=12),),
            ),
            "a map of lists as an argument of another contract": Scenario(
                {
                    NAME: method('x = {"a": [1]}\ny = invoke("other", "attack", x)\nreturn len(x["a"])', result="int"),
                    "other": '@call\ndef attack(x: dict[str, list[int]]) -> int:\n    x["a"].append(2)\n    return 0\n',
                },
                (Step(value=1),),
            ),
            "a result of another contract": Scenario(
                {
                    NAME: method(
                        'x = invoke("other", "attack")\nx.append(9)\nreturn invoke("other", "attack")',
                        result="list[int]",
                    ),
                    "other": "X = [1]\n" + returned("X", "list[int]"),
                },
                (Step(value=[1]), Step(value=[1])),
            ),
            "a record of another contract is a map": Scenario(
                {
                    NAME: method(
                        'x = invoke("other", "attack")\nx["a"] = 5\nreturn invoke("other", "attack")["a"]', result="int"
                    ),
                    "other": "R = Record(a=int)\n" + returned("R(a=1)", "R"),
                },
                (Step(value=1),),
            ),
            "a field of a replaced record": Scenario(
                {
                    NAME: "R = Record(a=int, b=list[int])\n"
                    + method("x = R(a=1, b=[1])\ny = x.replace(b=[2])\nreturn x.b", result="list[int]")
                },
                (Step(value=[1]),),
            ),
        },
    ),
    "failed calls": Group(
        "leave writes, events, gas or an identity behind in a call that fails",
        scenarios={
            "a write before the failure": Scenario(
                {
                    NAME: '@call\ndef attack(n: int) -> int:\n    v.value += 1\n    require(n == 1, "no")\n    return v.value\n'
                    + "v = Var(int, default=0)\n"
                },
                (
                    Step(args=(0,), code="no"),
                    Step(args=(1,), value=1),
                    Step(args=(0,), code="no"),
                    Step(args=(1,), value=2),
                ),
            ),
            "an event before the failure": Scenario(
                {NAME: 'E = Event(n=int)\n@call\ndef attack(n: int) -> None:\n    E(n=n)\n    require(n == 1, "no")\n'},
                (Step(args=(0,), code="no"), Step(args=(1,), events=(Event(NAME, "E", {"n": 1}),))),
            ),
            "a write of another contract before the failure": Scenario(
                {NAME: method('x = invoke("other", "attack")\nrequire(x == 5, "no")'), "other": COUNTER},
                (Step(code="no"), Step(contract="other", method="look", view=True, value=0)),
            ),
            "a failure in another contract": Scenario(
                {
                    NAME: "v = Var(int, default=0)\n"
                    + method('v.value += 1\ninvoke("other", "attack")')
                    + "@view\ndef look() -> int:\n    return v.value\n",
                    "other": method('require(False, "inner")'),
                },
                (Step(code="inner"), Step(method="look", view=True, value=0)),
            ),
            "running out of gas after a write": Scenario(
                {
                    NAME: COUNTER.replace("return count.value\n\n@view", "while True:\n        pass\n\n@view").replace(
                        "-> int:\n    count.value += 1", "-> None:\n    count.value += 1"
                    )
                },
                (Step(code="out_of_gas"), Step(method="look", view=True, value=0)),
            ),
            "gas after running out of it": Scenario(
                {NAME: "@call\ndef attack(n: int) -> int:\n    while n > 0:\n        n -= 1\n    return n\n"},
                (
                    Step(args=(10**9,), code="out_of_gas"),
                    Step(args=(10,), value=0, gas=1_000),
                    Step(args=(10,), code="out_of_gas", gas=150),
                ),
            ),
            "the sender after a failure in another contract": Scenario(
                {NAME: calls("other"), "other": method('require(False, "inner")'), "third": IDENTITY},
                (
                    Step(code="inner"),
                    Step(contract="third", roles=("a",), value=["acme.alice", "acme", "third", "a"]),
                    Step(contract="third", sender="evil.eve", value=["evil.eve", "evil", "third"]),
                ),
            ),
            "writing after a failed view": Scenario(
                {NAME: COUNTER + '@view\ndef bad() -> None:\n    require(False, "no")\n'},
                (
                    Step(method="bad", view=True, code="no"),
                    Step(value=1),
                    Step(method="bad", view=True, code="no"),
                    Step(value=2),
                ),
            ),
            "a contract that was active when a call failed": Scenario(
                {
                    NAME: '@call\ndef attack(n: int) -> None:\n    require(n == 1, "no")\n    invoke("other", "attack")\n',
                    "other": method("pass"),
                },
                (Step(args=(0,), code="no"), Step(args=(1,)), Step(contract="other"), Step(args=(1,))),
            ),
            "a large failure before a small success": Scenario(
                {NAME: "@call\ndef attack(n: int) -> int:\n    x = [0] * n\n    return len(x) + len([0] * n)\n"},
                (Step(args=(65537,), code="contract_error"), Step(args=(5,), value=10)),
            ),
            "a knot before a comparison": Scenario(
                {
                    NAME: "@call\ndef attack(n: int) -> bool:\n    x = []\n    if n == 0:\n        x.append(x)\n    return x == x\n"
                },
                (Step(args=(0,), code="contract_error"), Step(args=(1,), value=True)),
            ),
        },
    ),
    "what errors tell": Group(
        "carry text of Python, of the machine or of another party in an error, or give a code that means something else",
        refused={
            "the engine's code": (method('require(False, "contract_error")'), "require"),
            "a code of no run": (method('require(False, "contract_frozen")'), "require"),
            "the ledger's code for a key that was used": (method('require(False, "idempotency_key_used")'), "require"),
            "the ledger's code for a sender": (method('require(False, "sender_revoked")'), "require"),
            "the ledger's code for a receipt": (method('require(False, "receipt_too_large")'), "require"),
            "a code with a value": (method('require(False, f"{ctx.sender}")'), "require"),
            "a code in a name": (method('x = "a"\nrequire(False, x)'), "require"),
            "a code with capitals": (method('require(False, "No")'), "require"),
            "a code beyond ASCII": (method('require(False, "n\u00e9")'), "require"),
            "an empty code": (method('require(False, "")'), "require"),
            "a long code": (method('require(False, "' + "a" * 65 + '")'), "require"),
            "a code with spaces": (method('require(False, "a b")'), "require"),
        },
        stopped={
            "an error with a value in it": (method('x = int("secret")'), "contract_error"),
            "a missing key's name": (method('x = {"a": 1}["secret"]'), "contract_error"),
            "a name without a value": (method("if False:\n    secret = 1\nx = secret"), "contract_error"),
        },
    ),
}
