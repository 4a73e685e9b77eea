"""Offers that are taken and offers that are refused, and the answer."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from ingest.whip import sdp
from tests.kit.rtmp import PPS, SPS
from tests.kit.whip import H264, OPUS, VP8, offer, section

LOCAL = sdp.Local(
    session=5,
    ufrag="abcd",
    password="p" * 24,
    fingerprint="AA:BB",
    candidates=[("192.0.2.1", 8088), ("10.0.0.1", 8088)],
)


@pytest.mark.rule("RFC 9725 4.2", "an offer of H.264 and Opus is answered with recvonly, and all candidates are in it")
def test_an_answer_as_another_reader_sees_it() -> None:
    text = sdp.answer(sdp.offer(offer()), LOCAL)
    read = SessionDescription.parse(text)
    assert [group.items for group in read.group] == [["0", "1"]]
    audio, video = read.media
    assert [(m.kind, m.rtp.muxId, m.direction, m.rtcp_mux, m.fmt) for m in read.media] == [
        ("audio", "0", "recvonly", True, [111]),
        ("video", "1", "recvonly", True, [102]),
    ]
    assert [codec.mimeType for codec in (*audio.rtp.codecs, *video.rtp.codecs)] == ["audio/opus", "video/H264"]
    assert video.rtp.codecs[0].parameters["profile-level-id"] == "42e034", "RFC 6184 8.2.2: each side its own level"
    assert {f"{fb.type} {fb.parameter or ''}".strip() for fb in video.rtp.codecs[0].rtcpFeedback} == {
        "nack", "nack pli", "goog-remb", "transport-cc",
    }  # fmt: skip
    assert [(c.ip, c.port, c.type) for c in video.ice_candidates] == [
        ("192.0.2.1", 8088, "host"), ("10.0.0.1", 8088, "host"),
    ]  # fmt: skip
    assert video.ice_candidates[0].priority > video.ice_candidates[1].priority
    assert video.ice_candidates_complete and video.ice.iceLite
    assert (video.dtls.role, video.ice.usernameFragment) == ("server", "abcd")


@pytest.mark.rule("RFC 8842 5.3", "a publisher that waits for the DTLS handshake is answered by one that begins it")
@pytest.mark.parametrize(("theirs", "ours"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
def test_who_begins_the_handshake(theirs: str, ours: str) -> None:
    text = sdp.answer(sdp.offer(offer().replace("setup:actpass", f"setup:{theirs}")), LOCAL)
    assert text.count(f"a=setup:{ours}") == 2


@pytest.mark.rule("RFC 6184 8.2.2", "the publisher's first choice of H.264 that players know, packetization mode 1")
def test_the_choice_among_sorts_of_h264() -> None:
    sorts = (
        ("96 VP8/90000", ""),
        ("97 H264/90000", "profile-level-id=f4001f;packetization-mode=1"),
        ("98 H264/90000", "profile-level-id=42e01f;packetization-mode=0"),
        ("99 H264/90000", "profile-level-id=640c1f;packetization-mode=1"),
        ("100 H264/90000", "profile-level-id=42e01f;packetization-mode=1"),
    )
    video = sdp.offer(offer(section("video", "0", sorts), bundle="0")).of("video")
    assert video is not None
    assert (video.payload_type, video.format) == (99, "profile-level-id=640c1f;packetization-mode=1")


def test_parameter_sets_out_of_band() -> None:
    import base64

    sets = ",".join(base64.b64encode(unit).decode().rstrip("=") for unit in (SPS, PPS))
    codecs = (("96 H264/90000", f"packetization-mode=1;profile-level-id=42e01f;sprop-parameter-sets={sets}"),)
    video = sdp.offer(offer(section("video", "0", codecs), bundle="0")).of("video")
    assert video is not None and video.sets == (SPS, PPS)


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_one_medium_alone_is_taken(kind: str) -> None:
    codecs = OPUS if kind == "audio" else H264
    found = sdp.offer(offer(section(kind, "0", codecs), bundle="0"))
    assert [media.kind for media in found.media] == [kind]


REFUSED = {
    "no session description": ("malformed", "hello", "v=0"),
    "nothing in it": ("malformed", offer().partition("m=")[0], "one video and one audio"),
    "vp8": ("unplayable", offer(section("audio", "0", OPUS), section("video", "1", VP8)), "VP8: offer H.264"),
    "g.711": ("unplayable", offer(section("audio", "0", (("0 PCMU/8000", ""),)), bundle="0"), "PCMU: offer Opus"),
    "444": (
        "unplayable",
        offer(section("video", "0", (("97 H264/90000", "profile-level-id=f4001f;packetization-mode=1"),)), bundle="0"),
        "Baseline, Main or High",
    ),
    "two videos": ("unplayable", offer(section("video", "0", H264), section("video", "1", H264)), "offer one"),
    "data": ("unplayable", offer() + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "audio and video only"),
    "not bundled": ("unplayable", offer(bundle="0"), "max-bundle"),
    "not sent": ("unplayable", offer(section("video", "0", H264, direction="recvonly"), bundle="0"), "sendonly"),
    "not muxed": ("unplayable", offer().replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
    "plain": ("unplayable", offer().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "DTLS"),
    "no fingerprint": ("malformed", offer().replace("sha-256", "md5"), "fingerprint"),
    "no ice": ("malformed", offer().replace("a=ice-pwd", "a=x"), "ice-pwd"),
    "no mid": ("malformed", offer().replace("a=mid:1", "a=mid:"), "mid"),
    "short": ("malformed", "v=0\nm=audio\n", "media description"),
}


@pytest.mark.rule("RFC 9725 4.4", "what cannot be taken whole is refused whole, with the reason")
@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_to_offer(case: str) -> None:
    kind, text, said = REFUSED[case]
    with pytest.raises(Problem) as refused:
        sdp.offer(text)
    assert refused.value.kind.name == kind
    assert said in refused.value.detail


@given(st.lists(st.sampled_from([*offer().split("\r\n"), "m=", "a=rtpmap:", "a=fmtp:102", "m=video 9 x 102", "a="])))
def test_no_offer_breaks_the_reader(lines: list[str]) -> None:
    try:
        found = sdp.offer("\r\n".join(["v=0", *lines]))
    except Problem:
        return
    assert sdp.answer(found, LOCAL)
