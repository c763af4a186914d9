"""One node's configuration: where its data, keys and peers are. Nothing here can make nodes disagree.

Read once by node.py from a TOML file and handed on in narrow frozen pieces. Relative paths are relative to the file.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from chain.genesis import Genesis, GenesisError, genesis_from_json
from chain.mempool import MempoolLimits
from chain.values import dataclass

PORT_MAX: Final = 65_535
TOKEN_CHARACTERS_MIN: Final = 24


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names file and field."""


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP endpoint."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class KeyPaths:
    """Files that only the node may read."""

    consensus_seed: Path
    """32 bytes in hexadecimal: the private seed that signs votes."""
    tls_certificate: Path
    tls_key: Path


@dataclass(frozen=True, slots=True)
class CatchUpConfig:
    """How this node gets what it missed, and what it gives to those that miss something."""

    snapshot_after_blocks: int = 10_000
    """Further behind than this, a node joins by a snapshot of the state instead of executing the blocks; 0: never."""
    back_fill: bool = True
    """Whether blocks that a snapshot left out are fetched in the background."""
    snapshot_bytes_per_second: int = 16 * 1024 * 1024
    """At which rate this node gives snapshots out, to all peers together."""


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """Who may read over HTTP."""

    tokens: Path | None = None
    """File of readers' tokens, one a line: a name and the token; None leaves reads open."""
    public_views: tuple[tuple[str, str], ...] = ()
    """Contract and method of views that need no token."""
    origins: tuple[str, ...] = ()
    """Origins of pages that may read, such as https://portal.example; `*` for all."""
    certificate: Path | None = None
    """The server's own certificate, with those between it and its authority; with it the API is served over TLS."""
    key: Path | None = None
    """Private key of `certificate`."""
    client_ca: Path | None = None
    """Certificates of the authorities whose clients may read; None takes no client certificates."""
    client_revoked: Path | None = None
    """SHA-256 fingerprints of certificates that are taken no more; read anew when it changes. None for none."""


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything that is this node's own."""

    name: str
    """Its validator id in genesis; an observer chooses another name."""
    observer: bool
    """Whether it only follows: it holds the ledger, answers and takes transactions, and does not vote."""
    observers: Path | None
    """Folder with a certificate NAME.pem for each observer that may connect; None for none."""
    genesis_path: Path
    data: Path
    """Folder of `blocks`, `state` and `wal`."""
    api: Address
    peer: Address
    """Where it listens for other validators."""
    peers: dict[str, Address]
    """Where the other validators listen, by validator id."""
    keys: KeyPaths
    log_file: Path | None
    """None logs to standard error only."""
    log_bytes_max: int
    log_files_max: int
    verifier_processes: int
    require_walls: bool
    """Whether a node ends rather than run its helpers without a wall that this machine lacks."""
    store_cache_bytes: int
    """Of each of the two databases."""
    mempool: MempoolLimits
    catch_up: CatchUpConfig
    access: AccessConfig
    index: bool
    """Whether this node keeps an index of history, for its explorer and for queries by account, contract or word."""


_DEFAULTS: Final[dict[str, Any]] = {
    "log_file": None,
    "log_bytes_max": 16 * 1024 * 1024,
    "log_files_max": 4,
    "verifier_processes": 1,
    "store_cache_bytes": 16 * 1024 * 1024,
}


def load_node_config(path: Path) -> NodeConfig:
    """Read a node's configuration.

    Raises:
        ConfigError: when the file cannot be read, a field is missing, unknown or of the wrong type.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        return _parse(document, path.parent.resolve())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def load_genesis(path: Path) -> Genesis:
    """Read the genesis that a configuration names.

    Raises:
        ConfigError: when it cannot be read or describes no ledger that could start.
    """
    try:
        return genesis_from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, GenesisError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _parse(document: dict[str, Any], folder: Path) -> NodeConfig:
    required = {"name", "genesis", "data", "api", "peer", "peers", "keys"}
    optional = {"mempool", "catch_up", "observer", "observers", "require_walls", "index", "access"}
    unknown = set(document) - required - set(_DEFAULTS) - optional
    if unknown:
        raise ConfigError(f"unknown field {sorted(unknown)[0]}")
    missing = required - set(document)
    if missing:
        raise ConfigError(f"field {sorted(missing)[0]} is missing")
    keys = _table(document, "keys", {"consensus_seed", "tls_certificate", "tls_key"})
    peers = document["peers"]
    if not isinstance(peers, dict):
        raise ConfigError("peers: a table of validator ids and addresses is expected")
    log_file = _text(document, "log_file") if "log_file" in document else None
    return NodeConfig(
        _text(document, "name"),
        _flag(document, "observer", default=False),
        folder / _text(document, "observers") if "observers" in document else None,
        folder / _text(document, "genesis"),
        folder / _text(document, "data"),
        parse_address(_text(document, "api"), "api"),
        parse_address(_text(document, "peer"), "peer"),
        {name: parse_address(value, f"peers.{name}") for name, value in peers.items()},
        KeyPaths(*(folder / _text(keys, name) for name in ("consensus_seed", "tls_certificate", "tls_key"))),
        None if log_file is None else folder / log_file,
        _positive(document, "log_bytes_max"),
        _positive(document, "log_files_max"),
        _number(document, "verifier_processes", minimum=0),
        _flag(document, "require_walls", default=False),
        _positive(document, "store_cache_bytes"),
        _mempool(document.get("mempool", {})),
        _catch_up(document.get("catch_up", {})),
        _access(document.get("access", {}), folder),
        _flag(document, "index", default=True),
    )


def _catch_up(document: Any) -> CatchUpConfig:
    numbers = ("snapshot_after_blocks", "snapshot_bytes_per_second")
    if not isinstance(document, dict) or not set(document) <= {*numbers, "back_fill"}:
        raise ConfigError(f"catch_up: a table with some of {', '.join(numbers)}, back_fill is expected")
    for name in numbers:
        minimum = 0 if name == "snapshot_after_blocks" else 1
        if name in document and (type(document[name]) is not int or document[name] < minimum):
            raise ConfigError(f"catch_up.{name}: an integer of at least {minimum} is expected")
    if "back_fill" in document and type(document["back_fill"]) is not bool:
        raise ConfigError("catch_up.back_fill: true or false is expected")
    return CatchUpConfig(**document)


_ACCESS_FILES: Final = ("certificate", "key", "client_ca", "client_revoked")


def _access(document: Any, folder: Path) -> AccessConfig:
    names = ("tokens", "public_views", "origins", *_ACCESS_FILES)
    if not isinstance(document, dict) or not set(document) <= set(names):
        raise ConfigError(f"access: a table with some of {', '.join(names)} is expected")
    lists = {name: document.get(name, []) for name in ("public_views", "origins")}
    for name, values in lists.items():
        if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
            raise ConfigError(f"access.{name}: a list of texts is expected")
    views = []
    for text in lists["public_views"]:
        contract, dot, method = text.partition(".")
        if not contract or not dot or not method:
            raise ConfigError(f"access.public_views: {text!r} is not of the form contract.method")
        views.append((contract, method))
    for origin in lists["origins"]:
        if origin != "*" and (not origin.startswith(("https://", "http://")) or origin.count("/") != 2):
            raise ConfigError(f"access.origins: {origin!r} is not an origin such as https://portal.example")
    tokens = folder / _text(document, "tokens") if "tokens" in document else None
    files = {name: folder / _text(document, name) for name in _ACCESS_FILES if name in document}
    if ("certificate" in files) != ("key" in files):
        raise ConfigError("access: certificate and key are given together")
    if "client_ca" in files and "certificate" not in files:
        raise ConfigError("access.client_ca: client certificates take TLS, so certificate and key are needed too")
    if "client_revoked" in files and "client_ca" not in files:
        raise ConfigError("access.client_revoked: there are no client certificates to revoke without client_ca")
    return AccessConfig(tokens, tuple(views), tuple(lists["origins"]), **files)


def load_tokens(path: Path) -> tuple[str, ...]:
    """Read the tokens of a file: a name and a token a line; empty lines and those that begin with # are passed over.

    Raises:
        ConfigError: when the file cannot be read, holds no token, or one that is easily guessed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    tokens = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or len(words[1]) < TOKEN_CHARACTERS_MIN:
            least = f"a name and a token of at least {TOKEN_CHARACTERS_MIN} characters"
            raise ConfigError(f"{path}, line {number}: {least} are expected")
        tokens.append(words[1])
    if not tokens:
        raise ConfigError(f"{path}: it holds no token")
    return tuple(tokens)


def _mempool(document: Any) -> MempoolLimits:
    names = ("transactions_max", "bytes_max", "organisation_share_percent")
    if not isinstance(document, dict) or not set(document) <= set(names):
        raise ConfigError(f"mempool: a table with some of {', '.join(names)} is expected")
    for name, value in document.items():
        if type(value) is not int or value < 1:
            raise ConfigError(f"mempool.{name}: a positive integer is expected")
    return MempoolLimits(**document)


def parse_address(text: Any, field: str) -> Address:
    """Return the address in "host:port".

    Raises:
        ConfigError: when the text has another form.
    """
    host, separator, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    if not separator or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= PORT_MAX:
        raise ConfigError(f"{field}: {text!r} is not of the form host:port")
    return Address(host.strip("[]"), int(port))


def _table(document: dict[str, Any], name: str, fields: set[str]) -> dict[str, Any]:
    table = document[name]
    if not isinstance(table, dict) or set(table) != fields:
        raise ConfigError(f"{name}: a table with exactly {', '.join(sorted(fields))} is expected")
    return table


def _text(document: dict[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name}: text is expected")
    return value


def _flag(document: dict[str, Any], name: str, *, default: bool) -> bool:
    value = document.get(name, default)
    if type(value) is not bool:
        raise ConfigError(f"{name}: true or false is expected")
    return value


def _positive(document: dict[str, Any], name: str) -> int:
    return _number(document, name, minimum=1)


def _number(document: dict[str, Any], name: str, *, minimum: int) -> int:
    value = document.get(name, _DEFAULTS[name])
    if type(value) is not int or value < minimum:
        raise ConfigError(f"{name}: an integer of at least {minimum} is expected")
    return value
