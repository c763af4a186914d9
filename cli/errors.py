"""The error that ends a command with a message, and the exit codes of `tally`."""

from typing import Final

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_AUDIT_MISMATCH: Final = 3


class CliError(Exception):
    """Something that the user has to know; shown without a traceback."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
