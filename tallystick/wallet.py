"""Wallets: the private key that signs for one member, in memory and in a file, sealed with a passphrase if wanted.

A sealed file holds the seed encrypted by AES-256-GCM under a key that scrypt derives from the passphrase; the public
key and all parameters are authenticated with it. Nothing here ever prints, logs or pickles a seed.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chain.checkpoint import Checkpoint, NoteSignature, cosign
from chain.crypto import DIGEST_BYTES, SEED_BYTES, public_key_of, sign
from chain.encoding import encode
from chain.json_values import JsonValueError, parse_json
from chain.transaction import Transaction, TransactionBody, sign_transaction
from chain.types import PublicKey, Signature
from tallystick.errors import TallystickError

FORMAT: Final = "tallystick-wallet/1"
REPORT_TAG: Final = "audit-report"
"""Domain of signatures over audit reports (docs/audit.md)."""
FILE_BYTES_MAX: Final = 4096
SCRYPT_N: Final = 2**16
"""Cost of a guess at the passphrase: 64 MiB of memory and about a quarter of a second."""

SCRYPT_N_MAX: Final = 2**20
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12


class WalletError(TallystickError, ValueError):
    """A wallet file that cannot be used; the message names the file and the cause, never its content."""

    code = "wallet_unusable"


class Signer(Protocol):
    """Whoever signs for a member: a Wallet, or a device that never gives its key away."""

    @property
    def public_key(self) -> PublicKey:
        """The key that the ledger knows the member by."""
        ...

    def sign_transaction(self, body: TransactionBody) -> Transaction:
        """Return the body with this key's signature (docs/protocol.md says over which bytes)."""
        ...


class Wallet:
    """Owns the seed of one member."""

    __slots__ = ("_public_key", "_seed")

    def __init__(self, seed: bytes) -> None:
        """Take a 32-byte private seed (RFC 8032).

        Raises:
            chain.crypto.InvalidKeyError: when it has another length.
        """
        self._public_key = public_key_of(seed)
        self._seed = seed

    @classmethod
    def generate(cls) -> "Wallet":
        """Return a wallet with a new random key."""
        return cls(secrets.token_bytes(SEED_BYTES))

    @classmethod
    def load(cls, path: Path | str, passphrase: str | None = None) -> "Wallet":
        """Return the wallet in a file.

        Raises:
            WalletError: when the file is missing, no wallet, sealed and no passphrase was given, or it does not fit.
        """
        path = Path(path)
        try:
            with path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise WalletError(f"{path}: {error.strerror}") from error
        try:
            return cls(_read_seed(content, passphrase))
        except (KeyError, TypeError, JsonValueError) as error:
            raise WalletError(f"{path} is not a wallet file") from error
        except ValueError as error:
            raise WalletError(f"{path}: {error}") from error

    def save(self, path: Path | str, passphrase: str | None = None) -> None:
        """Write a new file that only its owner may read, sealed if a passphrase is given.

        Raises:
            WalletError: when the file exists already or cannot be written.
        """
        document = self._plain() if passphrase is None else self._sealed(passphrase)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_dump(document))
        except OSError as error:
            raise WalletError(f"{path}: {error.strerror}") from error

    @property
    def public_key(self) -> PublicKey:
        """The key that the ledger knows the member by."""
        return self._public_key

    def sign_transaction(self, body: TransactionBody) -> Transaction:
        """Return the body with this wallet's signature.

        Raises:
            ValueError: when the body names another sender key.
        """
        return sign_transaction(body, self._seed)

    def sign_report(self, digest: bytes) -> Signature:
        """Return this wallet's signature over the SHA-256 of an audit report, which is valid for nothing else."""
        assert len(digest) == DIGEST_BYTES, "a report is signed by its hash"
        return sign(self._seed, REPORT_TAG, digest)

    def cosign(self, checkpoint: Checkpoint, name: str, seconds: int) -> NoteSignature:
        """Return a witness's signature of a head at this time (POSIX seconds)."""
        return cosign(checkpoint, name, self._seed, seconds)

    def __repr__(self) -> str:
        return f"Wallet(public_key={self._public_key.hex()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a wallet is not pickled; save it to a file")

    def _plain(self) -> dict[str, Any]:
        return {"format": FORMAT, "public_key": self._public_key.hex(), "seed": self._seed.hex()}

    def _sealed(self, passphrase: str) -> dict[str, Any]:
        salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
        bound = _bound_data(self._public_key, SCRYPT_N, salt)
        sealed = AESGCM(_derive(passphrase, SCRYPT_N, salt)).encrypt(nonce, self._seed, bound)
        box = {"kdf": "scrypt", "n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P, "salt": salt.hex()}
        cipher = {"cipher": "aes-256-gcm", "nonce": nonce.hex(), "ciphertext": sealed.hex()}
        return {"format": FORMAT, "public_key": self._public_key.hex(), "sealed_seed": {**box, **cipher}}


def is_sealed(path: Path | str) -> bool:
    """Tell whether a wallet file needs a passphrase.

    Raises:
        WalletError: when it is no wallet file.
    """
    try:
        document = parse_json(Path(path).read_bytes()[:FILE_BYTES_MAX])
    except OSError as error:
        raise WalletError(f"{path}: {error.strerror}") from error
    except JsonValueError as error:
        raise WalletError(f"{path} is not a wallet file") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise WalletError(f"{path} is not a wallet file")
    return "sealed_seed" in document


def _read_seed(content: bytes, passphrase: str | None) -> bytes:
    if len(content) > FILE_BYTES_MAX:
        raise ValueError(f"a wallet file has at most {FILE_BYTES_MAX} bytes")
    document = parse_json(content)
    if document["format"] != FORMAT:
        raise ValueError("this program does not know the format of the wallet")
    public_key = bytes.fromhex(document["public_key"])
    if "sealed_seed" in document:
        if passphrase is None:
            raise ValueError("the wallet is sealed; its passphrase is needed")
        seed = _unseal(document["sealed_seed"], public_key, passphrase)
    else:
        seed = bytes.fromhex(document["seed"])
    if len(seed) != SEED_BYTES or public_key_of(seed) != public_key:
        raise ValueError("the seed does not belong to the public key in the wallet")
    return seed


def _unseal(box: dict[str, Any], public_key: bytes, passphrase: str) -> bytes:
    n = box["n"]
    known = (box["kdf"], box["cipher"], box["r"], box["p"]) == ("scrypt", "aes-256-gcm", SCRYPT_R, SCRYPT_P)
    # A file may come from anywhere: its cost must not take this machine down.
    if not known or type(n) is not int or not 2 <= n <= SCRYPT_N_MAX or n & (n - 1):
        raise ValueError("the wallet is sealed in a way that this program does not know")
    salt = bytes.fromhex(box["salt"])
    try:
        cipher = AESGCM(_derive(passphrase, n, salt))
        return cipher.decrypt(
            bytes.fromhex(box["nonce"]), bytes.fromhex(box["ciphertext"]), _bound_data(public_key, n, salt)
        )
    except InvalidTag as error:
        raise ValueError("the passphrase is wrong, or the file was changed") from error


def _derive(passphrase: str, n: int, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=n, r=SCRYPT_R, p=SCRYPT_P).derive(passphrase.encode("utf-8"))


def _bound_data(public_key: bytes, n: int, salt: bytes) -> bytes:
    """Return what the seal authenticates beside the seed."""
    return encode([FORMAT, public_key, n, SCRYPT_R, SCRYPT_P, salt])


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode() + b"\n"
