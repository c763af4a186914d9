"""TLS material and trust: pinned self-signed Ed25519 certificates, and contexts that accept registered ones alone.

The ledger, not a calendar and not an authority, says whose certificate is good, so ours never expire and certify
nothing else. OpenSSL refuses strangers during the handshake; because a registered certificate could be one that
signs others, the exact bytes that the peer showed are compared with the registered bytes afterwards.
"""

import datetime
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chain.types import ValidatorId
from chain.validators import CERTIFICATE_BYTES_MAX
from chain.values import dataclass

# RFC 5280, section 4.1.2.5: this date says that a certificate has no well-defined expiration.
_NOT_BEFORE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_NOT_AFTER = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


class TlsMaterialError(ValueError):
    """A certificate or key that cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """A fresh key with its self-signed certificate."""

    certificate_pem: bytes
    key_pem: bytes
    certificate_der: bytes
    """The bytes that are registered on the ledger."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where a node keeps its own certificate and key."""

    certificate: Path
    key: Path


class Registered(Protocol):
    """Whoever may connect: chain.validators.Validator, or an observer."""

    @property
    def validator_id(self) -> ValidatorId:
        """Its name, which no other has."""
        ...

    @property
    def tls_certificates(self) -> tuple[bytes, ...]:
        """Certificates in DER that it may show."""
        ...


@dataclass(frozen=True, slots=True)
class Observer:
    """A node that this one lets follow, though the ledger does not know it."""

    validator_id: ValidatorId
    tls_certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CertificateRegistry:
    """Whose certificates are trusted: registered DER bytes and the validators that registered them."""

    owners: dict[bytes, frozenset[ValidatorId]]
    """More than one owner only if somebody registers another's certificate; without its key that is of no use."""
    unusable: tuple[tuple[ValidatorId, str], ...]
    """Registered bytes that are no usable certificate: trusted by nobody, and no reason to stop a node."""

    def owners_of(self, certificate_der: bytes) -> frozenset[ValidatorId]:
        """Return the validators that registered exactly these bytes."""
        return self.owners.get(certificate_der, frozenset())


def make_certificate(name: str) -> TlsMaterial:
    """Return a new Ed25519 key with a self-signed certificate for TLS in both directions."""
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(_NOT_BEFORE).not_valid_after(_NOT_AFTER)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    certificate = builder.sign(key, None)
    return TlsMaterial(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate.public_bytes(serialization.Encoding.DER),
    )


def certificate_der_of(certificate_pem: bytes) -> bytes:
    """Return the DER bytes of a PEM certificate.

    Raises:
        TlsMaterialError: when the text holds no certificate.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except ValueError as error:
        raise TlsMaterialError(f"no PEM certificate: {error}") from error
    return certificate.public_bytes(serialization.Encoding.DER)


def certificate_expiry(certificate_pem: bytes) -> int:
    """Return the point in time, in milliseconds, from which on a certificate is refused.

    Raises:
        TlsMaterialError: when the text holds no certificate.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except ValueError as error:
        raise TlsMaterialError(f"no PEM certificate: {error}") from error
    return int(certificate.not_valid_after_utc.timestamp() * 1000)


def check_certificate_der(certificate_der: bytes) -> None:
    """Check that DER bytes may be registered as a validator's TLS certificate.

    Raises:
        TlsMaterialError: when they are too long, no certificate, or not of an Ed25519 key.
    """
    if len(certificate_der) > CERTIFICATE_BYTES_MAX:
        raise TlsMaterialError(f"certificate of {len(certificate_der)} bytes exceeds {CERTIFICATE_BYTES_MAX}")
    try:
        certificate = x509.load_der_x509_certificate(certificate_der)
        key = certificate.public_key()
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise TlsMaterialError(f"not a self-signed certificate: {error or type(error).__name__}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise TlsMaterialError(f"certificate of a {type(key).__name__}, not of an Ed25519 key")


def registry_of(validators: Iterable[Registered]) -> CertificateRegistry:
    """Return the registry of all certificates, current and next, of these validators and observers."""
    owners: dict[bytes, frozenset[ValidatorId]] = {}
    unusable = []
    for validator in validators:
        for certificate in validator.tls_certificates:
            try:
                check_certificate_der(certificate)
            except TlsMaterialError as error:
                unusable.append((validator.validator_id, str(error)))
                continue
            owners[certificate] = owners.get(certificate, frozenset()) | {validator.validator_id}
    return CertificateRegistry(owners, tuple(unusable))


def server_context(files: TlsFiles, registry: CertificateRegistry) -> ssl.SSLContext:
    """Return the context for accepted connections, which demands a registered certificate from the client.

    Raises:
        TlsMaterialError: when the node's own certificate or key cannot be loaded.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, files, registry)
    # Resumption would skip the certificates, and with them a change of the registry.
    context.num_tickets = 0
    return context


def client_context(files: TlsFiles, registry: CertificateRegistry) -> ssl.SSLContext:
    """Return the context for opened connections, which demands a registered certificate from the server.

    Raises:
        TlsMaterialError: when the node's own certificate or key cannot be loaded.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, files, registry)


def _context(protocol: int, files: TlsFiles, registry: CertificateRegistry) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Names mean nothing here: the certificate's bytes are the identity.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        # Without the password function an encrypted key would make OpenSSL ask on the terminal and block the node.
        context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        raise TlsMaterialError(f"cannot use {files.certificate} with {files.key}: {error}") from error
    if registry.owners:
        context.load_verify_locations(cadata=b"".join(registry.owners))
    return context
