"""The same thing must compare equal: URNs, Digital Links of any host, and short names meet in one spelling."""

import pytest

from gateway.epcis.identifiers import (
    application_identifier,
    canonical_identifier,
    check_digit,
    escaped,
)

LINK = "https://id.gs1.org/"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("urn:epc:id:sgtin:0614141.107346.2017", "01/10614141073464/21/2017"),
        ("urn:epc:id:sgtin:4012345.011111.98%22", "01/04012345111118/21/98%22"),
        ("urn:epc:id:sgtin:415056789012.0.987654", "01/04150567890128/21/987654"),
        ("urn:epc:id:sgtin:0614141.812345.6789%2F%26%25%22!%3F()", "01/80614141123458/21/6789%2F%26%25%22%21%3F%28%29"),
        ("urn:epc:id:sgtin:0614141.107346.a.b", "01/10614141073464/21/a.b"),
        ("urn:epc:id:sscc:4012345.1112223334", "00/140123451122233341"),
        ("urn:epc:id:sgln:0614141.07346.1234", "414/0614141073467/254/1234"),
        ("urn:epc:id:sgln:0012345.11111.0", "414/0012345111112"),
        ("urn:epc:id:pgln:4012345.00000", "417/4012345000009"),
        ("urn:epc:id:pgln:999999999999.", "417/9999999999994"),
        ("urn:epc:id:grai:4012345.00022.334455", "8003/04012345000221334455"),
        ("urn:epc:id:giai:4000001.111", "8004/4000001111"),
        ("urn:epc:id:giai:4012345.ABC.345", "8004/4012345ABC.345"),
        ("urn:epc:id:gsrn:4012345.0000006765", "8018/401234500000067657"),
        ("urn:epc:id:gsrnp:4012345.0000000007", "8017/401234500000000074"),
        ("urn:epc:id:gdti:4012345.55555.1234", "253/40123455555541234"),
        ("urn:epc:id:gdti:987659999999..9", "253/98765999999929"),
        ("urn:epc:id:cpi:0614141.11111111111111-A%23%2F.1234", "8010/061414111111111111111-A%23%2F/8011/1234"),
        ("urn:epc:id:ginc:0614141.xyz47%2F11", "401/0614141xyz47%2F11"),
        ("urn:epc:id:gsin:4012345.222333444", "402/40123452223334442"),
        ("urn:epc:id:itip:4012345.011111.01.02.987", "8006/040123451111180102/21/987"),
        ("urn:epc:id:upui:1234567.098765.51qIgY)%3C%26Jp3*j7SDB", "01/01234567987651/235/51qIgY%29%3C%26Jp3%2Aj7SDB"),
        ("urn:epc:class:lgtin:4054739.099914.20160711", "01/04054739999148/10/20160711"),
        ("urn:epc:idpat:sgtin:4012345.066666.*", "01/04012345666663"),
        ("urn:epc:idpat:grai:4012345.99999.*", "8003/04012345999990"),
        ("urn:epc:idpat:gdti:4012345.11111.*", "253/4012345111118"),
        ("urn:epc:idpat:sgcn:4012345.22222.*", "255/4012345222227"),
        ("urn:epc:idpat:cpi:4012345.AB12.*", "8010/4012345AB12"),
        ("urn:epc:idpat:itip:4012345.012345.01.02.*", "8006/040123451234560102"),
        ("https://example.com/gtin/09780345418913/21/765tz?abc=211121", "01/09780345418913/21/765tz"),
        ("http://example.de/gtin/97803111", "01/00000097803111"),
        ("http://shop.example/some/path/01/001122334455/ser/GHB", "01/00001122334455/21/GHB"),
        ("https://id.gs1.org/gtin/9780345418913/cpv/344/lot/1223/ser/765tz", "01/09780345418913/21/765tz"),
        ("http://example.de/01/4012345123456/cpv/344/lot/ABD", "01/04012345123456/10/ABD"),
        ("https://id.gs1.org/8006/040123451234560102/10/L/21/S", "8006/040123451234560102/21/S"),
        ("https://example.co.uk/party/4226350800008", "417/4226350800008"),
        ("https://id.example.org/01/04012345123456/21/a%2fb", "01/04012345123456/21/a%2Fb"),
        ("https://id.example.org/00/340123453111111115/", "00/340123453111111115"),
        ("https://id.example.org/253/4602443000331XYZ#top", "253/4602443000331XYZ"),
    ],
)
def test_canonical_form(text: str, path: str) -> None:
    assert canonical_identifier(text) == LINK + path
    assert canonical_identifier(LINK + path) == LINK + path


@pytest.mark.parametrize(
    "text",
    [
        "http://example.org/123/4012345ABC987/456/4711",
        "http://id.gs1.org/99/9780345418913",
        "http://id.gs1.org/01/9780345418913/99/utfgf",
        "http://example.de/01/97803",
        "https://id.gs1.org/8006/04012345123456/22/ABCD/10/XYZ",
        "http://transaction.acme.com/po/12345678",
        "https://id.gs1.org/01/04012345123456/21/",
        "urn:epc:id:sgtin:4012345.011111.a/b",
        "urn:epc:id:sgtin:4012345.01111.1",
        "urn:epc:id:sgtin:4012345.011111.",
        "urn:epc:id:sscc:4012345.333",
        "urn:epc:id:unheard:4012345.333",
        "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "geo:47.506694,11.104301",
        "http",
        "urn:epc:",
        "42",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert canonical_identifier(text) == text


def test_old_vocabulary_urns_become_web_terms() -> None:
    assert canonical_identifier("urn:epcglobal:cbv:bizstep:receiving") == "https://ref.gs1.org/cbv/BizStep-receiving"
    assert canonical_identifier("urn:epcglobal:cbv:bt:5200001000008:4711") == "urn:epcglobal:cbv:bt:5200001000008:4711"


def test_check_digit() -> None:
    assert check_digit("0401234511111") == "8"
    assert check_digit("01401234511222333") == check_digit("1401234511222333")


def test_parts_of_an_identifier() -> None:
    item = canonical_identifier("urn:epc:id:sgtin:4012345.011111.9")
    assert application_identifier(item) == "01"
    assert application_identifier("urn:x:y") == ""
    assert escaped("A/1") == "A%2F1"
