"""Each error of the SDK has a stable code, its text begins with it, and the manual lists class and code."""

from pathlib import Path

import pytest
from api_fake_node import deposit

from chain.receipt import Receipt
from chain.types import Height
from tallystick import access, errors, interface, wallet
from tallystick.errors import TallystickError

MANUAL = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text(encoding="utf-8")
FAILED = Receipt(deposit(1).transaction_id, Height(1), 0, "too_late", (), 1, ())

EXAMPLES = (
    (errors.NodeUnavailable({"http://a": "refused"}), "node_unavailable", "http://a: refused"),
    (errors.WrongLedger("http://a", "serves another"), "wrong_ledger", "http://a: serves another"),
    (errors.VerificationError("http://a", "no quorum"), "not_proven", "http://a: no quorum"),
    (errors.ProofUnavailable("too old"), "proof_unavailable", "too old"),
    (errors.ApiError("http://a", 404, "unknown_block", "no block 9"), "unknown_block", "no block 9"),
    (errors.EvaluateError("no_account", "there is none"), "no_account", "there is none"),
    (errors.SubmitError("expired", "too late", deposit(1)), "expired", "too late"),
    (errors.CommitTimeout("no receipt", deposit(1)), "commit_timeout", "no receipt"),
    (errors.TransactionFailed(FAILED), "too_late", "was committed and failed"),
    (interface.InvalidCall("an int is expected"), "invalid_call", "an int is expected"),
    (wallet.WalletError("me.key: the passphrase is wrong"), "wallet_unusable", "me.key: the passphrase is wrong"),
    (access.AccessError("me.pem: no certificate"), "access_unusable", "me.pem: no certificate"),
)


@pytest.mark.parametrize(("error", "code", "detail"), EXAMPLES)
def test_the_text_begins_with_the_code(error: TallystickError, code: str, detail: str) -> None:
    assert error.code == code
    assert str(error).startswith(f"{code}: ") and str(error).count(code) == 1
    assert detail in str(error)


def test_every_class_is_here_and_in_the_manual() -> None:
    classes = set(TallystickError.__subclasses__())
    assert classes == {type(error) for error, _, _ in EXAMPLES}
    for kind in classes:
        assert f"| `{kind.__name__}`" in MANUAL
        own = "code" in vars(kind)
        assert not own or f"`{kind.code}`" in MANUAL
