"""No two statements read the same: whoever shows a proof must not be able to have it taken for another one."""

from hypothesis import given
from hypothesis import strategies as st

from chain.state_keys import encode_key
from cli.proof_text import key_text

PARTS = st.lists(st.one_of(st.text(max_size=6), st.integers(-5, 5), st.binary(max_size=3)), max_size=3)


def test_a_text_with_a_comma_is_not_two_texts() -> None:
    assert key_text(encode_key(("accounts", "HKD", "BANK"))) == 'accounts["HKD", "BANK"]'
    assert key_text(encode_key(("accounts", "HKD, BANK"))) == 'accounts["HKD, BANK"]'
    assert key_text(encode_key(("accounts", 'HKD", "BANK'))) == 'accounts["HKD\\", \\"BANK"]'


@given(PARTS, PARTS)
def test_different_keys_read_differently(ours: list[str | int | bytes], theirs: list[str | int | bytes]) -> None:
    a, b = encode_key(("name", *ours)), encode_key(("name", *theirs))
    assert (a == b) == (key_text(a) == key_text(b))
