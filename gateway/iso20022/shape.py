"""Says what may stand where: order, presence and repetition of elements, and refuses the first deviation.

A shape is data, written down in tables beside the message that it describes. Checking the shape of the whole message
comes first, so that everything that reads values afterwards may rely on it. Where nothing of ours reads an element's
inside, the table says `UNREAD` and only its place is checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.xml import Node

MANY: Final = 1_000_000
"""Stands for "unbounded"; the number of elements of a document is bounded when it is parsed."""


@dataclass(frozen=True, slots=True)
class Text:
    """An element without children, whose text has a length within bounds."""

    length_max: int
    length_min: int = 1
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """An element whose inside nobody here looks at."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Children in exactly this order."""

    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one child, any of these."""

    shapes: Mapping[str, "Shape"] = field(default_factory=dict)


Shape = Text | Unread | Sequence | Choice

UNREAD: Final = Unread()


@dataclass(frozen=True, slots=True)
class Part:
    """A place in a sequence: the element's name, how often it may stand there, and what it looks like."""

    name: str
    shape: Shape
    count_min: int
    count_max: int


def one(name: str, shape: Shape) -> Part:
    """Return a place that must be filled exactly once."""
    return Part(name, shape, 1, 1)


def maybe(name: str, shape: Shape, count_max: int = 1) -> Part:
    """Return a place that may stay empty."""
    return Part(name, shape, 0, count_max)


def check(node: Node, shape: Shape, path: str) -> None:
    """Raise Iso20022Error at the first place where `node` does not have this shape."""
    match shape:
        case Text():
            _check_text(node, shape, path)
        case Sequence():
            _check_attributes(node, None, path)
            _check_sequence(node, shape, path)
        case Choice():
            _check_attributes(node, None, path)
            _check_choice(node, shape, path)
        case Unread():
            pass


def _check_text(node: Node, shape: Text, path: str) -> None:
    _check_attributes(node, shape.attribute, path)
    if node.children:
        raise Iso20022Error("element_unexpected", f"{path}/{node.children[0].name}", "text was expected here")
    if not shape.length_min <= len(node.text) <= shape.length_max:
        expected = f"{shape.length_min} to {shape.length_max}"
        raise Iso20022Error("text_length", path, f"the text has {len(node.text)} characters, {expected} are allowed")


def _check_attributes(node: Node, allowed: str | None, path: str) -> None:
    for name in node.attributes:
        if name != allowed:
            raise Iso20022Error("attribute_unexpected", path, f"attribute {name} is not known here")
    if allowed is not None and allowed not in node.attributes:
        raise Iso20022Error("attribute_missing", path, f"attribute {allowed} is missing")


def _check_sequence(node: Node, shape: Sequence, path: str) -> None:
    _check_no_text(node, path)
    position = 0
    for part in shape.parts:
        count = 0
        while position < len(node.children) and _fits(node, node.children[position], part.name):
            count += 1
            here = f"{path}/{part.name}" + (f"[{count}]" if part.count_max > 1 or count > 1 else "")
            if count > part.count_max:
                raise Iso20022Error("element_repeated", here, f"at most {part.count_max} may stand here")
            check(node.children[position], part.shape, here)
            position += 1
        if count < part.count_min:
            raise _missing(node, position, part, path)
    if position < len(node.children):
        raise _unexpected(node, node.children[position], path)


def _check_choice(node: Node, shape: Choice, path: str) -> None:
    _check_no_text(node, path)
    if not node.children:
        raise Iso20022Error("element_missing", path, f"one of {', '.join(shape.shapes)} must stand here")
    child = node.children[0]
    inner = shape.shapes.get(child.name)
    if inner is None or child.namespace != node.namespace:
        raise _unexpected(node, child, path)
    if len(node.children) > 1:
        raise _unexpected(node, node.children[1], path)
    check(child, inner, f"{path}/{child.name}")


def _check_no_text(node: Node, path: str) -> None:
    if node.text.strip(" \t\r\n"):
        raise Iso20022Error("text_unexpected", path, "elements were expected here, not text")


def _fits(parent: Node, child: Node, name: str) -> bool:
    return child.name == name and child.namespace == parent.namespace


def _missing(node: Node, position: int, part: Part, path: str) -> Iso20022Error:
    found = f", found {node.children[position].name}" if position < len(node.children) else ""
    return Iso20022Error("element_missing", f"{path}/{part.name}", f"a required element is missing{found}")


def _unexpected(parent: Node, child: Node, path: str) -> Iso20022Error:
    why = "unknown or out of order" if child.namespace == parent.namespace else f"of the namespace {child.namespace!r}"
    return Iso20022Error("element_unexpected", f"{path}/{child.name}", f"this element is {why}")
