"""Desired state."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.desired import CONTRACT, ChannelSpec, Desired, key_hash

CHANNELS = st.builds(
    ChannelSpec,
    channel=st.just("studio"),
    title=st.text(max_size=30),
    edition=st.just("e1"),
    key_hashes=st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=2).map(tuple),
    segment_ms=st.integers(500, 10_000),
    demo=st.booleans(),
)


@given(st.builds(Desired, seq=st.integers(0, 2**53), channels=st.lists(CHANNELS, max_size=3).map(tuple)))
def test_desired_state_survives_json(desired: Desired) -> None:
    assert msgspec.json.decode(msgspec.json.encode(desired), type=Desired) == desired


def test_a_node_reads_what_a_newer_control_adds() -> None:
    """An older node keeps serving: unknown members are passed over, the contract's number says who is old."""
    newer = b'{"seq": 7, "contract": 9, "channels": [], "something": 1}'
    found = msgspec.json.decode(newer, type=Desired)
    assert (found.seq, found.contract) == (7, 9)
    assert found.contract > CONTRACT


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="seq"):
        msgspec.json.decode(b'{"seq": "7"}', type=Desired)


def test_a_key_is_kept_as_its_sha_256() -> None:
    """FIPS 180-4, the one-block example: SHA-256("abc")."""
    assert key_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
