"""The signature of a report: a small JSON file beside it, over the SHA-256 of the report's bytes."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from chain.crypto import verify
from chain.types import PublicKey, Signature
from chain.values import dataclass

FORMAT: Final = "tallystick-report-signature/1"
TAG: Final = "audit-report"
SUFFIX: Final = ".sig"
FILE_BYTES_MAX: Final = 4096


class ReportSignatureError(ValueError):
    """A signature file that proves nothing about the report; the message says why."""


@dataclass(frozen=True, slots=True)
class ReportSignature:
    """What the file says."""

    sha256: str
    public_key: PublicKey
    signature: Signature

    def encoded(self) -> bytes:
        """Return the content of the file."""
        document = {
            "format": FORMAT,
            "sha256": self.sha256,
            "public_key": self.public_key.hex(),
            "signature": self.signature.hex(),
        }
        return json.dumps(document, indent=1).encode() + b"\n"


def sign_report(report: bytes, public_key: PublicKey, sign: Callable[[bytes], Signature]) -> ReportSignature:
    """Return the signature of a report; `sign` signs 32 bytes in the domain TAG."""
    digest = hashlib.sha256(report).digest()
    return ReportSignature(digest.hex(), public_key, sign(digest))


def check_report(report: bytes, signature_file: bytes) -> ReportSignature:
    """Return the signature if it is good and of exactly this report.

    Raises:
        ReportSignatureError: when it is not.
    """
    try:
        document: Any = json.loads(signature_file)
        public_key, signature = bytes.fromhex(document["public_key"]), bytes.fromhex(document["signature"])
        stated = ReportSignature(str(document["sha256"]), PublicKey(public_key), Signature(signature))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReportSignatureError("this is no signature of a report") from error
    if stated.encoded() != signature_file:
        raise ReportSignatureError("this is no signature of a report in its one form")
    digest = hashlib.sha256(report).digest()
    if digest.hex() != stated.sha256:
        raise ReportSignatureError(f"the signature is of another file, with the SHA-256 {stated.sha256}")
    if not verify(public_key, TAG, digest, signature):
        raise ReportSignatureError(f"the signature is not that of the key {public_key.hex()}")
    return stated
