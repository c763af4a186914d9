"""JSON-LD contexts as far as EPCIS needs them: prefixes and terms, never fetched from anywhere.

A document that uses a prefix which its own context does not declare is refused: its hash would depend on a page
that somebody may change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gateway.epcis.errors import EpcisError
from gateway.epcis.vocabulary import STANDARD_PREFIXES

ENTRIES_MAX: Final = 256
"""Declarations that one context may hold."""


@dataclass(frozen=True, slots=True)
class Context:
    """Prefixes and terms in force for an event."""

    terms: dict[str, str]
    """Prefix or term -> IRI; holds the standard's own prefixes too."""
    raw: tuple[Any, ...] = ()
    """The context as it was written, so that an event can be stored with it."""

    def expanded_name(self, key: str, path: str) -> str:
        """Return an extension key as "{namespace}local"; a plain word that nothing declares stays as it is.

        Raises:
            EpcisError: when the key has a prefix that the context does not declare.
        """
        prefix, colon, local = key.partition(":")
        if not colon:
            iri = self.terms.get(key)
            return key if iri is None else _braced(iri)
        if local.startswith("//"):
            return _braced(key)
        namespace = self.terms.get(prefix)
        if namespace is None:
            raise EpcisError("prefix_undeclared", path, f"the context does not declare the prefix {prefix[:40]!r}")
        return f"{{{namespace}}}{local}"

    def expanded_value(self, text: str) -> str:
        """Return a compact URI in full; any other text comes back unchanged."""
        prefix, colon, local = text.partition(":")
        if not colon or local.startswith("//") or any(character.isspace() for character in text):
            return text
        namespace = self.terms.get(prefix)
        return text if namespace is None else namespace + local


def standard_context() -> Context:
    """Return the context of a document that declares nothing of its own."""
    return Context(dict(STANDARD_PREFIXES))


def extended(base: Context, declared: Any, path: str) -> Context:
    """Return a context with the declarations of an "@context" value added.

    Raises:
        EpcisError: when the value is no context.
    """
    terms = dict(base.terms)
    for name, iri in _declarations(declared, path):
        terms[name] = iri
        if len(terms) > ENTRIES_MAX:
            raise EpcisError("context_too_large", path, f"more than {ENTRIES_MAX} declarations")
    added = tuple(declared) if isinstance(declared, list) else (declared,)
    return Context(terms, base.raw + added)


def _declarations(declared: Any, path: str) -> Iterator[tuple[str, str]]:
    for position, part in enumerate(declared if isinstance(declared, list) else [declared]):
        if isinstance(part, str):
            continue
        if not isinstance(part, dict):
            raise EpcisError("wrong_type", f"{path}[{position}]", "a context is a URL or an object")
        for name, value in part.items():
            iri = value.get("@id") if isinstance(value, dict) else value
            if name.startswith("@"):
                continue
            if not isinstance(iri, str) or not iri:
                raise EpcisError("wrong_type", f"{path}[{position}].{name}", "a declaration names an IRI")
            yield name, iri


def _braced(iri: str) -> str:
    """Split an IRI behind its last delimiter, as a namespace and a local name."""
    cut = max(iri.rfind("/"), iri.rfind("#"), iri.rfind(":")) + 1
    return f"{{{iri[:cut]}}}{iri[cut:]}"
