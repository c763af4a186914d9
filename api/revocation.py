"""Which certificates of readers are revoked: a file of fingerprints that is read anew whenever it has changed.

Refusing a reader must not wait for a restart, so each question looks at the file's time and size first. A list that
cannot be read, or that is malformed, refuses every certificate: whoever edits it wrongly must not let the revoked in.
"""

import logging
import re
from pathlib import Path
from typing import Final

BYTES_MAX: Final = 1024 * 1024
"""Some 15,000 fingerprints; a longer list calls for a new authority."""
FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_Version = tuple[int, int, int]
_log = logging.getLogger(__name__)


class RevocationError(Exception):
    """The list cannot be used; says where it is wrong."""


def load_fingerprints(path: Path) -> frozenset[str]:
    """Read SHA-256 fingerprints, one a line and as openssl prints them; what follows `#` is passed over.

    Raises:
        RevocationError: when the file cannot be read, is longer than BYTES_MAX, or a line holds anything else.
    """
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
        lines = data.decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RevocationError(f"{path}: {error}") from error
    if len(data) > BYTES_MAX:
        raise RevocationError(f"{path}: longer than {BYTES_MAX} bytes")
    found = set()
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        digits = text.rpartition("=")[2].replace(":", "").lower()
        if text and not FINGERPRINT.fullmatch(digits):
            raise RevocationError(f"{path}, line {number}: the SHA-256 fingerprint of a certificate is expected")
        if text:
            found.add(digits)
    return frozenset(found)


class RevocationList:
    """Owns what was last read of the file."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            RevocationError: when it cannot be used.
        """
        self._path = path
        self._version = self._find_version()
        self._fingerprints: frozenset[str] | None = load_fingerprints(path)

    def admits(self, fingerprint: str) -> bool:
        """Tell whether a certificate, by the digits of its SHA-256, is not revoked."""
        version = self._find_version()
        if version != self._version:
            self._version = version
            self._read_again()
        return self._fingerprints is not None and fingerprint not in self._fingerprints

    def _read_again(self) -> None:
        try:
            self._fingerprints = load_fingerprints(self._path)
        except RevocationError as error:
            self._fingerprints = None
            _log.error("no certificate of a reader is taken: %s", error)
        else:
            _log.info("%d certificates of readers are revoked", len(self._fingerprints))

    def _find_version(self) -> _Version | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
