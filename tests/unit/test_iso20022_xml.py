"""The XML reader: what can hurt is refused with a code, before a tree is built."""

import pytest

from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.xml import DEPTH_MAX, DOCUMENT_BYTES_MAX, ELEMENTS_MAX, parse

BILLION_LAUGHS = (
    b"""<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;">]><a>&d;</a>"""
)

REFUSED = [
    (BILLION_LAUGHS, "doctype_forbidden"),
    (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "doctype_forbidden"),
    (b'<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]><a>&x;</a>', "doctype_forbidden"),
    (b"<!DOCTYPE a><a/>", "doctype_forbidden"),
    (b"<a>&x;</a>", "document_not_xml"),
    (b"", "document_not_xml"),
    (b"<a", "document_not_xml"),
    (b"<a/><b/>", "document_not_xml"),
    (b"<a>\x00</a>", "document_not_xml"),
    (b'<a y="1" y="2"/>', "document_not_xml"),
    (b"<x:a/>", "document_not_xml"),
    (b"<a>\xff</a>", "document_not_utf8"),
    ('<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16"), "document_not_utf8"),
    (b"<a>" * (DEPTH_MAX + 1) + b"</a>" * (DEPTH_MAX + 1), "document_too_deep"),
    (b"<a>" + b"<b/>" * ELEMENTS_MAX + b"</a>", "document_too_large"),
    (b"<a>" + b" " * DOCUMENT_BYTES_MAX + b"</a>", "document_too_large"),
    (b"<a>text<b/></a>", "text_unexpected"),
]


@pytest.mark.parametrize(("document", "code"), REFUSED)
def test_refuses(document: bytes, code: str) -> None:
    with pytest.raises(Iso20022Error) as caught:
        parse(document)
    assert caught.value.code == code


def test_builds_plain_nodes() -> None:
    root = parse(b'\xef\xbb\xbf<?pi x?><!-- c --><a xmlns="n"> <b k="v">1 &amp; <![CDATA[<2>]]></b><!-- d --><b/> </a>')
    assert (root.namespace, root.name, root.text) == ("n", "a", "")
    assert [child.text for child in root.all("b")] == ["1 & <2>", ""]
    assert root.children[0].attributes == {"k": "v"}
    assert root.text_at("b") == "1 & <2>"
    assert root.find("b", "missing") is None


def test_schema_locations_are_no_attributes_of_the_message() -> None:
    root = parse(b'<a xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="u v"/>')
    assert root.attributes == {}
