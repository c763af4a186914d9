"""The checks at the edge, done once for all nodes of a run: they are pure, so what one found all the others find.

Nodes of one process would otherwise decode and verify everything again and again, and a run would do little else. What
an honest node has just encoded is not even decoded where signatures are stand-ins; runs with real ones check all of it.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, TypeVar

from chain.block import Block, decode_block
from chain.certificate import Certificate, CertificateError, decode_certificate, split_certified_block
from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, fields_of, pack_flat
from chain.receipt import BlockResult, decode_result
from chain.transaction import SIGNATURE_TAG, Transaction, decode_transaction
from chain.types import Digest
from chain.validators import ValidatorSet
from consensus.pbft.messages import Message, decode_message, encode_message
from consensus.simulation.signatures import RealSignatures, Signatures
from consensus.verify import MessageError, UnknownEpochError, check_certified_block, check_message

REMEMBERED_MAX: Final = 20_000
"""Answers of each kind that are kept; beyond, all are forgotten and found anew."""

Answer = TypeVar("Answer")
Refused = (DecodeError, MessageError, UnknownEpochError, CertificateError)


class Edge:
    """Remembers the outcome of checks by what was checked."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures
        self._trusts_honest = not isinstance(signatures, RealSignatures)
        self._known: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
        self._encoded: dict[int, tuple[Message, bytes]] = {}

    def encoded(self, message: Message) -> bytes:
        """Return a message's bytes, made once for each object."""
        known = self._encoded.get(id(message))
        if known is None:
            if len(self._encoded) >= REMEMBERED_MAX:
                self._encoded.clear()
            # The message is kept beside its bytes, so that its identity is not given to another one.
            known = self._encoded[id(message)] = (message, encode_message(message))
        return known[1]

    def payload(
        self, message: Message, ids: list[Digest] | None, validators: ValidatorSet, *, is_honest: bool
    ) -> bytes:
        """Return what travels for a message and the transaction ids beside it."""
        joined = None if ids is None else b"".join(ids)
        payload = pack_flat([1, self.encoded(message), joined])
        if is_honest and self._trusts_honest:
            self._known["message"].setdefault((payload, validators.epoch), ((message, ids), None))
        return payload

    def message(self, payload: bytes, validators: ValidatorSet) -> tuple[Message, list[Digest] | None]:
        """Return the message in a payload, and the transaction ids beside it.

        Raises:
            DecodeError, MessageError, UnknownEpochError, CertificateError: when it is refused.
        """
        return self._once("message", (payload, validators.epoch), lambda: self._message(payload, validators))

    def refused_message(self, payload: bytes) -> Message | None:
        """Return the message in a payload that was refused; None where the form is what is wrong."""
        try:
            return decode_message(decode(payload)[1])
        except DecodeError:
            return None

    def certified_block(self, data: bytes, validators: ValidatorSet) -> tuple[Block, BlockResult, Certificate]:
        """Return the parts of a certified block.

        Raises:
            DecodeError, MessageError, UnknownEpochError, CertificateError: when it is refused.
        """
        return self._once("certified", (data, validators.epoch), lambda: self._certified_block(data, validators))

    def transaction(self, raw: bytes) -> Transaction:
        """Return a decoded transaction.

        Raises:
            DecodeError: when it is none.
        """
        return self._once("transaction", raw, lambda: decode_transaction(raw, size_max=len(raw)))

    def signature_good(self, transaction: Transaction) -> bool:
        """Tell whether a transaction is signed by its sender."""
        key, signed = transaction.body.sender_key, transaction.transaction_id
        return self._once(
            "signed",
            transaction.raw,
            lambda: self._signatures.verify(key, SIGNATURE_TAG, signed, transaction.signature),
        )

    def verifies(self, key: bytes, tag: str, payload: bytes, signature: bytes) -> bool:
        """Tell whether a signature is good."""
        return self._once(
            "signature", (payload, signature), lambda: self._signatures.verify(key, tag, payload, signature)
        )

    def _once(self, kind: str, key: Any, find: Callable[[], Answer]) -> Answer:
        known = self._known[kind]
        found: Any = known.get(key)
        if found is None:
            if len(known) >= REMEMBERED_MAX:
                known.clear()
            try:
                found = known[key] = (find(), None)
            except Refused as error:
                found = known[key] = (None, error)
        answer, refusal = found
        if refusal is not None:
            raise refusal.with_traceback(None)
        return answer  # type: ignore[no-any-return]

    def _message(self, payload: bytes, validators: ValidatorSet) -> tuple[Message, list[Digest] | None]:
        _, encoded, ids = fields_of(decode(payload), "consensus payload", 1, bytes, None)
        message = decode_message(encoded)
        check_message(message, validators, verify=self._signatures.verify)
        if ids is None:
            return message, None
        return message, [Digest(ids[start : start + DIGEST_BYTES]) for start in range(0, len(ids), DIGEST_BYTES)]

    def _certified_block(self, data: bytes, validators: ValidatorSet) -> tuple[Block, BlockResult, Certificate]:
        raw, result, certificate = split_certified_block(data, size_max=len(data))
        parts = decode_block(raw), decode_result(result), decode_certificate(certificate)
        check_certified_block(*parts, validators, self._signatures.verify)
        return parts
