"""All tracks of a pushed channel."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from base.problems import Problem
from ingest.cmaf.presentation import MAX_LISTED, SETTLE_S, START_S, Out, Presentation, Upload
from ingest.media import Frame, TrackConfig
from tests.ingest.cmaf.test_manifest import MPD
from tests.kit.pushing import Track, styp

VIDEO, AUDIO = Track("video"), Track("audio")
HD, SD = Track("video", height=720), Track("video", height=360)
NOW_MS = 1_700_000_000_000


def push(presentation: Presentation, path: str, body: bytes, now: float = 0, now_ms: int = NOW_MS) -> list[Out]:
    upload = Upload(presentation, path)
    found = list(upload.feed(body, now, now_ms))
    assert upload.whole()
    return found


def names(outs: Iterable[Out]) -> list[str]:
    return [out.track for out in outs if isinstance(out, TrackConfig)]


def frames(outs: Iterable[Out], track: str) -> list[Frame]:
    return [out for out in outs if isinstance(out, Frame) and out.track == track]


def test_one_path_for_each_track() -> None:
    session = Presentation()
    outs = push(session, "Streams(v.cmfv)", VIDEO.header) + push(session, "Streams(a.cmfa)", AUDIO.header)
    for second in range(3):
        outs += push(session, "Streams(v.cmfv)", VIDEO.segment(second), second)
        outs += push(session, "Streams(a.cmfa)", AUDIO.segment(second), second)
    outs += session.finish(3)
    assert names(outs) == ["v1", "a1"]
    assert [(f.dts, f.key, f.data) for f in frames(outs, "v1")] == [
        (sample.dts, sample.sync, sample.data) for sample in VIDEO.samples(0, 75)
    ]
    assert [f.data for f in frames(outs, "a1")] == [sample.data for sample in AUDIO.samples(0, 141)]
    assert session.epoch is False
    decode = [frame.dts / frame.timescale for frame in outs if isinstance(frame, Frame)]
    assert decode == sorted(decode), "the tracks are merged"


def test_a_session_waits_for_tracks_whose_headers_came() -> None:
    session = Presentation()
    push(session, "v.cmfv", VIDEO.header)
    push(session, "a.cmfa", AUDIO.header)
    assert push(session, "v.cmfv", VIDEO.segment(0), 0.1) == []
    assert list(session.tick(SETTLE_S + 0.2)) == []
    assert names(session.tick(START_S + 0.2)) == ["v1"], "but not for ever"
    late = push(session, "a.cmfa", AUDIO.segment(0), 8)
    assert names(late) == ["a1"]


@pytest.mark.rule("DASH-IF ingest 6.2 2", "an MPD that goes before tells how many tracks there are, and what they are")
def test_announced_tracks() -> None:
    session = Presentation()
    session.manifest("live.mpd", MPD)
    push(session, "de.init", AUDIO.header)
    push(session, "sd.init", SD.header)
    push(session, "hd.init", HD.header)
    outs = push(session, "de-1.cmfv", AUDIO.segment(0)) + push(session, "sd-1.cmfv", SD.segment(0))
    assert outs == []
    outs = push(session, "hd-1.cmfv", HD.segment(0))
    configs = {out.track: out.format for out in outs if isinstance(out, TrackConfig)}
    assert list(configs) == ["v1", "v2", "a1"]
    assert (configs["v1"].height, configs["v2"].height, configs["a1"].language) == (720, 360, "deu")


@pytest.mark.rule("DASH-IF ingest 6.9", "two sources of one channel give the same tracks, whichever is first")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_names_do_not_depend_on_who_came_first(order: tuple[int, ...]) -> None:
    tracks = [("a", AUDIO), ("one", SD), ("two", HD)]
    session = Presentation()
    for at in order:
        push(session, tracks[at][0] + ".cmfv", tracks[at][1].header)
    for at in order:
        push(session, tracks[at][0] + ".cmfv", tracks[at][1].segment(0))
    outs = list(session.tick(SETTLE_S))
    found = {out.track: out.format.height for out in outs if isinstance(out, TrackConfig)}
    assert found == {"v1": 720, "v2": 360, "a1": 0}


@pytest.mark.rule("DASH-IF ingest 5.3 5c", "412: the initialization is missing or not the right one")
def test_media_without_its_header() -> None:
    session = Presentation()
    with pytest.raises(Problem, match="no header") as refused:
        push(session, "v.cmfv", VIDEO.segment(0))
    assert refused.value.kind.name == "precondition"
    session.manifest("live.mpd", MPD)
    push(session, "sd.init", SD.header)
    with pytest.raises(Problem, match=r"send the header hd\.init"):
        push(session, "hd-1.cmfv", HD.segment(0))
    wrong = HD.segment(0).replace(b"tfhd\x00\x02\x00\x28\x00\x00\x00\x01", b"tfhd\x00\x02\x00\x28\x00\x00\x00\x07")
    with pytest.raises(Problem, match="track_ID") as refused:
        push(session, "sd-1.cmfv", wrong)
    assert refused.value.kind.name == "precondition"


def test_sound_instead_of_pictures_on_one_path() -> None:
    session = Presentation()
    push(session, "v.cmfv", VIDEO.header)
    with pytest.raises(Problem, match="another path"):
        push(session, "v.cmfv", AUDIO.header)


@pytest.mark.rule("DASH-IF ingest 6.9", "tfdt since 1970 is taken as it is")
def test_epoch_times_are_seen() -> None:
    session = Presentation()
    push(session, "v.cmfv", VIDEO.header)
    push(session, "v.cmfv", VIDEO.segment(NOW_MS // 1000 - 2))
    assert session.epoch is True
    (first, *_) = frames(session.tick(SETTLE_S), "v1")
    assert first.dts == (NOW_MS // 1000 - 2) * VIDEO.scale


@pytest.mark.rule("DASH-IF ingest 6.2 19", "lmsg on the last segments of all tracks ends the session")
def test_the_end() -> None:
    session = Presentation()
    for path, track in (("v.cmfv", VIDEO), ("a.cmfa", AUDIO)):
        push(session, path, track.header)
        push(session, path, track.segment(0))
    push(session, "v.cmfv", VIDEO.segment(1, brands=(b"cmfs", b"lmsg")), 1)
    assert not session.ended
    push(session, "a.cmfa", AUDIO.segment(1, brands=(b"cmfs", b"lmsg")), 1)
    assert session.ended and not session.over(1.5) and session.over(2.1)
    push(session, "v.cmfv", VIDEO.header + VIDEO.segment(2), 3)
    assert not session.ended, "restarted"


def test_manifests_that_end() -> None:
    session = Presentation()
    session.manifest("live.mpd", MPD.replace(b'"dynamic"', b'"static"'))
    assert not session.ended, "a source that never said that more would come may still send it"
    session.manifest("live.mpd", MPD)
    session.manifest("live.mpd", MPD.replace(b'"dynamic"', b'"static"'))
    assert session.ended


@pytest.mark.rule("DASH-IF ingest 6.2 18", "filler segments are valid media, whatever their brand")
def test_slat_segments_are_media() -> None:
    session = Presentation()
    push(session, "v.cmfv", VIDEO.header)
    push(session, "v.cmfv", VIDEO.segment(0, brands=(b"slat",)))
    push(session, "v.cmfv", styp(b"slat") + VIDEO.segment(1))
    assert len(frames(session.finish(1), "v1")) == 50


def test_a_new_configuration_waits_for_the_frames_before_it() -> None:
    session = Presentation()
    push(session, "v.cmfv", VIDEO.header + VIDEO.segment(0))
    outs = list(session.tick(SETTLE_S)) + push(session, "v.cmfv", HD.header + HD.segment(1), 2)
    configs = [(n, out.format.height) for n, out in enumerate(outs) if isinstance(out, TrackConfig)]
    assert [height for _, height in configs] == [180, 720]
    assert len(frames(outs[: configs[1][0]], "v1")) == 25


def test_a_header_that_is_sent_again_changes_nothing() -> None:
    session = Presentation()
    push(session, "v.cmfv", VIDEO.header + VIDEO.segment(0))
    outs = list(session.tick(SETTLE_S))
    outs += push(session, "v.cmfv", VIDEO.header + VIDEO.segment(0) + VIDEO.segment(1), 2)
    assert names(outs) == ["v1"]
    assert [f.dts for f in frames(outs, "v1")] == [sample.dts for sample in VIDEO.samples(0, 50)]
    assert session.status()["v1"]["repeated"] == 1


def test_the_session_behind_one_that_was_lost_knows_its_headers() -> None:
    before = Presentation()
    push(before, "v.cmfv", VIDEO.header + VIDEO.segment(0))
    push(before, "unused.cmfa", AUDIO.header)
    list(before.tick(START_S))
    after = before.again()
    push(after, "v.cmfv", VIDEO.segment(9))
    assert names(after.tick(SETTLE_S)) == ["v1"]
    with pytest.raises(Problem):
        push(after, "unused.cmfa", AUDIO.segment(9))


def test_another_source_after_one_that_was_lost_has_names_of_its_own() -> None:
    before = Presentation()
    for path, track in (("init-stream0.m4s", VIDEO), ("init-stream1.m4s", AUDIO)):
        push(before, path, track.header)
        push(before, path.replace("init", "chunk").replace(".", "-1."), track.segment(0))
    list(before.finish(1))
    after = before.again()
    push(after, "init.mp4", VIDEO.header, 10)
    assert push(after, "live0.m4s", VIDEO.segment(7), 10) == []
    assert names(after.tick(10 + SETTLE_S)) == ["v1"], "tracks of the source before are not waited for"


def test_sessions_have_so_many_tracks_and_no_more() -> None:
    session = Presentation()
    with pytest.raises(Problem, match=r"tracks|headers"):
        for n in range(300):
            push(session, f"{n}.cmfv", VIDEO.header)


def test_text_is_not_taken() -> None:
    with pytest.raises(Problem, match="not taken") as refused:
        push(Presentation(), "t.cmft", VIDEO.header.replace(b"vide", b"text"))
    assert refused.value.kind.name == "unplayable"


def test_a_playlist_pairs_segments_with_headers() -> None:
    session = Presentation()
    push(session, "x/one.mp4", VIDEO.header)
    push(session, "x/two.mp4", HD.header)
    session.manifest("x/out.m3u8", b'#EXTM3U\n#EXT-X-MAP:URI="two.mp4"\n#EXTINF:1,\nanything.m4s\n')
    push(session, "x/anything.m4s", HD.segment(0))
    (config, *_) = session.tick(START_S)
    assert isinstance(config, TrackConfig) and config.format.height == 720


def test_of_a_long_playlist_the_last_segments_are_remembered() -> None:
    session = Presentation()
    push(session, "one.mp4", VIDEO.header)
    push(session, "two.mp4", HD.header)
    rows = "".join(f"#EXTINF:1,\n{n}.m4s\n" for n in range(MAX_LISTED + 1))
    session.manifest("out.m3u8", f'#EXTM3U\n#EXT-X-MAP:URI="two.mp4"\n{rows}'.encode())
    with pytest.raises(Problem, match="no header"):
        push(session, "0.m4s", HD.segment(0))
    push(session, f"{MAX_LISTED}.m4s", HD.segment(0))
