"""The evidence that a node has: one file each below `evidence/` of its data, so that it outlives restarts.

The first of each kind of misbehaviour of a validator is kept; more of it proves no more. What a validator can make
this node keep is bounded by the number of kinds, and everything together by FILES_MAX and BYTES_MAX.
"""

import logging
import os
from pathlib import Path
from typing import Final

from chain.encoding import DecodeError
from chain.evidence import EVIDENCE_BYTES_MAX, Evidence, decode_evidence
from chain.evidence_check import EvidenceError, Finding, check_evidence
from chain.genesis import Genesis
from chain.store_folder import sync_folder
from chain.types import Digest, ValidatorId
from chain.values import dataclass

LOG = logging.getLogger("tallystick.evidence")

FILES_MAX: Final = 128
BYTES_MAX: Final = 32 * 1024 * 1024
SUFFIX: Final = ".evidence"


@dataclass(frozen=True, slots=True)
class Held:
    """Evidence that holds."""

    digest: Digest
    finding: Finding
    data: bytes
    is_durable: bool
    """Whether it is on the disk; otherwise it is lost when the node ends."""


class EvidenceFolder:
    """Owns the files, and what they prove."""

    def __init__(self, folder: Path, genesis: Genesis) -> None:
        """Read what is there; what does not hold, or is too much, is left alone and said."""
        self._folder = folder
        self._genesis = genesis
        self._held: dict[tuple[ValidatorId, str], Held] = {}
        self._bytes = 0
        for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
            self._read(path)

    @property
    def held(self) -> tuple[Held, ...]:
        """What is kept, by validator and what is proven."""
        return tuple(self._held[key] for key in sorted(self._held))

    def has(self, validator: ValidatorId, code: str) -> bool:
        """Tell whether such a thing is proven already."""
        return (validator, code) in self._held

    def find(self, digest: bytes) -> Held | None:
        """Return the evidence of this name."""
        return next((item for item in self._held.values() if item.digest == digest), None)

    def keep(self, evidence: Evidence, finding: Finding) -> bool:
        """Keep evidence that was checked; return False where it proves nothing new, or there is no room for it."""
        data = evidence.encoded()
        if self.has(finding.validator, finding.code) or not self._has_room(data):
            return False
        self._add(Held(evidence.digest, finding, data, self._write(evidence.digest, finding, data)))
        return True

    def _has_room(self, data: bytes) -> bool:
        return len(self._held) < FILES_MAX and self._bytes + len(data) <= BYTES_MAX

    def _add(self, held: Held) -> None:
        self._held[(held.finding.validator, held.finding.code)] = held
        self._bytes += len(held.data)

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                data = file.read(EVIDENCE_BYTES_MAX + 1)
            evidence = decode_evidence(data)
            genesis = self._genesis
            finding = check_evidence(evidence, genesis, genesis.genesis_hash, genesis.validators)
        except (OSError, DecodeError, EvidenceError) as error:
            LOG.warning("%s is left alone: %s", path, error)
            return
        if self.has(finding.validator, finding.code) or not self._has_room(data):
            LOG.warning("%s is left alone: it is more than is kept", path)
            return
        self._add(Held(evidence.digest, finding, data, is_durable=True))

    def _write(self, digest: Digest, finding: Finding, data: bytes) -> bool:
        """Write a file that is there whole or not at all; a disk that refuses costs the file, not the node."""
        path = self._folder / f"{finding.validator}-{finding.code}-{digest.hex()[:16]}{SUFFIX}"
        unfinished = path.with_suffix(".unfinished")
        try:
            self._folder.mkdir(exist_ok=True)
            with unfinished.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
            sync_folder(self._folder)
            sync_folder(self._folder.parent)
        except OSError as error:
            LOG.error("evidence against %s is in memory only: %s", finding.validator, error)
            return False
        return True
