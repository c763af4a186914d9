"""What an operator's configuration says of readers, in the terms of the HTTP API."""

import hashlib

from api.access import ApiAccess
from configs.node_config import AccessConfig, load_tokens


def api_access(config: AccessConfig) -> ApiAccess:
    """Return who may read.

    Raises:
        ConfigError: when the file of tokens cannot be used.
    """
    tokens = () if config.tokens is None else load_tokens(config.tokens)
    hashes = tuple(hashlib.sha256(token.encode()).digest() for token in tokens)
    return ApiAccess(hashes, frozenset(config.public_views), frozenset(config.origins))
