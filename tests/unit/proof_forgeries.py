"""Proof files that lie, each in its own way, made of good ones: every verifier has to refuse all of them."""

from dataclasses import replace
from typing import Any, Final

from proof_support import certified_by, certify_header, encoded_set, other_set, proof_genesis

from chain.block import decode_header
from chain.certificate import Certificate, Phase, decode_certificate, sign_vote
from chain.encoding import encode
from chain.proof_file import (
    HistoryEvidence,
    KeyEvidence,
    PlacedTransaction,
    ProofFile,
    StoryEvidence,
    ValidatorChange,
    ValidatorsEvidence,
    decode_proof_file,
)
from chain.proofs import CertifiedHeader
from chain.receipt import decode_receipt, decode_result
from chain.state_leaf import encode_leaf
from chain.types import Digest, Signature, ValidatorId

PAID: Final = "a transaction that succeeded, the last of three"
FAILED: Final = "a transaction that failed, with the genesis"
NOW: Final = "a value at the last height"
EARLIER: Final = "a value at an earlier height"
BEFORE: Final = "a key before its first value"
HISTORY: Final = "a whole history"
TRANSFER: Final = "the story of a transfer"
ITEM: Final = "the story of an item in a container in a container"
GENESIS_SET: Final = "the validators of genesis"
CHANGED: Final = "validators after two changes of the set"

GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493


def forgeries(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return lying files by what they try, from the valid ones by their names."""
    good = {name: decode_proof_file(data) for name, data in files.items()}
    made = {name: file.encoded() for group in (_certificates, _facts, _sets) for name, file in group(good).items()}
    return {**made, **_bytes(files)}


def _certificates(good: dict[str, ProofFile]) -> dict[str, ProofFile]:
    paid, now = good[PAID], good[NOW]
    certificate = decode_certificate(paid.headers[0].certificate)
    signatures = certificate.signatures
    (name, signature), *others = signatures
    malleable = signature[:32] + (int.from_bytes(signature[32:], "little") + GROUP_ORDER).to_bytes(32, "little")
    identity = Signature(b"\x01" + bytes(31) + signature[32:])

    def signed(*entries: tuple[ValidatorId, Signature]) -> ProofFile:
        return _certified(paid, replace(certificate, signatures=entries))

    def about(**fields: Any) -> ProofFile:
        return _certified(paid, replace(certificate, subject=replace(certificate.subject, **fields)))

    header = decode_header(paid.headers[0].header)
    result = decode_result(paid.headers[0].result)
    strangers = other_set(0, "node-1", "node-2", "node-3", "v04")
    return {
        "no header at all": replace(paid, headers=()),
        "the certificate has no signatures": signed(),
        "the certificate has one signature too few": signed(*signatures[:-1]),
        "the certificate has one signer twice": signed(signatures[0], signatures[0], signatures[1]),
        "the signers are out of order": signed(signatures[1], signatures[0], signatures[2]),
        "a signer that is no validator": signed((ValidatorId("node-0"), signature), *others),
        "a signature by another validator": signed((name, others[0][1]), *others),
        "a signature with S beyond the group's order": signed((name, Signature(malleable)), *others),
        "a signature with R of small order": signed((name, identity), *others),
        "signatures by other keys under the validators' names": signed(
            *((name, sign_vote(bytes([1]) * 32, Phase.COMMIT, certificate.subject)) for name, _ in signatures)
        ),
        "a signature of zeros": signed((name, Signature(bytes(64))), *others),
        "the certificate is for another view than was signed": about(view=1),
        "the certificate is for another epoch": about(epoch=1),
        "the certificate is for another height": about(height=6),
        "the votes are PREPAREs": _certified(paid, replace(certificate, phase=Phase.PREPARE)),
        "the certificate is that of another block": replace(
            paid, headers=(replace(paid.headers[0], certificate=now.headers[0].certificate),)
        ),
        "the result is that of another block": replace(
            paid, headers=(replace(paid.headers[0], result=now.headers[0].result),)
        ),
        "validators that genesis does not know certified it": replace(
            paid,
            headers=(certify_header(replace(header, validators_hash=strangers.validators_hash), result, strangers),),
        ),
        "another chain id": replace(paid, chain_id=Digest(bytes(32))),
        "the header is of another chain": replace(
            paid,
            headers=(certify_header(replace(header, chain_id=Digest(bytes(32))), result, proof_genesis().validators),),
        ),
        "another genesis than its hash says": replace(
            good[FAILED], genesis=replace(proof_genesis(), name="forged").encoded()
        ),
    }


def _facts(good: dict[str, ProofFile]) -> dict[str, ProofFile]:
    paid = _evidence(good[PAID], PlacedTransaction)
    failed = _evidence(good[FAILED], PlacedTransaction)
    receipt = decode_receipt(paid.receipt)
    earlier = _evidence(good[EARLIER], KeyEvidence)
    before, now = _evidence(good[BEFORE], KeyEvidence), _evidence(good[NOW], KeyEvidence)
    whole = _evidence(good[HISTORY], HistoryEvidence)
    item, transfer = _evidence(good[ITEM], StoryEvidence), _evidence(good[TRANSFER], StoryEvidence)
    leaves = whole.versions.older
    invented = encode_leaf("remittance", now.key, encode(1000), 1, 0, None)

    def of_paid(**fields: Any) -> ProofFile:
        return replace(good[PAID], evidence=replace(paid, **fields))

    def of_item(**fields: Any) -> ProofFile:
        return replace(good[ITEM], evidence=replace(item, **fields))

    def of_key(name: str, entry: Any, **fields: Any) -> ProofFile:
        return replace(good[name], evidence=replace(entry, **fields))

    def older(entry: Any, *leaves: bytes) -> Any:
        return replace(entry.versions, older=leaves)

    return {
        "a receipt that says otherwise": of_paid(receipt=replace(receipt, gas_used=receipt.gas_used + 1).encoded()),
        "the receipt of another transaction": of_paid(receipt=failed.receipt),
        "another transaction": of_paid(transaction=failed.transaction),
        "another place in the block": of_paid(index=paid.index - 1),
        "a place beyond the block": of_paid(index=paid.count),
        "a negative place": of_paid(index=-1),
        "a path with one hash too many": of_paid(transactions_path=(*paid.transactions_path, Digest(bytes(32)))),
        "a path with one hash too few": of_paid(receipts_path=paid.receipts_path[:-1]),
        "a transaction of another block": replace(good[FAILED], evidence=paid),
        "two headers for one transaction": replace(good[PAID], headers=(good[FAILED].headers[0], *good[PAID].headers)),
        "another key": of_key(NOW, now, key=now.key[:-2] + b"u\x00"),
        "another contract": of_key(NOW, now, contract="traceability"),
        "a height beyond the certified block": of_key(NOW, now, height=7),
        "an old version as the value of today": of_key(EARLIER, earlier, height=6),
        "an older version than the one in force": of_key(EARLIER, earlier, height=4),
        "absence where a version is kept back": of_key(BEFORE, before, versions=older(before)),
        "an invented old version": of_key(EARLIER, earlier, versions=older(earlier, invented)),
        "more versions than needed": of_key(NOW, now, versions=older(now, *earlier.versions.older)),
        "a history without its first version": of_key(HISTORY, whole, versions=older(whole, *leaves[:-1])),
        "a history without a version between": of_key(HISTORY, whole, versions=older(whole, *leaves[1:])),
        "a history in another order": of_key(HISTORY, whole, versions=older(whole, *reversed(leaves))),
        "a story of another item": of_item(subject=item.subject[:-1] + "2"),
        "a story without its container": of_item(records=item.records[:1]),
        "a story with a record too many": of_item(records=(*item.records, item.records[-1])),
        "a story with its records exchanged": of_item(records=(item.records[1], item.records[0], *item.records[2:])),
        "a story without one of its transactions": of_item(transactions=item.transactions[1:]),
        "a story with a transaction twice": of_item(transactions=(item.transactions[0], *item.transactions)),
        "a story with a transaction that is not part of it": replace(
            good[TRANSFER], evidence=replace(transfer, transactions=(*transfer.transactions, paid))
        ),
        "a story told by another rule": replace(
            good[TRANSFER], evidence=replace(transfer, rule=item.rule)
        ),
        "a story kept by another contract": of_item(contract="remittance"),
        "a story without the header of a transaction": replace(good[ITEM], headers=good[ITEM].headers[1:]),
        "a story with its headers in another order": replace(good[ITEM], headers=tuple(reversed(good[ITEM].headers))),
        "a story with a header twice": replace(good[ITEM], headers=(*good[ITEM].headers, good[ITEM].headers[-1])),
        "a story with a header too many": replace(good[TRANSFER], headers=_all_headers(good)),
    }  # fmt: skip


def _sets(good: dict[str, ProofFile]) -> dict[str, ProofFile]:
    genesis = proof_genesis()
    changed = good[CHANGED]
    first, second = changed.changes
    mine = other_set(1, "m01", "m02", "m03", "m04")
    usurped = ValidatorChange(certified_by(genesis, mine, 10, mine), encoded_set(mine))
    skipped = other_set(2, "v02", "v03", "v04", "v05")
    return {
        "validators without the first change": replace(changed, changes=(second,)),
        "validators without the last change": replace(changed, changes=(first,)),
        "validators without any change": replace(changed, changes=()),
        "changes in another order": replace(changed, changes=(second, first)),
        "a change that nothing needs": replace(good[GENESIS_SET], changes=(first,)),
        "a change that announces others": replace(
            changed, changes=(replace(first, validators=encoded_set(mine)), second)
        ),
        "a change certified by those who come": ProofFile(
            changed.chain_id, None, (usurped,), (certified_by(genesis, mine, 20, mine),), ValidatorsEvidence()
        ),
        "a change that skips an epoch": ProofFile(
            changed.chain_id,
            None,
            (ValidatorChange(certified_by(genesis, genesis.validators, 10, skipped), encoded_set(skipped)),),
            (certified_by(genesis, skipped, 20, skipped),),
            ValidatorsEvidence(),
        ),
        "a block of the old validators after they were replaced": ProofFile(
            changed.chain_id,
            None,
            (first,),
            (certified_by(genesis, genesis.validators, 11, genesis.validators),),
            ValidatorsEvidence(),
        ),
        "a block of the new validators before their time": replace(
            changed, headers=(certified_by(genesis, skipped, 20, skipped),)
        ),
        "evidence where validators need none": _with_evidence(good[GENESIS_SET], [1]),
    }


def _bytes(files: dict[str, bytes]) -> dict[str, bytes]:
    paid = files[PAID]
    name = len(b"transaction")
    at = paid.index(b"transaction")
    return {
        "nothing": b"",
        "cut off": paid[:-1],
        "a byte too many": paid + b"\x00",
        "another version": paid[:1] + b"\x02" + paid[2:],
        "a kind that there is not": paid[:at] + b"transactiom" + paid[at + name :],
        "the version in two bytes": paid[:1] + b"\xcc\x01" + paid[2:],
        "an array that says it is endless": b"\xdd\xff\xff\xff\xff",
        "bytes that say they are endless": b"\x97\x01\xabtransaction\xc6\xff\xff\xff\xff",
        "arrays in arrays in arrays": b"\x91" * 10_000 + b"\xc0",
        "maps in maps": b"\x81\xa1a" * 5_000 + b"\xc0",
        "a float": b"\x97\x01\xabtransaction\xcb" + bytes(8),
        "an extension": b"\xd4\x01\x00",
        "text that is not UTF-8": b"\x97\x01\xab\xfframsaction",
    }


def _with_evidence(file: ProofFile, evidence: Any) -> ProofFile:
    """Return a stand-in whose encoding has other evidence."""

    class Odd:
        def encoded(self) -> bytes:
            headers = [[each.header, each.result, each.certificate] for each in file.headers]
            return encode([1, file.kind.value, file.chain_id, file.genesis, [], headers, evidence])

    return Odd()  # type: ignore[return-value]


def _certified(file: ProofFile, certificate: Certificate) -> ProofFile:
    header: CertifiedHeader = replace(file.headers[0], certificate=certificate.encoded())
    return replace(file, headers=(header,))


def _all_headers(good: dict[str, ProofFile]) -> tuple[CertifiedHeader, ...]:
    headers = {
        decode_header(each.header).height: each for file in (good[ITEM], good[TRANSFER]) for each in file.headers
    }
    return tuple(headers[height] for height in sorted(headers))


def _evidence(file: ProofFile, kind: type[Any]) -> Any:
    assert isinstance(file.evidence, kind)
    return file.evidence
