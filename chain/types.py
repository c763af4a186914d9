"""Names for the plain values that travel everywhere: digests, heights, views, identifiers."""

from typing import NewType

Digest = NewType("Digest", bytes)
"""32 bytes of SHA-256."""

PublicKey = NewType("PublicKey", bytes)
"""32 bytes, an Ed25519 public key (RFC 8032)."""

Signature = NewType("Signature", bytes)
"""64 bytes, an Ed25519 signature (RFC 8032)."""

Height = NewType("Height", int)
"""Number of a block; genesis has height 0, the first block height 1."""

View = NewType("View", int)
"""Number of a view within one height; starts at 0 (PBFT, section 4.1)."""

Epoch = NewType("Epoch", int)
"""Number of changes that the validator set has seen since genesis."""

ValidatorId = NewType("ValidatorId", str)
"""Text that names a validator for good; it outlives the replacement of its key."""

Milliseconds = NewType("Milliseconds", int)
"""Milliseconds since 1970-01-01T00:00:00Z, without leap seconds."""
