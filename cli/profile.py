"""Settings for commands that talk to a ledger: environment, the project's file, the user's file, in this order.

A flag on the command line comes before all of them.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from chain.values import dataclass
from cli.errors import EXIT_USAGE, CliError
from tallystick.access import OPEN, ReaderAccess

PROJECT_FILE: Final = "tally.toml"
"""Looked for in the current folder and in those above it; the nearest counts."""
USER_FILE: Final = "tally/config.toml"
"""Below XDG_CONFIG_HOME, by default ~/.config."""
FILE_BYTES_MAX: Final = 64 * 1024
FOLDER_DEFAULT: Final = Path(".tally")
FILES: Final = ("token_file", "certificate", "certificate_key", "node_ca")
"""What a reader shows to nodes that do not let everybody read; relative to the file that names them."""
TEXTS: Final = frozenset({"dir", "genesis_hash", "as", *FILES})
TOKENS: Final = frozenset({"token", "token_file"})
"""Two ways to give one thing."""
TOKEN_BYTES_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Profile:
    """What a command uses where its flags say nothing."""

    urls: tuple[str, ...] = ()
    folder: Path = FOLDER_DEFAULT
    genesis_hash: str | None = None
    party: str | None = None
    access: ReaderAccess = OPEN


def load_profile(flags: dict[str, Any], environment: Mapping[str, str], here: Path) -> Profile:
    """Return the settings that hold for a command with these flags in a folder.

    Whoever names the ledger first, by `url` or `dir`, decides alone which it is: a genesis hash, a token and
    certificates count only if they come from the same place or from one that goes before, never from a file that speaks
    of another ledger. Who signs comes from no place that names another ledger either, and a profile that names one
    takes nobody from outside of profiles.

    Raises:
        CliError: when a file or a variable is wrong; it is named.
    """
    files = _files(environment, here)
    name = flags.get("profile") or environment.get("TALLY_PROFILE")
    if name and not any(name in profiles for _, _, profiles in files):
        raise CliError(
            f"no file has a profile {name!r}; there are: {', '.join(profile_names(environment, here)) or 'none'}",
            EXIT_USAGE,
        )
    named = [_checked(f"{path}: profiles.{name}", path, held[name]) for path, _, held in files if name in held]
    tops = [_checked(str(path), path, document) for path, document, _ in files]
    first, last = (named, []) if flags.get("profile") else ([], named)
    chosen = [flags, *first, _of_environment(environment), *last]
    sources = [*chosen, *tops]
    party = _party(chosen if any(map(_names_ledger, named)) else sources)
    known: dict[str, Any] = {}
    for source in sources:
        settings = source
        if TOKENS & known.keys():
            settings = {name: value for name, value in settings.items() if name not in TOKENS}
        known = settings | known
        if _names_ledger(settings):
            break
    folder = Path(known.get("dir", FOLDER_DEFAULT))
    return Profile(tuple(known.get("url", ())), folder, known.get("genesis_hash"), party, _access(known))


def profile_names(environment: Mapping[str, str], here: Path) -> list[str]:
    """Return the names of all profiles that can be chosen in a folder.

    Raises:
        CliError: when a file is wrong.
    """
    return sorted({name for _, _, profiles in _files(environment, here) for name in profiles})


def _names_ledger(settings: Mapping[str, Any]) -> bool:
    return "url" in settings or "dir" in settings


def _party(sources: Sequence[Mapping[str, Any]]) -> str | None:
    """Return who signs: a place that names a ledger lends its signer to no other."""
    is_named = False
    for settings in sources:
        own = _names_ledger(settings)
        if "as" in settings and not (own and is_named):
            return str(settings["as"])
        is_named = is_named or own
    return None


def _access(settings: Mapping[str, Any]) -> ReaderAccess:
    """Return what a reader shows, the token read from its file."""
    token = settings.get("token")
    if token is None and "token_file" in settings:
        token = _token(Path(settings["token_file"]))
    certificate, certificate_key, node_ca = (settings.get(name) for name in FILES[1:])
    return ReaderAccess(token, certificate, certificate_key, node_ca)


def _token(path: Path) -> str:
    try:
        with path.open("rb") as file:
            token = file.read(TOKEN_BYTES_MAX).decode("ascii").strip()
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", EXIT_USAGE) from error
    except ValueError as error:
        raise CliError(f"{path}: a token is expected", EXIT_USAGE) from error
    if not token or not token.isprintable() or " " in token:
        raise CliError(f"{path}: a token is expected, alone in the file", EXIT_USAGE)
    return token


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    names = {"TALLY_DIR": "dir", "TALLY_GENESIS_HASH": "genesis_hash", "TALLY_AS": "as", "TALLY_TOKEN": "token"}
    names |= {f"TALLY_{name.upper()}": name for name in FILES}
    found: dict[str, Any] = {name: environment[key] for key, name in names.items() if environment.get(key)}
    if environment.get("TALLY_URL"):
        found["url"] = environment["TALLY_URL"].split()
    return found


def _files(environment: Mapping[str, str], here: Path) -> list[tuple[Path, dict[str, Any], dict[str, Any]]]:
    """Return the files that exist, the nearest first, with what they say at their top and in their profiles."""
    places = [folder / PROJECT_FILE for folder in (here, *here.parents)]
    project = next((place for place in places if place.is_file()), None)
    base = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "/")) / ".config")
    user = Path(base) / USER_FILE
    found = []
    for path in (project, user):
        if path is not None and path.is_file():
            document = _read(path)
            profiles = document.pop("profiles", {})
            if not isinstance(profiles, dict) or not all(isinstance(each, dict) for each in profiles.values()):
                raise CliError(f"{path}: profiles: tables are expected, one for each name", EXIT_USAGE)
            found.append((path, document, profiles))
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise CliError(f"{path}: at most {FILE_BYTES_MAX} bytes", EXIT_USAGE)
        return tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", EXIT_USAGE) from error
    except ValueError as error:
        raise CliError(f"{path}: {error}", EXIT_USAGE) from error


def _checked(place: str, path: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Return the settings in a table; a relative folder is meant from where the file is."""
    for key, value in document.items():
        if key == "url":
            is_list = isinstance(value, list) and value and all(isinstance(each, str) for each in value)
            if not isinstance(value, str) and not is_list:
                raise CliError(f"{place}: url: an address, or a list of some", EXIT_USAGE)
        elif key not in TEXTS:
            raise CliError(f"{place}: {key}: no such setting; there are url, {', '.join(sorted(TEXTS))}", EXIT_USAGE)
        elif not isinstance(value, str) or not value:
            raise CliError(f"{place}: {key}: text is expected", EXIT_USAGE)
    settings = dict(document)
    if isinstance(settings.get("url"), str):
        settings["url"] = [settings["url"]]
    for key in {"dir", *FILES} & set(settings):
        settings[key] = str(path.parent / Path(settings[key]).expanduser())
    return settings
