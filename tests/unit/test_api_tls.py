"""Readers who show a certificate: what the API takes, what the SDK and the command show, and what neither accepts."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import aiohttp
import pytest
from api_fake_node import ALICE, START, FakeNode, deposit, fake_genesis
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.context import ApiLimits
from api.server import ApiServer
from assembly.access import api_access
from audit.mismatch import SourceUnreadable
from chain.types import Milliseconds
from cli.audit_sources import opened
from cli.cluster_layout import ClusterLayout, load, node_places, save
from cli.diagnosis.evidence import ask_cluster
from cli.errors import CliError
from cli.ledger import Target
from cli.main import tally
from configs.node_config import AccessConfig, ConfigError, load_node_config
from tallystick import AccessError, ApiError, AsyncClient, NodeUnavailable, ReaderAccess, Wallet, call

GENESIS_HASH = fake_genesis().genesis_hash
TOKEN = "a-reader's-token-of-some-length"
SAMPLE = Path(__file__).parents[2] / "configs" / "node.sample.toml"
PEM = serialization.Encoding.PEM


class Authority:
    """Owns a key that signs certificates into a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        made = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return files of a certificate for loopback and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
        certificate, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        made = self._builder(subject, key).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        certificate.write_bytes(made.public_bytes(PEM))
        plain = serialization.NoEncryption()
        key_file.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, plain))
        return certificate, key_file

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))


@asynccontextmanager
async def guarded(config: AccessConfig) -> AsyncIterator[str]:
    node = FakeNode()
    await node.submit([deposit(5).raw])
    server = ApiServer(node, ApiLimits(heartbeat_seconds=0.05), "127.0.0.1", 0, api_access(config))
    await server.start()
    try:
        yield server.address
    finally:
        await server.stop()


def client(address: str, **access: str | Path) -> AsyncClient:
    shown = ReaderAccess(**access)  # type: ignore[arg-type]
    now = Milliseconds(START + 1_000)
    return AsyncClient(address, genesis_hash=GENESIS_HASH, timeout_seconds=1.0, clock=lambda: now, access=shown)


async def height(made: AsyncClient) -> int:
    async with made:
        return int((await made.read("/v1/network"))["head"]["height"])


async def test_a_certificate_or_a_token_opens_and_nothing_else_does(tmp_path: Path) -> None:
    nodes, readers, others = (Authority(tmp_path, name) for name in ("nodes", "readers", "others"))
    certificate, key = nodes.issue("node")
    (tmp_path / "tokens").write_text(f"portal {TOKEN}\n", encoding="utf-8")
    config = AccessConfig(tmp_path / "tokens", certificate=certificate, key=key, client_ca=readers.file)
    reader, reader_key = readers.issue("reader")
    stranger, stranger_key = others.issue("stranger")
    async with guarded(config) as address:
        assert address.startswith("https://")
        assert await height(client(address, node_ca=nodes.file, certificate=reader, certificate_key=reader_key)) == 1
        assert await height(client(address, node_ca=nodes.file, token=TOKEN)) == 1
        for access in ({}, {"token": "wrong"}):
            with pytest.raises(ApiError) as refused:
                await height(client(address, node_ca=nodes.file, **access))
            assert refused.value.code == "token_required"
        for shown in (
            {"node_ca": nodes.file, "certificate": stranger, "certificate_key": stranger_key},
            {"node_ca": others.file, "certificate": reader, "certificate_key": reader_key},
            {"certificate": reader, "certificate_key": reader_key},
        ):
            with pytest.raises(NodeUnavailable):
                await height(client(address, **shown))


def fingerprint(certificate: Path) -> str:
    """Return the line that openssl prints."""
    digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    return f"sha256 Fingerprint={digest.hex(':').upper()}"


async def test_a_certificate_is_revoked_without_a_restart(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "all")
    certificate, key = authority.issue("node")
    files = {name: authority.issue(name) for name in ("lost", "kept")}
    revoked = tmp_path / "revoked"
    revoked.write_text("# none yet\n", encoding="utf-8")
    config = AccessConfig(certificate=certificate, key=key, client_ca=authority.file, client_revoked=revoked)
    async with guarded(config) as address:

        async def reads(name: str) -> bool:
            shown = {"certificate": files[name][0], "certificate_key": files[name][1]}
            try:
                return await height(client(address, node_ca=authority.file, **shown)) == 1
            except ApiError as error:
                return error.code != "token_required"

        context = ssl.create_default_context(cafile=authority.file)
        context.load_cert_chain(*files["lost"])
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            async with session.get(f"{address}/v1/blocks", headers={"Accept": "text/event-stream"}) as stream:
                assert stream.status == 200
                assert [await reads("lost"), await reads("kept")] == [True, True]
                revoked.write_text(f"{fingerprint(files['lost'][0])}  # left on Friday\n", encoding="utf-8")
                assert [await reads("lost"), await reads("kept")] == [False, True]
                assert b"token_required" in await stream.read()
        revoked.write_text("nonsense\n", encoding="utf-8")
        assert not await reads("kept"), "a list that is malformed refuses all"
        revoked.unlink()
        assert not await reads("kept")
        revoked.write_text("", encoding="utf-8")
        assert await reads("lost")


async def test_streams_are_open_to_certificates_and_probes_and_submissions_to_all(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "all")
    certificate, key = authority.issue("node")
    reader, reader_key = authority.issue("reader")
    async with guarded(AccessConfig(certificate=certificate, key=key, client_ca=authority.file)) as address:
        async with client(address, node_ca=authority.file, certificate=reader, certificate_key=reader_key) as made:
            assert (await made.submit(Wallet(ALICE), call("bank", "deposit", "a", 1))).succeeded
            async for event in made.events("bank", "Deposited"):
                assert event.height == 1
                break
        context = ssl.create_default_context(cafile=authority.file)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as anybody:
            for path, status in (("/livez", 200), ("/", 200), ("/v1/blocks", 401)):
                async with anybody.get(address + path) as answer:
                    assert answer.status == status, path
            raw = {"data": b"\xc4\x01x", "headers": {"Content-Type": "application/msgpack"}}
            async with anybody.post(address + "/v1/transactions", **raw) as answer:  # type: ignore[arg-type]
                assert (await answer.json())["code"] == "malformed_transaction"


async def test_audits_show_what_the_settings_say_to_the_nodes_that_they_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "all")
    certificate, key = authority.issue("node")
    authority.issue("reader")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def head(url: str) -> int:
        with opened(url) as history:
            return history.source.head_height()

    async with guarded(AccessConfig(certificate=certificate, key=key, client_ca=authority.file)) as address:
        with pytest.raises(SourceUnreadable, match="CERTIFICATE_VERIFY_FAILED"):
            await asyncio.to_thread(head, address)
        settings = f'url = "{address}"\nnode_ca = "all.pem"\n'
        (tmp_path / "tally.toml").write_text(settings, encoding="utf-8")
        with pytest.raises(SourceUnreadable, match="401"):
            await asyncio.to_thread(head, address)
        settings += 'certificate = "reader.pem"\ncertificate_key = "reader.key"\n'
        (tmp_path / "tally.toml").write_text(settings, encoding="utf-8")
        assert await asyncio.to_thread(head, address + "/") == 1
        (tmp_path / "tally.toml").write_text(settings.replace(address, "https://elsewhere"), encoding="utf-8")
        with pytest.raises(SourceUnreadable, match="CERTIFICATE_VERIFY_FAILED"):
            await asyncio.to_thread(head, address)


async def test_doctor_and_evidence_reach_a_local_cluster_that_serves_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "all")
    certificate, key = authority.issue("node")
    stranger, _ = authority.issue("stranger")
    (tmp_path / "tokens").write_text(f"portal {TOKEN}\n", encoding="utf-8")
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    folder = tmp_path / "cluster"
    (folder / "node1").mkdir(parents=True)
    configuration = folder / "node1" / "node.toml"
    monkeypatch.setattr("cli.cluster_processes.running_pid", lambda place: os.getpid())

    async def tally_at_the_cluster(*arguments: str) -> str:
        command = [*arguments, "--dir", str(folder)]
        outcome = await asyncio.to_thread(CliRunner().invoke, tally, command)
        return f"{outcome.output}{outcome.exception}"

    async with guarded(AccessConfig(tmp_path / "tokens", certificate=certificate, key=key)) as address:
        (place,) = node_places(folder, 1, int(address.rpartition(":")[2]))
        save(ClusterLayout(folder, GENESIS_HASH.hex(), (place,)))
        token = ["--token-file", str(tmp_path / "token")]
        assert "does not answer" in await tally_at_the_cluster("evidence", "list", *token)
        configuration.write_text(f'[access]\ncertificate = "{certificate}"\n', encoding="utf-8")
        assert "no evidence against any validator" in await tally_at_the_cluster("evidence", "list", *token)
        assert "Unauthorized" in await tally_at_the_cluster("evidence", "list")
        assert '"does not let everybody read' in await tally_at_the_cluster("cluster", "status", "--json")
        assert '"chain_id"' in await tally_at_the_cluster("query", "get", "/v1/network", *token)
        asked = await asyncio.to_thread(ask_cluster, load(folder), ReaderAccess(TOKEN))
        assert [(node.error, node.status is None) for node in asked.nodes] == [(None, False)]
        asked = await asyncio.to_thread(ask_cluster, load(folder))
        assert [node.error for node in asked.nodes] == ["it answers 401 Unauthorized"]
        by_url = ["evidence", "list", "--url", address, *token]
        trusted = await asyncio.to_thread(CliRunner().invoke, tally, [*by_url, "--node-ca", str(authority.file)])
        assert trusted.exit_code == 0, trusted.output
        refused = await asyncio.to_thread(CliRunner().invoke, tally, by_url)
        assert "CERTIFICATE_VERIFY_FAILED" in str(refused.exception)
        # Whoever else the same authority vouches for is not this node.
        configuration.write_text(f'[access]\ncertificate = "{stranger}"\n', encoding="utf-8")
        asked = await asyncio.to_thread(ask_cluster, load(folder), ReaderAccess(TOKEN))
        assert "CERTIFICATE_VERIFY_FAILED" in str(asked.nodes[0].error)


async def test_a_known_certificate_is_the_only_one_that_is_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "all")
    certificate, key = authority.issue("node")
    stranger, _ = authority.issue("stranger")
    async with guarded(AccessConfig(certificate=certificate, key=key)) as address:

        def knowing(file: Path, url: str = address) -> AsyncClient:
            access = ReaderAccess(node_certificates={f"{url}/": file})
            return AsyncClient(address, genesis_hash=GENESIS_HASH, timeout_seconds=1.0, access=access)

        assert await height(knowing(certificate)) == 1
        for client_of_others in (knowing(stranger), knowing(certificate, "https://127.0.0.1:9")):
            with pytest.raises(NodeUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await height(client_of_others)


async def test_tls_alone_lets_everybody_read_and_nobody_listen(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "all")
    certificate, key = authority.issue("node")
    async with guarded(AccessConfig(certificate=certificate, key=key)) as address:
        assert await height(client(address, node_ca=authority.file)) == 1
        with pytest.raises(NodeUnavailable):
            await height(client(address.replace("https", "http")))


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "all")
    certificate, key = authority.issue("node")
    _, other_key = authority.issue("other")
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing", encoding="utf-8")
    for config in (
        AccessConfig(certificate=tmp_path / "absent", key=key),
        AccessConfig(certificate=certificate, key=other_key),
        AccessConfig(certificate=certificate, key=key, client_ca=broken),
        AccessConfig(certificate=certificate, key=key, client_ca=authority.file, client_revoked=broken),
    ):
        with pytest.raises(ConfigError, match=r"access\."):
            api_access(config)
    for access in (
        ReaderAccess(certificate=certificate, certificate_key=other_key),
        ReaderAccess(certificate=broken),
        ReaderAccess(node_ca=broken),
    ):
        with pytest.raises(AccessError):
            AsyncClient("https://127.0.0.1:9", access=access)
        with pytest.raises(CliError):
            Target(("https://127.0.0.1:9",), None, None, access).client()
    assert TOKEN not in repr(ReaderAccess(TOKEN))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('certificate = "api.pem"', "given together"),
        ('key = "api.key"', "given together"),
        ('client_ca = "readers.pem"', "client certificates take TLS"),
        ('client_revoked = "revoked"', "no client certificates to revoke"),
        ('certificate = 1\nkey = "api.key"', "text is expected"),
    ],
)
def test_a_configuration_that_would_not_do_what_it_says_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text(SAMPLE.read_text(encoding="utf-8").replace("[access]", f"[access]\n{text}"), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_node_config(path)
