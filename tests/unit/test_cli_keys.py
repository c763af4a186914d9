"""Key files on the command line: a passphrase is asked for, or with --no-input the command fails at once."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.errors import EXIT_USAGE, CliError
from cli.main import tally
from tallystick import Wallet


def test_a_passphrase_is_asked_for(tmp_path: Path) -> None:
    path = str(tmp_path / "alice.key")
    made = CliRunner().invoke(tally, ["keys", "new", path], input="correct horse\ncorrect horse\n")
    assert made.exit_code == 0, made.output
    shown = CliRunner().invoke(tally, ["keys", "show", path], input="correct horse\n")
    assert shown.exit_code == 0 and Wallet.load(path, "correct horse").public_key.hex() in shown.output
    wrong = CliRunner().invoke(tally, ["keys", "show", path], input="wrong horse\n").exception
    assert isinstance(wrong, CliError) and str(wrong).startswith("wallet_unusable: ") and str(wrong).count(path) == 1


@pytest.mark.parametrize("verb", ["show", "new"])
def test_nothing_is_asked_where_that_is_forbidden(tmp_path: Path, verb: str) -> None:
    sealed, other = tmp_path / "sealed.key", tmp_path / "new.key"
    Wallet.generate().save(sealed, "correct horse")
    path = str(sealed if verb == "show" else other)
    result = CliRunner().invoke(tally, ["--no-input", "keys", verb, path], input="correct horse\ncorrect horse\n")
    assert isinstance(result.exception, CliError) and result.exception.exit_code == EXIT_USAGE
    assert "--no-input forbids" in str(result.exception) and "Passphrase" not in result.output
    assert not other.exists()
    allowed = CliRunner().invoke(tally, ["--no-input", "keys", "new", str(other), "--no-passphrase"])
    assert allowed.exit_code == 0, allowed.output
