"""Fields and parameters may have any name that the language allows, those of the engine's own parameters too."""

import pytest

from contracts.engine.testkit import Harness

NAMES = ("name", "value", "values", "fields", "self", "arguments", "keywords", "changes", "node", "key", "run")

SOURCE = """
Item = Record({field}=str, rest=int)
items = Map(str, Item)
Changed = Event({field}=str)


def joined({field}: str, other: str) -> str:
    return {field} + other


@call
def change(where: str, {field}: str) -> str:
    items[where] = Item({field}="", rest=1)
    items[where].{field} = {field}
    Changed({field}={field})
    return joined({field}=items[where].{field}, other="!")
"""


@pytest.mark.parametrize("field", NAMES)
def test_names_of_fields_and_parameters_are_free(field: str) -> None:
    """A record, an event, a helper and a method that use one name as field or parameter work."""
    ledger = Harness()
    assert ledger.deploy("names", SOURCE.format(field=field), sender="acme.admin").code is None, ledger.failure
    outcome = ledger.call("acme.ops", "names", "change", "here", "x")
    assert outcome.code is None, ledger.failure
    assert outcome.value == "x!"
    assert [event.fields for event in ledger.events] == [{field: "x"}]
