"""Bytes to a small tree of plain nodes, with everything in XML that can hurt switched off.

A document type declaration is refused as soon as it begins, so no entity is ever defined; only UTF-8 is read, as
ISO 20022 prescribes; size, depth and the number of elements are bounded while parsing, before a tree exists.
"""

from dataclasses import dataclass, field
from typing import Any, Final, cast

from lxml import etree

from gateway.iso20022.errors import Iso20022Error

DOCUMENT_BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 32
ELEMENTS_MAX: Final = 50_000

_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_IGNORED_ATTRIBUTES: Final = frozenset({_XSI + "schemaLocation", _XSI + "noNamespaceSchemaLocation"})


@dataclass(slots=True)
class Node:
    """An element: its namespace and local name, its text if it has no children, its attributes and children."""

    namespace: str
    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def child(self, name: str) -> "Node | None":
        """Return the first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def find(self, *names: str) -> "Node | None":
        """Return the node that a chain of first children leads to."""
        node: Node | None = self
        for name in names:
            node = node.child(name) if node is not None else None
        return node

    def text_at(self, *names: str) -> str | None:
        """Return the text of the node that `find` leads to."""
        node = self.find(*names)
        return None if node is None else node.text

    def all(self, name: str) -> list["Node"]:
        """Return every child of this name, in order."""
        return [child for child in self.children if child.name == name]


class _Builder:
    """lxml's parser target: grows the tree and stops the parser at the first thing that is not allowed."""

    def __init__(self) -> None:
        self._open: list[Node] = []
        self._elements_count = 0
        self._root: Node | None = None

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        raise Iso20022Error("doctype_forbidden", "/", f"a document type declaration ({name}) is not allowed")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = etree.QName(tag)
        self._elements_count += 1
        if len(self._open) >= DEPTH_MAX:
            raise Iso20022Error("document_too_deep", self._path(), f"elements nest deeper than {DEPTH_MAX}")
        if self._elements_count > ELEMENTS_MAX:
            raise Iso20022Error("document_too_large", self._path(), f"there are more than {ELEMENTS_MAX} elements")
        kept = {key: value for key, value in attributes.items() if key not in _IGNORED_ATTRIBUTES}
        node = Node(name.namespace or "", name.localname, kept)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def data(self, text: str) -> None:
        self._open[-1].text += text

    def end(self, _tag: str) -> None:
        node = self._open[-1]
        if node.children:
            if node.text.strip(" \t\r\n"):
                raise Iso20022Error("text_unexpected", self._path(), "text stands between elements")
            node.text = ""
        self._open.pop()

    def comment(self, _text: str) -> None:
        """Comments carry no meaning."""

    def pi(self, _target: str, _data: str | None = None) -> None:
        """Processing instructions carry no meaning."""

    def close(self) -> Node | None:
        # lxml also calls this after an error, and then raises the error whatever is returned.
        return self._root

    def _path(self) -> str:
        return "/" + "/".join(node.name for node in self._open)


def parse(document: bytes) -> Node:
    """Return the root of an XML document.

    Raises:
        Iso20022Error: when it is too large or too deep, is not UTF-8, is not well-formed, or declares a document type.
    """
    if len(document) > DOCUMENT_BYTES_MAX:
        raise Iso20022Error("document_too_large", "/", f"{len(document)} bytes exceed {DOCUMENT_BYTES_MAX}")
    try:
        document.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Iso20022Error("document_not_utf8", "/", f"byte {error.start} is not UTF-8") from error
    parser = etree.XMLParser(
        target=cast(Any, _Builder()),  # the stubs allow for bytes, which lxml passed under Python 2
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise Iso20022Error("document_not_xml", "/", error.msg or "not well-formed XML") from error
    for entry in parser.error_log.filter_from_errors():  # libxml2 goes on after an undeclared namespace prefix
        raise Iso20022Error("document_not_xml", "/", entry.message)
    assert isinstance(root, Node)  # the parser has refused a document without a root
    return root
