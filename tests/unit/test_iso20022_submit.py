"""From message to calls: arguments, exchange rates, the travel rule's commitment, the plan of a corridor, pacs.002."""

from pathlib import Path

import pytest
from lxml import etree

from chain.encoding import decode
from gateway.iso20022.corridor import DEMO_PARTIES, fit_corridor
from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.pacs002 import report_on, status_of, write
from gateway.iso20022.pacs008 import read
from gateway.iso20022.rates import ledger_rate
from gateway.iso20022.story import UnknownTransferError, fill_travel_rule
from gateway.iso20022.submit import PreparedTransfer, prepare
from gateway.iso20022.travel_rule import SecretFileError, digest_of, load_secret
from gateway.iso20022.values import Rate

WAGE = (Path(__file__).parents[2] / "examples" / "wage" / "wage.xml").read_text(encoding="utf-8")
UETR = "c963cfe0-afae-4a3b-b909-6a04e7d80068"
SECRET = b"\x07" * 32
PERSONAL = ("Analyn", "Ramos", "Teresita", "Kotewall", "Rizal", "1991", "852-6100", "63-917", "Wage", "WAGE", "Iloilo")


def changed(*changes: tuple[str, str]) -> bytes:
    text = WAGE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


def differing(one: PreparedTransfer, other: PreparedTransfer) -> set[str]:
    """Return the terms in which two calls differ."""
    return {name for name, value in one.args[1].items() if other.args[1][name] != value}


def test_prepares_the_accept_call() -> None:
    (prepared,) = prepare(WAGE.encode(), secret=SECRET)
    assert (prepared.contract, prepared.method) == ("remittance", "accept")
    uetr, terms = prepared.args
    assert uetr == UETR
    assert list(terms.items())[:8] == [
        ("quote", "HKDPHP-20261030-1"),
        ("sender", "HBWLHKHHXXX"),
        ("receiver", "ISWLPHMMXXX"),
        ("source_currency", "HKD"),
        ("source_amount", 800_000),
        ("target_currency", "PHP"),
        ("target_amount", 5_850_000),
        ("charge_bearer", "DEBT"),
    ]
    assert prepared.summary == "8000.00 HKD from HBWLHKHHXXX to ISWLPHMMXXX, arriving as 58500.00 PHP"
    assert prepared.notes == ()


def test_nothing_personal_is_in_the_arguments() -> None:
    (prepared,) = prepare(WAGE.encode(), secret=SECRET)
    shown = repr(prepared.args) + prepared.summary
    assert not [word for word in PERSONAL if word in shown]
    assert all(word.encode() in prepared.travel_rule.payload for word in PERSONAL)


def test_the_commitment_is_salted_repeatable_and_opens() -> None:
    (first,) = prepare(WAGE.encode(), secret=SECRET)
    (again,) = prepare(WAGE.encode(), secret=SECRET)
    (elsewhere,) = prepare(WAGE.encode(), secret=b"\x08" * 32)
    (renamed,) = prepare(changed(("Teresita", "Teresina")), secret=SECRET)
    assert again.args == first.args
    assert elsewhere.travel_rule.payload == first.travel_rule.payload
    assert differing(elsewhere, first) == {"sender_reference", "travel_rule"}
    assert differing(renamed, first) == {"travel_rule"}
    assert digest_of(first.travel_rule.payload, first.travel_rule.salt) == first.args[1]["travel_rule"]
    originator = decode(first.travel_rule.payload)["originator"]
    assert originator["originatorPersons"][0]["naturalPerson"]["geographicAddress"][0]["streetName"] == "Kotewall Road"


def test_a_sender_is_known_by_the_account() -> None:
    (first,) = prepare(WAGE.encode(), secret=SECRET)
    (other_payment,) = prepare(changed(("c963cfe0", "d963cfe0"), ("Analyn Dela", "A. Dela")), secret=SECRET)
    (other_account,) = prepare(changed(("852-6100-4471-09", "852-6100-4471-10")), secret=SECRET)
    assert "sender_reference" not in differing(other_payment, first)
    assert "sender_reference" in differing(other_account, first)


def test_the_quote_is_given_or_named_or_made_up() -> None:
    line = "<InstrForNxtAgt><InstrInf>/QUOTE/HKDPHP-20261030-1</InstrInf></InstrForNxtAgt>"
    assert prepare(WAGE.encode(), secret=SECRET, quote_id="Q7")[0].quote_id == "Q7"
    assert prepare(changed((line, "")), secret=SECRET)[0].quote_id == f"fit-{UETR}"


def test_agents_fall_back_to_those_that_exchange_the_message() -> None:
    debtor = WAGE[WAGE.index("<DbtrAgt>") : WAGE.index("</DbtrAgt>")]
    assert prepare(changed((debtor, "<DbtrAgt><FinInstnId/>")), secret=SECRET)[0].sender == "HBWLHKHHXXX"
    instructing = "<InstgAgt><FinInstnId><BICFI>HBWLHKHHXXX</BICFI></FinInstnId></InstgAgt>"
    with pytest.raises(Iso20022Error) as caught:
        prepare(changed((debtor, "<DbtrAgt><FinInstnId/>"), (instructing, "")), secret=SECRET)
    assert caught.value.code == "agent_unidentified"


RATES = [
    # instructed, settlement, rate in the message, rate on the ledger
    (("HKD", "8000.00"), ("PHP", "58500.00"), "7.3125", Rate(73125, 4)),
    (("PHP", "58500.00"), ("HKD", "8000.00"), "7.3125", Rate(1367521368, 10)),  # quoted the other way round
    (("JPY", "10000"), ("EUR", "61.50"), "0.00615", Rate(615, 3)),  # no cents on one side
    (("EUR", "61.50"), ("JPY", "9999"), "162.6", None),  # rounded by the sender's bank
    (("BHD", "1.000"), ("JPY", "398"), "398", Rate(398, 3)),
    (("JPY", "398"), ("BHD", "1.000"), "398", None),
    (("USD", "100.00"), ("KWD", "30.725"), "0.30725", Rate(30725, 4)),
]


@pytest.mark.parametrize(("instructed", "settlement", "rate", "expected"), RATES)
def test_rates_lead_exactly_to_the_settlement_amount(
    instructed: tuple[str, str], settlement: tuple[str, str], rate: str, expected: Rate | None
) -> None:
    document = changed(
        ('IntrBkSttlmAmt Ccy="PHP">58500.00', f'IntrBkSttlmAmt Ccy="{settlement[0]}">{settlement[1]}'),
        ('InstdAmt Ccy="HKD">8000.00', f'InstdAmt Ccy="{instructed[0]}">{instructed[1]}'),
        ("7.3125", rate),
    )
    (prepared,) = prepare(document, secret=SECRET)
    found = ledger_rate(prepared.transfer)
    if expected is not None:
        assert found == expected
    assert prepared.source.minor_units * found.digits // 10**found.scale == prepared.target.minor_units


def test_charges_explain_a_difference() -> None:
    charge = '<ChrgsInf><Amt Ccy="HKD">15.00</Amt><Agt><FinInstnId/></Agt></ChrgsInf>'
    taken = changed(('Ccy="PHP">58500.00', 'Ccy="PHP">58390.31'), ("DEBT</ChrgBr>", f"SHAR</ChrgBr>{charge}"))
    assert prepare(taken, secret=SECRET)[0].target.minor_units == 5_839_031
    with pytest.raises(Iso20022Error) as caught:
        prepare(changed(('Ccy="PHP">58500.00', 'Ccy="PHP">58390.31')), secret=SECRET)
    assert caught.value.code == "exchange_rate_disagrees"


def test_a_rate_beside_equal_currencies_is_ignored_with_a_note() -> None:
    document = changed(('InstdAmt Ccy="HKD">8000.00', 'InstdAmt Ccy="PHP">58500.00'))
    (prepared,) = prepare(document, secret=SECRET)
    assert prepared.source == prepared.target
    assert ledger_rate(prepared.transfer) == Rate(1, 0)
    assert "ignored" in prepared.notes[0]


def test_the_plan_names_who_signs_and_repeats_nothing() -> None:
    first, end = WAGE.index("<CdtTrfTxInf>"), WAGE.index("</CdtTrfTxInf>") + len("</CdtTrfTxInf>")
    transfer = WAGE[first:end]
    double = WAGE.replace(transfer, transfer + transfer.replace("c963cfe0", "d963cfe0")).replace(
        "NbOfTxs>1", "NbOfTxs>2"
    )
    plan = fit_corridor(prepare(double.encode(), secret=SECRET))
    members = {step.member for step in plan}
    assert members == {"hkma.ops", "bsp.ops", "clearbank.ops", "fxhouse.ops"}
    assert len({repr(step) for step in plan}) == len(plan)
    deposits = [step.args[0] for step in plan if step.method == "deposit"]
    assert len(deposits) == 4
    assert [step.args for step in plan if step.method == "admit"] == [
        ["HBWLHKHHXXX", "hkwallet", "institution"],
        ["ISWLPHMMXXX", "phwallet", "institution"],
        ["fxhouse", "fxhouse", "fx_provider"],
    ]


def test_a_bank_on_both_sides_belongs_to_the_sender() -> None:
    document = WAGE.replace("ISWLPHMMXXX", "HBWLHKHHXXX").encode()
    plan = fit_corridor(prepare(document, secret=SECRET), DEMO_PARTIES)
    admitted = [step.args for step in plan if step.method == "admit" and step.args[2] == "institution"]
    assert admitted == [["HBWLHKHHXXX", "hkwallet", "institution"]]


def test_the_secret_is_drawn_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "travel-rule.key"
    secret = load_secret(path)
    assert load_secret(path) == secret
    assert len(secret) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"short")
    with pytest.raises(SecretFileError):
        load_secret(path)


def test_a_story_takes_the_hash_from_its_message() -> None:
    prepared = prepare(WAGE.encode(), secret=SECRET)
    digest = prepared[0].travel_rule.digest.hex()
    assert fill_travel_rule(["a", 1, {"travel_rule": UETR}], prepared) == ["a", 1, {"bytes": digest}]
    assert fill_travel_rule([{"int": "1"}], []) == [{"int": "1"}]
    with pytest.raises(UnknownTransferError):
        fill_travel_rule([{"travel_rule": UETR}], [])


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("accepted", "ACSP"),
        ("paid_out", "ACSC"),
        ("returned", "ACSC"),
        ("rejected", "RJCT"),
        ("expired", "RJCT"),
        ("cancelled", "CANC"),
    ],
)
def test_states_have_an_iso_status(state: str, status: str) -> None:
    assert status_of(state) == status


def test_a_status_report_answers_the_message() -> None:
    message = read(WAGE.encode())
    report = report_on(message, message.transfers[0], message_id="S1", created="2026-10-30T10:00:00Z", state="expired")
    root = etree.fromstring(write(report))
    assert root.findtext(".//{*}OrgnlMsgId") == "HBWL-20261030-000417"
    assert root.findtext(".//{*}OrgnlUETR") == UETR
    assert root.findtext(".//{*}StsRsnInf/{*}Rsn/{*}Cd") == "AB05"
    assert root.findtext(".//{*}TxInfAndSts/{*}InstgAgt//{*}BICFI") == "ISWLPHMMXXX"
    refused = report_on(
        message,
        message.transfers[0],
        message_id="S1",
        created="x",
        state="rejected",
        detail="quote_expired " + "x" * 200,
    )
    root = etree.fromstring(write(refused))
    assert root.findtext(".//{*}Cd") == "NARR"
    assert len(root.findtext(".//{*}AddtlInf") or "") == 105
