"""What an operator's configuration says of readers, in the terms of the HTTP API."""

import hashlib
import ssl

from api.access import ApiAccess
from api.revocation import RevocationError, RevocationList
from configs.node_config import AccessConfig, ConfigError, load_tokens


def api_access(config: AccessConfig) -> ApiAccess:
    """Return who may read, and over what.

    Raises:
        ConfigError: when the file of tokens or a certificate cannot be used.
    """
    tokens = () if config.tokens is None else load_tokens(config.tokens)
    hashes = tuple(hashlib.sha256(token.encode()).digest() for token in tokens)
    public = frozenset(config.public_views)
    return ApiAccess(
        hashes, public, frozenset(config.origins), _tls(config), config.client_ca is not None, _revoked(config)
    )


def _revoked(config: AccessConfig) -> RevocationList | None:
    if config.client_revoked is None:
        return None
    try:
        return RevocationList(config.client_revoked)
    except RevocationError as error:
        raise ConfigError(f"access.client_revoked: {error}") from error


def _tls(config: AccessConfig) -> ssl.SSLContext | None:
    """Return how the API is served over TLS, None if it is not."""
    if config.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(config.certificate, config.key, password=_refuse_password)
    except (OSError, ValueError) as error:
        raise ConfigError(f"access.certificate and access.key cannot be used: {error}") from error
    if config.client_ca is not None:
        try:
            context.load_verify_locations(config.client_ca)
        except (OSError, ValueError) as error:
            raise ConfigError(f"access.client_ca: {config.client_ca}: {error}") from error
        # Not required: holders of tokens, submitters and probes come without one. A wrong one ends the connection.
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _refuse_password() -> str:
    """Stand in for the terminal, at which nobody sits when a node starts."""
    raise ValueError("the key is encrypted; a node takes one that is not, readable by itself alone")
