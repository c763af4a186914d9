"""Turns what consensus has caught a validator at into evidence, checks it, and has it kept.

Nothing is believed here: what does not hold against genesis' validators is dropped, whoever it would convict. Checking
costs signatures, so messages that were refused are looked at only so often, and what is proven already is not proven
again.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from assembly.evidence_folder import EvidenceFolder
from chain.block import Block
from chain.block_store import BlockStore
from chain.evidence import Evidence
from chain.evidence_check import EvidenceError, check_evidence
from chain.genesis import Genesis
from chain.proofs import CertifiedHeader
from chain.types import Digest, Height, ValidatorId
from chain.validators import ValidatorSet
from consensus.evidence import candidates, of_refused, shown_transaction
from consensus.pbft.events import Accusation, BadProposal
from consensus.pbft.messages import Message

LOG = logging.getLogger("tallystick.evidence")

REFUSED_SECONDS: Final = 0.5
"""Time between two refused messages that are looked at; a connection that brings one is closed anyway."""


class Accuser:
    """Owns no evidence; decides what becomes evidence."""

    def __init__(
        self,
        genesis: Genesis,
        blocks: BlockStore,
        folder: EvidenceFolder,
        validators: Callable[[], ValidatorSet],
        undecided_body: Callable[[Digest], Block | None],
        clock: Callable[[], float],
    ) -> None:
        """`validators` returns the present set, `undecided_body` a block that was proposed, `clock` seconds."""
        self._genesis = genesis
        self._blocks = blocks
        self._folder = folder
        self._validators = validators
        self._undecided_body = undecided_body
        self._clock = clock
        self._looked_at: float | None = None

    def accused(self, accusation: Accusation, culprit_of: Callable[[Digest], int | None]) -> None:
        """Take note of what the replica has caught; `culprit_of` returns the transaction that makes a block invalid."""
        if not isinstance(accusation, BadProposal):
            self._keep_first(candidates(accusation, None, None))
            return
        if accusation.message is None:
            return
        block_hash = accusation.message.block_hash
        shown, culprit = None, culprit_of(block_hash)
        body = None if culprit is None else self._undecided_body(block_hash)
        if body is not None and culprit is not None:
            shown = shown_transaction(body, culprit)
        self._keep_first(candidates(accusation, self._below(accusation.height), shown))

    def refused(self, message: Message) -> None:
        """Take note of a message that the edge has refused."""
        now = self._clock()
        evidence = of_refused(message)
        if evidence is None or (self._looked_at is not None and now - self._looked_at < REFUSED_SECONDS):
            return
        self._looked_at = now
        self._keep_first([evidence])

    def _keep_first(self, found: Iterable[Evidence]) -> None:
        """Keep the first that holds."""
        genesis = self._genesis
        for evidence in found:
            try:
                finding = check_evidence(evidence, genesis, genesis.genesis_hash, self._validators())
            except EvidenceError as error:
                LOG.debug("no evidence against %s: %s", evidence.validator, error)
                continue
            if self._folder.keep(evidence, finding):
                place = finding.place
                LOG.error(
                    "evidence against %s: %s at height %d, view %d, kept as %s; lay it before the members",
                    *(finding.validator, finding.code, place.height, place.view, evidence.digest.hex()),
                )
            return

    def _below(self, height: Height) -> CertifiedHeader | None:
        """Return the decided block below a height with its certificate."""
        below = Height(height - 1)
        if below < 1:
            return None
        header, result = self._blocks.header(below), self._blocks.result(below)
        certificate = self._blocks.certificate(below)
        if header is None or result is None or certificate is None:
            return None
        return CertifiedHeader(header, result, certificate)


def findings_by_validator(folder: EvidenceFolder) -> dict[ValidatorId, int]:
    """Return how many kinds of misbehaviour of each validator are proven here."""
    counts: dict[ValidatorId, int] = {}
    for held in folder.held:
        counts[held.finding.validator] = counts.get(held.finding.validator, 0) + 1
    return counts
