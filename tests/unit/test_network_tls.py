"""Certificates: what is made can be used, what is registered is trusted to the byte, and nothing else is."""

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from network_support import make_validator

from chain.types import PublicKey, ValidatorId
from chain.validators import Validator
from network.tls import (
    TlsFiles,
    TlsMaterialError,
    certificate_der_of,
    check_certificate_der,
    client_context,
    make_certificate,
    registry_of,
    server_context,
)

PERIOD = (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC))


def _issue(name: str, issuer: str, key: ed25519.Ed25519PrivateKey, issuer_key: ed25519.Ed25519PrivateKey) -> bytes:
    """Return the PEM of a certificate that may sign others."""
    builder = x509.CertificateBuilder().serial_number(7).public_key(key.public_key())
    builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    builder = builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
    builder = builder.not_valid_before(PERIOD[0]).not_valid_after(PERIOD[1])
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(issuer_key, None).public_bytes(serialization.Encoding.PEM)


def _write(folder: Path, name: str, certificate_pem: bytes, key: ed25519.Ed25519PrivateKey) -> TlsFiles:
    files = TlsFiles(folder / f"{name}.crt", folder / f"{name}.key")
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files.certificate.write_bytes(certificate_pem)
    files.key.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return files


async def _shake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[bytes, bytes] | ssl.SSLError:
    """Do a TLS handshake in memory; return the certificates that server and client saw, or the first error."""
    pipes = [ssl.MemoryBIO() for _ in range(2)]
    ends = [
        server.wrap_bio(pipes[0], pipes[1], server_side=True),
        client.wrap_bio(pipes[1], pipes[0], server_hostname="peer"),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return error
        await asyncio.sleep(0)
    seen = [end.getpeercert(binary_form=True) for end in ends]
    assert seen[0] is not None and seen[1] is not None
    return seen[0], seen[1]


async def test_registered_certificates_authenticate_both_sides(tmp_path: Path) -> None:
    (north, north_files), (east, east_files) = make_validator(tmp_path, "north"), make_validator(tmp_path, "east")
    registry = registry_of([north, east])
    seen = await _shake(server_context(north_files, registry), client_context(east_files, registry))
    assert seen == (east.tls_certificates[0], north.tls_certificates[0])
    assert registry.owners_of(east.tls_certificates[0]) == {"east"}
    assert registry.owners_of(b"unknown") == frozenset()


async def test_a_stranger_is_refused_by_either_side(tmp_path: Path) -> None:
    (north, north_files), (_, thief_files) = make_validator(tmp_path, "north"), make_validator(tmp_path, "thief")
    registry = registry_of([north])
    as_client = await _shake(server_context(north_files, registry), client_context(thief_files, registry))
    assert isinstance(as_client, ssl.SSLCertVerificationError)
    as_server = await _shake(server_context(thief_files, registry), client_context(north_files, registry))
    assert isinstance(as_server, ssl.SSLCertVerificationError)


async def test_current_and_next_certificate_are_trusted(tmp_path: Path) -> None:
    (north, north_files), (east, _) = make_validator(tmp_path, "north"), make_validator(tmp_path, "east")
    following, following_files = make_validator(tmp_path, "east")
    both = Validator(
        east.validator_id, "east", PublicKey(bytes(32)), (*east.tls_certificates, *following.tls_certificates)
    )
    registry = registry_of([north, both])
    seen = await _shake(server_context(north_files, registry), client_context(following_files, registry))
    assert isinstance(seen, tuple)
    assert registry.owners_of(seen[0]) == {"east"}


async def test_what_a_registered_certificate_signs_is_not_trusted(tmp_path: Path) -> None:
    """OpenSSL may accept the chain; the comparison of bytes does not."""
    authority_key, child_key = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
    authority_pem = _issue("east", "east", authority_key, authority_key)
    east = Validator(ValidatorId("east"), "east", PublicKey(bytes(32)), (certificate_der_of(authority_pem),))
    north, north_files = make_validator(tmp_path, "north")
    child_files = _write(tmp_path, "child", _issue("child", "east", child_key, authority_key), child_key)
    registry = registry_of([north, east])
    assert registry.unusable == ()
    seen = await _shake(server_context(north_files, registry), client_context(child_files, registry))
    assert isinstance(seen, tuple), "the chain is one that OpenSSL accepts; otherwise this test shows nothing"
    assert registry.owners_of(seen[0]) == frozenset()


async def test_older_tls_is_refused(tmp_path: Path) -> None:
    (north, north_files), (east, east_files) = make_validator(tmp_path, "north"), make_validator(tmp_path, "east")
    registry = registry_of([north, east])
    old = client_context(east_files, registry)
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert isinstance(await _shake(server_context(north_files, registry), old), ssl.SSLError)


def test_unusable_certificates_are_reported_and_stop_nothing(tmp_path: Path) -> None:
    north, north_files = make_validator(tmp_path, "north")
    rubbish = Validator(ValidatorId("east"), "east", PublicKey(bytes(32)), (b"rubbish", north.tls_certificates[0][:-1]))
    registry = registry_of([north, rubbish])
    assert [validator_id for validator_id, _ in registry.unusable] == ["east", "east"]
    assert set(registry.owners) == {north.tls_certificates[0]}
    server_context(north_files, registry)


def test_a_certificate_registered_twice_has_two_owners(tmp_path: Path) -> None:
    north, _ = make_validator(tmp_path, "north")
    copycat = Validator(ValidatorId("east"), "east", PublicKey(bytes(32)), north.tls_certificates)
    assert registry_of([north, copycat]).owners_of(north.tls_certificates[0]) == {"north", "east"}


def test_other_keys_and_foreign_signatures_may_not_be_registered() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "east")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(7)
    builder = builder.public_key(key.public_key()).not_valid_before(PERIOD[0]).not_valid_after(PERIOD[1])
    with pytest.raises(TlsMaterialError, match="not of an Ed25519 key"):
        check_certificate_der(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
    first, second = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(TlsMaterialError, match="not a self-signed certificate"):
        check_certificate_der(certificate_der_of(_issue("east", "east", first, second)))
    with pytest.raises(TlsMaterialError, match="exceeds"):
        check_certificate_der(bytes(5000))


def test_material_is_consistent() -> None:
    material = make_certificate("north")
    assert certificate_der_of(material.certificate_pem) == material.certificate_der
    check_certificate_der(material.certificate_der)
    assert make_certificate("north").certificate_der != material.certificate_der
    with pytest.raises(TlsMaterialError):
        certificate_der_of(b"no certificate")


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    (north, north_files), (_, east_files) = make_validator(tmp_path, "north"), make_validator(tmp_path, "east")
    registry = registry_of([north])
    with pytest.raises(TlsMaterialError, match=r"east\.key"):
        server_context(TlsFiles(north_files.certificate, east_files.key), registry)
    with pytest.raises(TlsMaterialError, match="absent"):
        client_context(TlsFiles(tmp_path / "absent", north_files.key), registry)


def test_an_encrypted_key_is_an_error_and_no_question_on_the_terminal(tmp_path: Path) -> None:
    north, files = make_validator(tmp_path, "north")
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"secret")
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    with pytest.raises(TlsMaterialError):
        server_context(files, registry_of([north]))
