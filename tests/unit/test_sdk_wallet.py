"""Wallet files: sealed or not, for their owner alone, and never in print."""

import json
import pickle
import stat
from pathlib import Path

import pytest
from api_fake_node import START, fake_genesis

from chain.crypto import InvalidKeyError
from chain.transaction import Call, TransactionBody, verify_transaction
from chain.types import Milliseconds
from tallystick.wallet import Wallet, WalletError, is_sealed

SEED = bytes(range(32))


def test_a_plain_file_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "alice.key"
    Wallet(SEED).save(path)
    assert Wallet.load(path).public_key == Wallet(SEED).public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not is_sealed(path)


def test_a_sealed_file_needs_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "alice.key"
    Wallet(SEED).save(path, "correct horse")
    assert is_sealed(path)
    assert SEED.hex() not in path.read_text()
    assert Wallet.load(path, "correct horse").public_key == Wallet(SEED).public_key
    with pytest.raises(WalletError, match="passphrase is needed"):
        Wallet.load(path)
    with pytest.raises(WalletError, match="passphrase is wrong"):
        Wallet.load(path, "wrong horse")


def test_what_is_outside_the_seal_is_authenticated_too(tmp_path: Path) -> None:
    path = tmp_path / "alice.key"
    Wallet(SEED).save(path, "x")
    document = json.loads(path.read_text())
    document["public_key"] = Wallet(bytes(32)).public_key.hex()
    path.write_text(json.dumps(document))
    with pytest.raises(WalletError, match="changed"):
        Wallet.load(path, "x")


def test_a_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "alice.key"
    Wallet(SEED).save(path)
    with pytest.raises(WalletError, match="File exists"):
        Wallet.generate().save(path)
    assert Wallet.load(path).public_key == Wallet(SEED).public_key


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", '"x"', '{"format": "other"}', "x" * 5000, '{"format": "tallystick-wallet/1"}', "\0"],
)
def test_other_files(tmp_path: Path, content: str) -> None:
    path = tmp_path / "alice.key"
    path.write_text(content)
    with pytest.raises(WalletError, match=r"alice\.key"):
        Wallet.load(path)


def test_a_missing_file_and_a_costly_seal(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="No such file"):
        Wallet.load(tmp_path / "nothing")
    path = tmp_path / "alice.key"
    Wallet(SEED).save(path, "x")
    document = json.loads(path.read_text())
    for n in (2**40, 0, 3, -2, "2", True):
        document["sealed_seed"]["n"] = n
        path.write_text(json.dumps(document))
        with pytest.raises(WalletError, match="does not know"):
            Wallet.load(path, "x")


def test_another_public_key(tmp_path: Path) -> None:
    path = tmp_path / "alice.key"
    Wallet(SEED).save(path)
    path.write_text(path.read_text().replace(Wallet(SEED).public_key.hex(), Wallet(bytes(32)).public_key.hex()))
    with pytest.raises(WalletError, match="does not belong"):
        Wallet.load(path)


def test_a_wallet_shows_its_public_key_alone() -> None:
    wallet = Wallet(SEED)
    assert SEED.hex() not in repr(wallet)
    assert wallet.public_key.hex() in repr(wallet)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(wallet)
    with pytest.raises(InvalidKeyError):
        Wallet(b"short")
    assert Wallet.generate().public_key != Wallet.generate().public_key


def test_signing() -> None:
    wallet = Wallet(SEED)
    chain_id = fake_genesis().genesis_hash
    call = Call("bank", "deposit", ("a", 1))
    body = TransactionBody(chain_id, wallet.public_key, bytes(16), Milliseconds(START), (call,), 10)
    assert verify_transaction(wallet.sign_transaction(body))
    with pytest.raises(ValueError, match="does not belong"):
        Wallet(bytes(32)).sign_transaction(body)
