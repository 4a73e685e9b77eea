"""CPIX documents: what is asked, what an answer is taken for, and what is wrong with others."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from origin import cpix
from origin.cpix import Wanted
from packager.methods import Method
from tests.kit.key_server import NS, WIDEVINE, KeyServer, key_of, pssh_of, uuid_of

KIDS = [bytes([n]) * 16 for n in range(1, 5)]
WANTED = [
    Wanted(kid=KIDS[0], kind="video", period=0, iv=b"i" * 16),
    Wanted(kid=KIDS[1], kind="audio", period=0, iv=b"j" * 16),
]
ROTATING = [
    Wanted(kid=kid, kind=kind, period=period)
    for kid, (kind, period) in zip(KIDS, [("video", 0), ("audio", 0), ("video", 1), ("audio", 1)], strict=True)
]
SPEKE = {"Content-Type": "application/xml", "X-Speke-Version": "2.0"}


def exchanged(body: bytes) -> bytes:
    server = KeyServer()
    status, said = server.answer(body, SPEKE)
    server.stop()
    assert status == 200, said
    return said


def test_a_request() -> None:
    """SPEKE v2, "Standard payload components": keys, systems and usage rules name one another by key id."""
    body = cpix.request("film", Method.CBCS, WANTED, ["widevine", "fairplay"])
    root = etree.fromstring(body)
    keys = root.findall("cpix:ContentKeyList/cpix:ContentKey", NS)
    assert [(k.get("kid"), k.get("commonEncryptionScheme"), k.get("explicitIV")) for k in keys] == [
        (uuid_of(row.kid), "cbcs", base64.b64encode(row.iv).decode()) for row in WANTED
    ]
    systems = root.findall("cpix:DRMSystemList/cpix:DRMSystem", NS)
    assert [etree.QName(child).localname for child in systems[0]] == [
        "PSSH", "ContentProtectionData", "HLSSignalingData", "HLSSignalingData"
    ]  # fmt: skip
    assert [etree.QName(child).localname for child in systems[1]] == ["HLSSignalingData"] * 2, "FairPlay has no pssh"
    rules = root.findall("cpix:ContentKeyUsageRuleList/cpix:ContentKeyUsageRule", NS)
    assert [(rule.get("intendedTrackType"), etree.QName(rule[0]).localname) for rule in rules] == [
        ("VIDEO", "VideoFilter"),
        ("AUDIO", "AudioFilter"),
    ]
    assert root.find("cpix:ContentKeyPeriodList", NS) is None and root.find("cpix:DeliveryDataList", NS) is None


@pytest.mark.rule("CPIX 2.3 4.3.3.2", "with rotation each key's rule names its period")
def test_a_request_for_keys_that_change() -> None:
    root = etree.fromstring(cpix.request("film", Method.CENC, ROTATING, ["widevine"]))
    periods = root.findall("cpix:ContentKeyPeriodList/cpix:ContentKeyPeriod", NS)
    assert [(p.get("id"), p.get("index")) for p in periods] == [("period-0", "0"), ("period-1", "1")]
    assert [f.get("periodId") for f in root.iterfind(".//cpix:KeyPeriodFilter", NS)] == [
        "period-0", "period-0", "period-1", "period-1"
    ]  # fmt: skip
    assert root.find(".//cpix:HLSSignalingData", NS) is None, "HLS has no cenc"


@pytest.mark.parametrize("method", [Method.CBCS, Method.CENC])
def test_an_answer(method: Method) -> None:
    said = exchanged(cpix.request("film", method, WANTED, ["widevine", "playready", "fairplay"]))
    found = cpix.answer(said, WANTED)
    for row in WANTED:
        key, kid = found[row.kid], uuid_of(row.kid)
        assert (key.key, key.iv) == (key_of(kid), row.iv)
        widevine = key.signals[0]
        assert widevine.system.hex() == WIDEVINE.replace("-", "")
        assert widevine.pssh == pssh_of(WIDEVINE, kid)
        assert len(widevine.manifest) == 1 and "urn:mpeg:cenc:2013" in widevine.manifest[0]
        if method is Method.CBCS:
            assert widevine.media[0].startswith("#EXT-X-KEY:METHOD=SAMPLE-AES,")
            assert widevine.master[0].startswith("#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,")
            assert f"skd://{kid}" in key.signals[2].media[0] and key.signals[2].pssh == b""


@pytest.mark.rule("CPIX 2.3 4.3.2", "keys may be ciphered with a document key, which is ciphered for our certificate")
def test_a_ciphered_answer(private_key: rsa.RSAPrivateKey, certificate: bytes) -> None:
    said = exchanged(cpix.request("film", Method.CBCS, WANTED, ["widevine"], certificate))
    assert b"PlainValue" not in said
    found = cpix.answer(said, WANTED, private_key)
    assert [found[row.kid].key for row in WANTED] == [key_of(uuid_of(row.kid)) for row in WANTED]
    with pytest.raises(ValueError, match="there is no private key"):
        cpix.answer(said, WANTED)
    with pytest.raises(ValueError, match="not for our private key"):
        cpix.answer(said, WANTED, rsa.generate_private_key(65537, 2048))
    root = etree.fromstring(said)
    mac = root.find(".//pskc:ValueMAC", NS)
    mac.text = base64.b64encode(bytes(64)).decode()
    with pytest.raises(ValueError, match="MAC does not fit"):
        cpix.answer(etree.tostring(root), WANTED, private_key)


def spoilt(change: str, to: str) -> bytes:
    said = exchanged(cpix.request("film", Method.CBCS, WANTED, ["widevine"])).decode()
    made = re.sub(change, to, said, flags=re.DOTALL)
    assert made != said
    return made.encode()


def signal(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("change", "to", "why"),
    [
        ("^.*$", "not xml", "no XML"),
        (r"<cpix:CPIX", "<!DOCTYPE a [<!ENTITY b 'c'>]><cpix:CPIX", "declares a document type"),
        ("cpix:CPIX", "cpix:Other", "no CPIX document"),
        ("ContentKey kid=\"0101", "ContentKey kid=\"0909", "it has no key 01010101-"),
        (r"<pskc:PlainValue>.*?</pskc:PlainValue>", "", "no value that can be read"),
        (r"<pskc:PlainValue>.*?<", "<pskc:PlainValue>AAAA<", "not of 16 octets"),
        (r"<pskc:PlainValue>.*?<", "<pskc:PlainValue>???<", "no base64"),
        (r'explicitIV=".*?"', 'explicitIV="AAAA"', "not of 16 octets with an IV"),
        (r"<cpix:PSSH>.*?<", "<cpix:PSSH>AAAA<", "no box"),
        (r'systemId=".*?"', 'systemId="widevine"', "no UUID"),
        (r'playlist="media">.*?<', f'playlist="media">{signal("#EXTM3U")}<', "lines other than #EXT-X-KEY:"),
        (r'playlist="media">.*?<', f'playlist="media">{signal("#EXT-X-KEY:A" + chr(7))}<', "lines other than"),
        (r"<cpix:ContentProtectionData>.*?<", f"<cpix:ContentProtectionData>{signal('<a>')}<", "no XML"),
        (r"<cpix:ContentProtectionData>.*?<", f"<cpix:ContentProtectionData>{signal('<!--x--><a/>')}<", "declarations"),
    ],
)  # fmt: skip
def test_what_is_no_answer(change: str, to: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        cpix.answer(spoilt(change, to), WANTED)
    for row in WANTED:
        key = key_of(uuid_of(row.kid))
        assert key.hex() not in str(refused.value) and base64.b64encode(key).decode() not in str(refused.value)


@given(st.binary(max_size=60), st.integers(0, 3000))
def test_any_octets_are_an_answer_or_a_fault(octets: bytes, at: int) -> None:
    body = _SAID[:at] + octets + _SAID[at + len(octets) :]
    for said in (octets, body):
        try:
            found = cpix.answer(said, WANTED)
        except ValueError:
            continue
        assert set(found) == {row.kid for row in WANTED}


_SAID = exchanged(cpix.request("film", Method.CBCS, WANTED, ["widevine"]))
