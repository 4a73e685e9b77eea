import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager.aac import audio_specific_config, esds_payload, read_esds


@pytest.mark.parametrize(
    ("asc", "kind", "rate", "channels", "samples"),
    [
        ("1190", 2, 48000, 2, 1024),  # AAC-LC
        ("1210", 2, 44100, 2, 1024),
        ("1194", 2, 48000, 2, 960),  # frameLengthFlag
        ("11b0", 2, 48000, 6, 1024),  # 5.1
        ("2b118800", 5, 48000, 2, 2048),  # HE-AAC, signalled explicitly: 24 kHz core
        ("eb098800", 29, 48000, 2, 2048),  # HE-AAC v2: parametric stereo from mono
        ("1780177010", 2, 12000, 2, 1024),  # a rate that is spelt out
    ],
)
def test_configurations(asc: str, kind: int, rate: int, channels: int, samples: int) -> None:
    config = audio_specific_config(bytes.fromhex(asc))
    assert (config.object_type, config.sample_rate, config.channels, config.samples) == (kind, rate, channels, samples)


@pytest.mark.parametrize("asc", ["", "11", "1680", "1780000000"])
def test_damaged_configurations(asc: str) -> None:
    with pytest.raises(Problem, match="AAC configuration is damaged"):
        audio_specific_config(bytes.fromhex(asc))


@pytest.mark.rule("ISO/IEC 23000-19 10.3.4.2.3", "ES_ID is 0")
def test_descriptors() -> None:
    payload = esds_payload(bytes.fromhex("1190"))
    assert payload[0] == 3 and payload[2:4] == b"\0\0"
    assert read_esds(payload) == (0x40, bytes.fromhex("1190"))


@given(st.binary(max_size=300))
def test_descriptors_come_back(asc: bytes) -> None:
    assert read_esds(esds_payload(asc)) == (0x40, asc)


@given(st.binary(max_size=40))
def test_any_octets_are_descriptors_or_a_problem(data: bytes) -> None:
    try:
        read_esds(data)
        audio_specific_config(data)
    except Problem as problem:
        assert problem.kind.name == "unplayable"
