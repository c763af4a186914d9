"""The JSON forms of the ledger's own structures; the raw bytes stand beside what was read from them.

Heights, views, counts and times are numbers; contract values have the tagged form of chain.json_values.
"""

from typing import Any

from api.block_cache import KnownBlock
from api.ports import CatchUpStatus, CommittedTransaction, NodeStatus, PendingTransaction, Submission
from api.responses import base64_text
from chain.certificate import Certificate
from chain.encoding import DecodeError, decode
from chain.identity import ContractRecord, ContractVersion, Member
from chain.json_values import fields_to_json, to_json
from chain.receipt import Receipt, own_receipt
from chain.runtime import Event
from chain.state_keys import decode_key
from chain.state_leaf import Leaf, leaf_hash
from chain.transaction import Transaction, decode_transaction
from chain.validators import ValidatorSet


def submission_json(submission: Submission) -> dict[str, Any]:
    """Return the answer to one transaction of a batch that does not wait."""
    known = submission.transaction_id
    answer: dict[str, Any] = {"id": None if known is None else known.hex(), "status": submission.state.value}
    if submission.code is not None:
        answer.update(code=submission.code, detail=submission.detail)
    if submission.retry_after_seconds is not None:
        answer["retry_after"] = submission.retry_after_seconds
    return answer


def committed_json(committed: CommittedTransaction) -> dict[str, Any]:
    """Return where a transaction was committed and its receipt."""
    return {
        "id": committed.transaction_id.hex(),
        "status": "committed",
        "height": committed.height,
        "index": committed.index,
        "block_hash": committed.block_hash.hex(),
        "time": committed.time,
        "receipt": receipt_json(committed.receipt),
    }


def transaction_json(known: CommittedTransaction | PendingTransaction) -> dict[str, Any]:
    """Return everything about one transaction."""
    place: dict[str, Any] = {"id": known.transaction_id.hex(), "status": "pending"}
    if isinstance(known, CommittedTransaction):
        place = committed_json(known)
    return {**place, **content_json(decode_transaction(known.raw, size_max=len(known.raw)))}


def content_json(transaction: Transaction) -> dict[str, Any]:
    """Return what a transaction says."""
    body = transaction.body
    return {
        "sender_key": body.sender_key.hex(),
        "nonce": body.nonce.hex(),
        "valid_until": body.valid_until,
        "gas_limit": body.gas_limit,
        "memo": body.memo,
        "idempotency_key": body.idempotency_key,
        "calls": [
            {"contract": call.contract, "method": call.method, "args": [to_json(item) for item in call.args]}
            for call in body.calls
        ],
        "signature": transaction.signature.hex(),
        "raw": base64_text(transaction.raw),
    }


def receipt_json(encoded: bytes, receipt: Receipt | None = None) -> dict[str, Any]:
    """Return what became of a transaction."""
    known = own_receipt(encoded) if receipt is None else receipt
    return {
        "status": "succeeded" if known.succeeded else "failed",
        "code": known.code,
        "gas_used": known.gas_used,
        "events": [event_json(event) for event in known.events],
        "values": [to_json(value) for value in known.values],
        "raw": base64_text(encoded),
    }


def event_json(event: Event) -> dict[str, Any]:
    """Return one event."""
    return {"contract": event.contract, "name": event.name, "fields": fields_to_json(event.fields)}


def block_summary_json(known: KnownBlock) -> dict[str, Any]:
    """Return what a listing shows of a block."""
    header = known.block.header
    return {
        "height": header.height,
        "hash": known.block_hash.hex(),
        "parent_hash": header.parent_hash.hex(),
        "time": header.time,
        "proposer": header.proposer,
        "view": known.certificate.subject.view,
        "transaction_count": len(known.block.transactions),
        "size": len(known.record.block),
    }


def block_json(known: KnownBlock) -> dict[str, Any]:
    """Return everything about a block but the bodies of its transactions."""
    header = known.block.header
    result = known.result
    return {
        **block_summary_json(known),
        "version": header.version,
        "chain_id": header.chain_id.hex(),
        "parent_result_hash": header.parent_result_hash.hex(),
        "history_root": header.history_root.hex(),
        "transactions_root": header.transactions_root.hex(),
        "validators_hash": header.validators_hash.hex(),
        "epoch": header.epoch,
        "result": {
            "hash": result.result_hash.hex(),
            "state_root": result.state_root.hex(),
            "receipts_root": result.receipts_root.hex(),
            "next_validators_hash": result.next_validators_hash.hex(),
        },
        "certificate": certificate_json(known.certificate),
        "transactions": [
            {"id": receipt.transaction_id.hex(), "status": "succeeded" if receipt.succeeded else "failed"}
            for receipt in known.receipts
        ],
    }


def certificate_json(certificate: Certificate) -> dict[str, Any]:
    """Return who certified a block."""
    signatures = [{"validator": name, "signature": signature.hex()} for name, signature in certificate.signatures]
    return {"epoch": certificate.subject.epoch, "view": certificate.subject.view, "signatures": signatures}


def contract_json(contract: ContractRecord) -> dict[str, Any]:
    """Return a contract as it is now, without its source."""
    return {**version_json(contract.current), "frozen": contract.frozen}


def version_json(version: ContractVersion) -> dict[str, Any]:
    """Return one version of a contract, without its source."""
    return {
        "name": version.name,
        "version": version.version,
        "language": version.language,
        "source_hash": version.source_hash.hex(),
        "deployer": version.deployer,
        "height": version.height,
    }


def leaf_json(encoded: bytes, leaf: Leaf) -> dict[str, Any]:
    """Return one version of a key's value."""
    return {
        "value": None if leaf.value is None else stored_value_json(leaf.value),
        "deleted": leaf.value is None,
        "height": leaf.height,
        "index": leaf.index,
        "hash": leaf_hash(encoded).hex(),
        "previous": None if leaf.previous is None else leaf.previous.hex(),
        "raw": base64_text(encoded),
    }


def stored_value_json(value: bytes) -> Any:
    """Return a stored value."""
    return to_json(decode(value))


def key_json(key: bytes) -> Any:
    """Return a storage key as the array of its parts, or its bytes where it has another form."""
    try:
        return [to_json(part) for part in decode_key(key)]
    except DecodeError:
        return "0x" + key.hex()


def member_json(key: bytes, member: Member) -> dict[str, Any]:
    """Return a key and the member who owns it."""
    return {
        "id": member.member_id,
        "organisation": member.organisation,
        "roles": list(member.roles),
        "active": member.active,
        "key": key.hex(),
    }


def validators_json(validators: ValidatorSet) -> dict[str, Any]:
    """Return a validator set."""
    return {
        "epoch": validators.epoch,
        "hash": validators.validators_hash.hex(),
        "quorum": validators.quorum,
        "faults_max": validators.faults_max,
        "validators": [
            {
                "id": validator.validator_id,
                "organisation": validator.organisation,
                "consensus_key": validator.consensus_key.hex(),
                "tls_certificates": [certificate.hex() for certificate in validator.tls_certificates],
            }
            for validator in validators.validators
        ],
    }


def status_json(status: NodeStatus) -> dict[str, Any]:
    """Return a node's condition."""
    return {
        "name": status.name,
        "version": status.version,
        "validator": status.validator_id,
        "ready": status.ready,
        "not_ready_reasons": list(status.not_ready_reasons),
        "height": status.height,
        "view": status.view,
        "primary": status.primary,
        "peers": [
            {"name": peer.name, "address": peer.address, "connected": peer.connected, "height": peer.height}
            for peer in status.peers
        ],
        "mempool": {"transactions": status.mempool_transactions, "bytes": status.mempool_bytes},
        "pid": status.pid,
        "executor_pid": status.executor_pid,
        "walls_missing": list(status.walls_missing),
        "protocol_version": status.protocol_version,
        "notices": list(status.notices),
        "catch_up": None if status.catch_up is None else _catch_up_json(status.catch_up),
        "lacking": {
            "blocks": [{"first": first, "last": last} for first, last in status.lacking.blocks],
            "versions_until": status.lacking.versions_until,
        },
    }


def _catch_up_json(catch_up: CatchUpStatus) -> dict[str, Any]:
    per_second, remaining = catch_up.per_second, catch_up.remaining_seconds
    return {
        "phase": catch_up.phase,
        "height": catch_up.height,
        "target": catch_up.target,
        "done": catch_up.done,
        "total": catch_up.total,
        "unit": catch_up.unit,
        "per_second": None if per_second is None else round(per_second, 1),
        "remaining_seconds": None if remaining is None else round(remaining, 1),
        "sources": list(catch_up.sources),
        "set_aside": [{"peer": peer, "reason": reason} for peer, reason in catch_up.set_aside],
    }
