"""Parties in a document's header: which party identifier belongs to which organisation of the ledger.

EPCIS master data describes parties and places by vocabulary elements. One attribute of ours,
urn:tallystick:epcis:organisation, says which organisation an element stands for; elements without it are ignored.
The ledger accepts such a statement only from that organisation itself.
"""

from dataclasses import dataclass
from typing import Any, Final

from gateway.epcis.context import Context
from gateway.epcis.errors import EpcisError
from gateway.epcis.fields import filled_text, objects, optional
from gateway.epcis.identifiers import application_identifier, canonical_identifier

ORGANISATION_ATTRIBUTE: Final = "urn:tallystick:epcis:organisation"
PARTIES_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Party:
    """A party identifier and the organisation that answers to it."""

    identifier: str
    organisation: str


def parties_in(header: Any, context: Context) -> tuple[Party, ...]:
    """Return the parties that a document's header introduces.

    Raises:
        EpcisError: when the header is malformed, or an introduced party is no GLN.
    """
    if header is None:
        return ()
    if not isinstance(header, dict):
        raise EpcisError("wrong_type", "$.epcisHeader", "the header is an object")
    path = "$.epcisHeader.epcisMasterData"
    master = optional(header, "epcisMasterData", dict, "$.epcisHeader") or {}
    parties: list[Party] = []
    for position, vocabulary in enumerate(objects(master, "vocabularyList", path)):
        place = f"{path}.vocabularyList[{position}]"
        for index, element in enumerate(objects(vocabulary, "vocabularyElementList", place)):
            parties.extend(_party(element, context, f"{place}.vocabularyElementList[{index}]"))
            if len(parties) > PARTIES_MAX:
                raise EpcisError("too_many_items", place, f"more than {PARTIES_MAX} parties")
    return tuple(parties)


def _party(element: dict[str, Any], context: Context, path: str) -> list[Party]:
    for position, attribute in enumerate(objects(element, "attributes", path)):
        place = f"{path}.attributes[{position}]"
        if context.expanded_value(filled_text(attribute, "id", place)) != ORGANISATION_ATTRIBUTE:
            continue
        identifier = canonical_identifier(filled_text(element, "id", path))
        if application_identifier(identifier) not in ("414", "417"):
            raise EpcisError("not_a_party", f"{path}.id", f"{identifier[:80]!r} is no GLN of a party or place")
        return [Party(identifier, filled_text(attribute, "attribute", place))]
    return []
