"""Programs that try to reach another contract's storage, identity or rights."""

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
    "other contracts": Group(
        "reach another contract's storage, identity or rights",
        scenarios={
            "storage of the same name": Scenario(
                {NAME: COUNTER, "other": COUNTER.replace("Counted = ", "Other = ").replace("Counted(", "Other(")},
                (Step(value=1), Step(value=2), Step(contract="other", value=1), Step(value=3)),
            ),
            "the same source twice": Scenario(
                {NAME: COUNTER, "twin": COUNTER},
                (Step(value=1), Step(contract="twin", value=1), Step(value=2), Step(contract="twin", value=2)),
            ),
            "events of the same source": Scenario(
                {NAME: COUNTER, "twin": COUNTER},
                (
                    Step(value=1, events=(Event(NAME, "Counted", {"n": 1}),)),
                    Step(contract="twin", value=1, events=(Event("twin", "Counted", {"n": 1}),)),
                ),
            ),
            "a scan that goes on into another map": Scenario(
                {
                    NAME: "a = Map(str, int)\nab = Map(str, int)\nb = Map(str, int)\n"
                    + method(
                        'ab["x"] = 1\nb["y"] = 2\nreturn len(a.keys(limit=9)) + len(a.keys(limit=9, reverse=True))',
                        result="int",
                    )
                },
                (Step(value=0), Step(value=0)),
            ),
            "a scan that goes on into another contract": Scenario(
                {
                    NAME: "m = Map(str, int)\n@view\ndef attack() -> int:\n    return len(m.keys(limit=9))\n",
                    "other": "m = Map(str, int)\n" + method('m["x"] = 1'),
                },
                (Step(contract="other"), Step(view=True, value=0)),
            ),
            "keys that run into each other": Scenario(
                {
                    NAME: "m = Map((str, str), int, default=0)\n"
                    + method(
                        'm["a", "bc"] = 1\nm["ab", "c"] = 2\nm["a\\x00", "b"] = 3\nm["a", "\\x00b"] = 4\nm["a\\x00\\xff", "b"] = 5\n'
                        'return [m["a", "bc"], m["ab", "c"], m["a\\x00", "b"], m["a", "\\x00b"], m["a\\x00\\xff", "b"]]',
                        result="list[int]",
                    )
                },
                (Step(value=[1, 2, 3, 4, 5]),),
            ),
            "a prefix that is a part of another": Scenario(
                {
                    NAME: "m = Map((str, int), int)\n"
                    + method(
                        'm["a", 1] = 1\nm["ab", 1] = 2\nm["a\\x00", 1] = 3\nreturn m.values(prefix="a", limit=9)',
                        result="list[int]",
                    )
                },
                (Step(value=[1]),),
            ),
            "storage that looks like another's key": Scenario(
                {
                    NAME: "v = Var(int, default=0)\nm = Map(str, int, default=0)\n"
                    + method('v.value = 5\nreturn m[""] + m["v"]', result="int")
                },
                (Step(value=0),),
            ),
            "who calls": Scenario(
                {NAME: calls("other", result="list[str]"), "other": IDENTITY},
                (Step(roles=("admin",), value=["contract:attack", "contract:attack", "other"]),),
            ),
            "who calls through two contracts": Scenario(
                {
                    NAME: calls("middle", result="list[str]"),
                    "middle": calls("other", result="list[str]"),
                    "other": IDENTITY,
                },
                (Step(roles=("admin",), value=["contract:middle", "contract:middle", "other"]),),
            ),
            "who one is afterwards": Scenario(
                {
                    NAME: method(
                        'x = invoke("other", "attack")\nreturn [ctx.sender, ctx.organisation, ctx.contract] + ctx.roles',
                        result="list[str]",
                    ),
                    "other": IDENTITY,
                },
                (Step(roles=("admin",), value=["acme.alice", "acme", NAME, "admin"]),),
            ),
            "storage after another contract": Scenario(
                {
                    NAME: "count = Var(int, default=0)\n"
                    + method('x = invoke("other", "attack")\ncount.value += 10\nreturn count.value', result="int"),
                    "other": COUNTER,
                },
                (Step(value=10), Step(contract="other", method="look", view=True, value=1), Step(value=20)),
            ),
            "events after another contract": Scenario(
                {NAME: "E = Event(x=int)\n" + method('x = invoke("other", "attack")\nE(x=x)'), "other": COUNTER},
                (Step(events=(Event("other", "Counted", {"n": 1}), Event(NAME, "E", {"x": 1}))),),
            ),
            "coming back through another contract": Scenario(
                {NAME: calls("other"), "other": calls(NAME)},
                (Step(code="reentrant_call"), Step(contract="other", code="reentrant_call")),
            ),
            "coming back through two contracts": Scenario(
                {NAME: calls("b"), "b": calls("c"), "c": calls(NAME)},
                (Step(code="reentrant_call"), Step(contract="b", code="reentrant_call")),
            ),
            "calling one contract twice is no coming back": Scenario(
                {
                    NAME: method('invoke("other", "attack")\nreturn invoke("other", "attack")', result="int"),
                    "other": COUNTER,
                },
                (Step(value=2),),
            ),
            "a view that has another contract write": Scenario(
                {NAME: '@view\ndef attack() -> int:\n    return invoke("other", "attack")\n', "other": COUNTER},
                (Step(view=True, code="write_in_view"), Step(contract="other", value=1)),
            ),
            "a view that goes through a view": Scenario(
                {
                    NAME: '@view\ndef attack() -> int:\n    return invoke("middle", "attack")\n',
                    "middle": '@view\ndef attack() -> int:\n    return invoke("other", "attack")\n',
                    "other": COUNTER,
                },
                (Step(view=True, code="write_in_view"), Step(contract="other", method="look", view=True, value=0)),
            ),
            "writing after another contract's view": Scenario(
                {
                    NAME: "v = Var(int, default=0)\n"
                    + method('x = invoke("other", "look")\nv.value += 1\nreturn v.value', result="int"),
                    "other": COUNTER,
                },
                (Step(value=1), Step(value=2)),
            ),
            "a helper from outside": Scenario(
                {NAME: "def f() -> None:\n    pass\n" + method("f()")}, (Step(method="f", code="unknown_method"),)
            ),
            "a helper of another contract": Scenario(
                {NAME: method('invoke("other", "f")'), "other": "def f() -> None:\n    pass\n" + method("f()")},
                (Step(code="unknown_method"),),
            ),
            "the beginning again": Scenario(
                {NAME: "@init\ndef setup() -> None:\n    pass\n" + method("pass")},
                (Step(method="setup", code="unknown_method"),),
            ),
            "the beginning of another contract": Scenario(
                {
                    NAME: method('invoke("other", "setup")'),
                    "other": "@init\ndef setup() -> None:\n    pass\n" + method("pass"),
                },
                (Step(code="unknown_method"),),
            ),
            "a view by a transaction": Scenario({NAME: COUNTER}, (Step(method="look", code="unknown_method"),)),
            "a record's form from another contract": Scenario(
                {
                    NAME: "R = Record(a=int)\n" + method('return invoke("other", "attack", R(a=1))', result="int"),
                    "other": "R = Record(a=int)\n@call\ndef attack(x: R) -> int:\n    return x.a\n",
                },
                (Step(value=1),),
            ),
            "a record with a field too many": Scenario(
                {
                    NAME: method('return invoke("other", "attack", {"a": 1, "b": 2})', result="int"),
                    "other": "R = Record(a=int)\n@call\ndef attack(x: R) -> int:\n    return x.a\n",
                },
                (Step(code="invalid_arguments"),),
            ),
            "more arguments than there are": Scenario(
                {NAME: calls("other", ", 1, 2"), "other": "@call\ndef attack(x: int) -> None:\n    pass\n"},
                (Step(code="invalid_arguments"),),
            ),
        },
    ),
}
