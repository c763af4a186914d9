"""EPCIS 2.0 at the gateway: documents in, event hashes and signed-call arguments out."""
