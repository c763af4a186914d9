"""The shape of pacs.008.001.08 and of the business application header, as far as this gateway reads them.

Every element of a credit transfer has its place here, in ISO's order; the insides of those that nobody reads are left
alone. The strict variants in use (CBPR+, STP) are narrower, so whatever is valid there has this shape too.
"""

from typing import Final

from gateway.iso20022.shape import MANY, UNREAD, Choice, Part, Sequence, Shape, Text, maybe, one

_TEXT_4: Final = Text(4)
_TEXT_16: Final = Text(16)
_TEXT_35: Final = Text(35)
_TEXT_70: Final = Text(70)
_TEXT_140: Final = Text(140)
_BIC: Final = Text(11)
_LEI: Final = Text(20)
_IBAN: Final = Text(34)
_COUNTRY: Final = Text(2)
_NUMBER: Final = Text(40)
_TIME: Final = Text(40)
_MONEY: Final = Text(40, attribute="Ccy")


def _all_maybe(shape: Shape, *names: str) -> tuple[Part, ...]:
    return tuple(maybe(name, shape) for name in names)


_ADDRESS: Final = Sequence(
    (
        maybe("AdrTp", UNREAD),
        *_all_maybe(_TEXT_70, "Dept", "SubDept", "StrtNm"),
        maybe("BldgNb", _TEXT_16),
        maybe("BldgNm", _TEXT_35),
        maybe("Flr", _TEXT_70),
        maybe("PstBx", _TEXT_16),
        maybe("Room", _TEXT_70),
        maybe("PstCd", _TEXT_16),
        *_all_maybe(_TEXT_35, "TwnNm", "TwnLctnNm", "DstrctNm", "CtrySubDvsn"),
        maybe("Ctry", _COUNTRY),
        maybe("AdrLine", _TEXT_70, 7),
    )
)

_AGENT: Final = Sequence(
    (
        one(
            "FinInstnId",
            Sequence(
                (
                    maybe("BICFI", _BIC),
                    maybe("ClrSysMmbId", Sequence((maybe("ClrSysId", UNREAD), one("MmbId", _TEXT_35)))),
                    maybe("LEI", _LEI),
                    maybe("Nm", _TEXT_140),
                    maybe("PstlAdr", UNREAD),
                    maybe("Othr", UNREAD),
                )
            ),
        ),
        maybe("BrnchId", UNREAD),
    )
)

_OTHER_ID: Final = Sequence((one("Id", _TEXT_35), maybe("SchmeNm", UNREAD), maybe("Issr", _TEXT_35)))

_BIRTH: Final = Sequence(
    (
        one("BirthDt", Text(16)),
        maybe("PrvcOfBirth", _TEXT_35),
        one("CityOfBirth", _TEXT_35),
        one("CtryOfBirth", _COUNTRY),
    )
)

_PARTY: Final = Sequence(
    (
        maybe("Nm", _TEXT_140),
        maybe("PstlAdr", _ADDRESS),
        maybe(
            "Id",
            Choice(
                {
                    "OrgId": Sequence((maybe("AnyBIC", _BIC), maybe("LEI", _LEI), maybe("Othr", _OTHER_ID, MANY))),
                    "PrvtId": Sequence((maybe("DtAndPlcOfBirth", _BIRTH), maybe("Othr", _OTHER_ID, MANY))),
                }
            ),
        ),
        maybe("CtryOfRes", _COUNTRY),
        maybe("CtctDtls", UNREAD),
    )
)

_ACCOUNT: Final = Sequence(
    (
        one(
            "Id",
            Choice(
                {
                    "IBAN": _IBAN,
                    "Othr": Sequence((one("Id", Text(34)), maybe("SchmeNm", UNREAD), maybe("Issr", _TEXT_35))),
                }
            ),
        ),
        maybe("Tp", UNREAD),
        maybe("Ccy", Text(3)),
        maybe("Nm", _TEXT_70),
        maybe("Prxy", UNREAD),
    )
)

_SETTLEMENT: Final = Sequence(
    (
        one("SttlmMtd", _TEXT_4),
        maybe("SttlmAcct", UNREAD),
        maybe("ClrSys", UNREAD),
        *_all_maybe(
            UNREAD,
            "InstgRmbrsmntAgt",
            "InstgRmbrsmntAgtAcct",
            "InstdRmbrsmntAgt",
            "InstdRmbrsmntAgtAcct",
            "ThrdRmbrsmntAgt",
            "ThrdRmbrsmntAgtAcct",
        ),
    )
)

_GROUP_HEADER: Final = Sequence(
    (
        one("MsgId", _TEXT_35),
        one("CreDtTm", _TIME),
        maybe("BtchBookg", UNREAD),
        one("NbOfTxs", Text(15)),
        maybe("CtrlSum", _NUMBER),
        maybe("TtlIntrBkSttlmAmt", _MONEY),
        maybe("IntrBkSttlmDt", _TIME),
        one("SttlmInf", _SETTLEMENT),
        maybe("PmtTpInf", UNREAD),
        maybe("InstgAgt", _AGENT),
        maybe("InstdAgt", _AGENT),
    )
)

_PAYMENT_ID: Final = Sequence(
    (
        maybe("InstrId", _TEXT_35),
        one("EndToEndId", _TEXT_35),
        maybe("TxId", _TEXT_35),
        maybe("UETR", Text(36)),
        maybe("ClrSysRef", _TEXT_35),
    )
)

_TRANSFER: Final = Sequence(
    (
        one("PmtId", _PAYMENT_ID),
        maybe("PmtTpInf", UNREAD),
        one("IntrBkSttlmAmt", _MONEY),
        maybe("IntrBkSttlmDt", _TIME),
        *_all_maybe(UNREAD, "SttlmPrty", "SttlmTmIndctn", "SttlmTmReq", "AccptncDtTm", "PoolgAdjstmntDt"),
        maybe("InstdAmt", _MONEY),
        maybe("XchgRate", _NUMBER),
        one("ChrgBr", _TEXT_4),
        maybe("ChrgsInf", Sequence((one("Amt", _MONEY), one("Agt", _AGENT))), MANY),
        *_all_maybe(UNREAD, "PrvsInstgAgt1", "PrvsInstgAgt1Acct", "PrvsInstgAgt2", "PrvsInstgAgt2Acct"),
        *_all_maybe(UNREAD, "PrvsInstgAgt3", "PrvsInstgAgt3Acct"),
        *_all_maybe(_AGENT, "InstgAgt", "InstdAgt"),
        *_all_maybe(UNREAD, "IntrmyAgt1", "IntrmyAgt1Acct", "IntrmyAgt2", "IntrmyAgt2Acct"),
        *_all_maybe(UNREAD, "IntrmyAgt3", "IntrmyAgt3Acct"),
        *_all_maybe(_PARTY, "UltmtDbtr", "InitgPty"),
        one("Dbtr", _PARTY),
        maybe("DbtrAcct", _ACCOUNT),
        one("DbtrAgt", _AGENT),
        maybe("DbtrAgtAcct", _ACCOUNT),
        one("CdtrAgt", _AGENT),
        maybe("CdtrAgtAcct", _ACCOUNT),
        one("Cdtr", _PARTY),
        maybe("CdtrAcct", _ACCOUNT),
        maybe("UltmtCdtr", _PARTY),
        maybe("InstrForCdtrAgt", UNREAD, MANY),
        maybe("InstrForNxtAgt", Sequence((maybe("Cd", Text(35)), maybe("InstrInf", _TEXT_140))), MANY),
        maybe("Purp", UNREAD),
        maybe("RgltryRptg", UNREAD, 10),
        maybe("Tax", UNREAD),
        maybe("RltdRmtInf", UNREAD, 10),
        maybe("RmtInf", Sequence((maybe("Ustrd", _TEXT_140, MANY), maybe("Strd", UNREAD, MANY)))),
        maybe("SplmtryData", UNREAD, MANY),
    )
)

DOCUMENT: Final = Sequence(
    (
        one(
            "FIToFICstmrCdtTrf",
            Sequence(
                (
                    one("GrpHdr", _GROUP_HEADER),
                    Part("CdtTrfTxInf", _TRANSFER, 1, MANY),
                    maybe("SplmtryData", UNREAD, MANY),
                )
            ),
        ),
    )
)

_HEADER_PARTY: Final = Choice({"OrgId": UNREAD, "FIId": _AGENT})

HEADER: Final = Sequence(
    (
        maybe("CharSet", UNREAD),
        one("Fr", _HEADER_PARTY),
        one("To", _HEADER_PARTY),
        one("BizMsgIdr", _TEXT_35),
        one("MsgDefIdr", _TEXT_35),
        maybe("BizSvc", _TEXT_35),
        maybe("MktPrctc", UNREAD),
        one("CreDt", _TIME),
        *_all_maybe(UNREAD, "BizPrcgDt", "CpyDplct", "PssblDplct", "Prty", "Sgntr"),
        maybe("Rltd", UNREAD, MANY),
    )
)
"""BusinessApplicationHeaderV02, which holds V01 as well."""
