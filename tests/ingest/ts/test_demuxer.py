"""The demuxer against FFmpeg's: the same packets, times and octets of files that FFmpeg made; and against damage."""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.media import Format
from base.problems import Problem
from ingest.media import Frame, TrackConfig
from ingest.ts.demuxer import Demuxer
from ingest.ts.streams import Event, Splice
from packager.ts import adts
from tests.kit.optional import program
from tests.kit.rtmp import PPS, SPS
from tests.kit.sources import Sources
from tests.kit.ts_packets import AUDIO_PID, CUE_PID, PMT_PID, VIDEO_PID, Stream, pat, pes, pmt, section

START = b"\0\0\0\1"
KEY = START + b"\x09\xf0" + START + SPS + START + PPS + START + b"\x65" + b"k" * 300
OTHER = START + b"\x09\xf0" + START + b"\x41" + b"o" * 300
AAC = adts(bytes((0xFF, 0xF1, 0x4C, 0x80, 0, 0x1F, 0xFC)), 50) + b"s" * 50
BOTH = [(0x1B, VIDEO_PID, b""), (0x0F, AUDIO_PID, b"")]


def demuxed(octets: bytes, step: int = 1 << 16, *, number: int = 0) -> tuple[list[Event], Demuxer]:
    demuxer = Demuxer(number)
    events: list[Event] = []
    for at in range(0, len(octets), step):
        events += demuxer.take(octets[at : at + step])
    return events + demuxer.ends(), demuxer


def frames(events: Iterable[Event], track: str) -> list[Frame]:
    return [event for event in events if isinstance(event, Frame) and event.track == track]


def formats(events: Iterable[Event]) -> dict[str, Format]:
    return {event.track: event.format for event in events if isinstance(event, TrackConfig)}


# Parameter sets and framing, which FFmpeg's MP4 muxer leaves in samples: H.264 and HEVC NAL unit types.
_LEFT_IN = {"h264": {7, 8, 9, 12, 13}, "hevc": {32, 33, 34, 35, 38}}


def bare(codec: str, sample: bytes) -> bytes:
    """Without those, and without zeros behind a NAL unit, which belong to the byte stream (H.264 B.1)."""
    if codec not in _LEFT_IN:
        return sample
    kept, at = b"", 0
    while at < len(sample):
        end = at + 4 + int.from_bytes(sample[at : at + 4], "big")
        unit, at = sample[at + 4 : end].rstrip(b"\0"), end
        kind = unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63
        kept += b"" if kind in _LEFT_IN[codec] else len(unit).to_bytes(4, "big") + unit
    return kept


def packets(file: Path) -> list[tuple[str, str, list[av.Packet]]]:
    """(v1, a1, a2 ..; codec; packets) of each stream, as FFmpeg reads the file."""
    found: dict[int, list[av.Packet]] = defaultdict(list)
    with av.open(str(file)) as container:
        for packet in container.demux():
            if packet.size:
                found[packet.stream.index].append(packet)
        counts: dict[str, int] = defaultdict(int)
        streams = []
        for stream in container.streams:
            counts[stream.type] += 1
            track = f"{stream.type[0]}{counts[stream.type]}"
            streams.append((track, stream.codec_context.name, found[stream.index]))
        return streams


@pytest.mark.parametrize(
    "name", ["h264-aac-ts", "h264-ac3-ts", "hevc-eac3-ts", "wrap-ts", "h264-opus-ts", "two-languages-ts"]
)
def test_the_packets_are_those_of_ffmpeg(sources: Sources, tmp_path: Path, name: str) -> None:
    file = sources(name)
    events, demuxer = demuxed(file.read_bytes())
    assert not any(demuxer.faults().values())
    copy = tmp_path / "copy.mp4"  # samples as FFmpeg's MP4 muxer makes them of the same stream
    words = [program("ffmpeg"), "-v", "error", "-y", "-i", str(file), "-map", "0", "-c", "copy", str(copy)]
    subprocess.run(words, check=True)
    for (track, codec, theirs), (_, _, samples) in zip(packets(file), packets(copy), strict=True):
        mine = frames(events, track)
        assert len(mine) == len(theirs) == len(samples) > 50
        for frame, packet, sample in zip(mine, theirs, samples, strict=True):
            assert packet.pts is not None and packet.dts is not None
            # FFmpeg begins at minus something where the clock wraps, and rounds times of 44.1 kHz to the nearest
            for ours, its in ((frame.dts, packet.dts), (frame.dts + frame.cto, packet.pts)):
                assert min((ours - its) % (1 << 33), (its - ours) % (1 << 33)) <= 1
            assert frame.key is bool(packet.is_keyframe)
            left = bare(codec, bytes(sample))
            assert (len(frame.data), hashlib.md5(frame.data).digest()) == (len(left), hashlib.md5(left).digest())


def test_languages_and_codecs(sources: Sources) -> None:
    found = formats(demuxed(sources("two-languages-ts").read_bytes())[0])
    assert {track: (f.codec[:4], f.language) for track, f in found.items()} == {
        "v1": ("avc1", "und"),
        "a1": ("mp4a", "eng"),
        "a2": ("mp4a", "deu"),
    }


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(step=st.integers(1, 3000))
def test_it_does_not_matter_how_the_octets_come(sources: Sources, step: int) -> None:
    octets = sources("h264-aac-ts").read_bytes()[: 188 * 200]
    assert demuxed(octets, step)[0] == demuxed(octets)[0]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 1 << 32), hits=st.integers(1, 60))
def test_damage_gives_frames_or_a_problem_and_keeps_little(sources: Sources, seed: int, hits: int) -> None:
    chance = random.Random(seed)
    octets = bytearray(sources("h264-aac-ts").read_bytes()[: 188 * 600])
    for _ in range(hits):
        at = chance.randrange(len(octets))
        match chance.randrange(4):
            case 0:
                octets[at] = chance.randrange(256)
            case 1:
                del octets[at : at + chance.randrange(400)]
            case 2:
                octets[at:at] = chance.randbytes(chance.randrange(400))
            case _:
                octets[at // 188 * 188 + chance.randrange(8)] ^= 1 << chance.randrange(8)  # headers
    demuxer, given_out = Demuxer(), 0
    for at in range(0, len(octets), 1316):
        try:
            events = demuxer.take(bytes(octets[at : at + 1316]))
        except Problem as problem:
            assert problem.kind.name in ("unplayable", "malformed", "too-large")
            return
        given_out += sum(len(event.data) for event in events if isinstance(event, Frame))
    assert given_out <= 2 * len(octets)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, PMT_PID, VIDEO_PID, AUDIO_PID, CUE_PID]), st.binary(max_size=700)), max_size=20
    )
)
def test_any_payloads_behind_good_tables(units: list[tuple[int, bytes]]) -> None:
    stream = Stream().tables([*BOTH, (0x86, CUE_PID, b"")])
    for pid, data in units:
        stream.unit(pid, data)
    try:
        demuxed(stream.octets)
    except Problem as problem:
        assert problem.kind.name in ("unplayable", "malformed", "too-large")


def playing(stream: Stream, begin: int, count: int, *, video: int = VIDEO_PID, audio: int = AUDIO_PID) -> Stream:
    """Pictures of 25 a second, every fifth a keyframe, with a frame of sound each."""
    for n in range(begin, begin + count):
        stream.unit(video, pes(KEY if n % 5 == 0 else OTHER, 9000 + 3600 * n))
        stream.unit(audio, pes(AAC, 9000 + 3600 * n, stream_id=0xC0, sized=True))
    return stream


def test_a_hole_costs_the_picture_that_it_is_in() -> None:
    stream = playing(Stream().tables(BOTH), 0, 3)
    stream.loses(VIDEO_PID)
    playing(stream, 3, 3)
    events, demuxer = demuxed(stream.octets)
    # the third picture lost its tail, or there was another behind it: nobody can tell
    assert [(f.dts - 9000) // 3600 for f in frames(events, "v1")] == [0, 1, 3, 4, 5]
    assert len(frames(events, "a1")) == 6
    assert demuxer.faults()["continuity"] == 1 and demuxer.faults()["damaged"] == 1


@pytest.mark.rule("H.222.0 2.4.3.5", "discontinuity_indicator allows the counter and the clock to jump")
def test_a_discontinuity_that_was_said_is_no_loss() -> None:
    stream = playing(Stream().tables(BOTH), 0, 2)
    stream.loses(VIDEO_PID)
    stream.unit(VIDEO_PID, pes(KEY, 5_000_000), field=b"\x80")
    events, demuxer = demuxed(stream.octets)
    assert [f.dts for f in frames(events, "v1")] == [9000, 12600, 5_000_000]
    assert demuxer.faults()["continuity"] == 0


def test_a_packet_that_comes_twice_counts_once() -> None:
    stream = playing(Stream().tables(BOTH), 0, 3)
    packets = [stream.octets[at : at + 188] for at in range(0, len(stream.octets), 188)]
    doubled = b"".join(packet * 2 for packet in packets)
    events, demuxer = demuxed(doubled)
    assert events == demuxed(stream.octets)[0]
    assert not any(demuxer.faults().values())


@pytest.mark.rule("H.222.0 2.4.3.3", "a packet with transport_error_indicator is not used")
def test_a_packet_with_an_error_is_not_used() -> None:
    stream = playing(Stream().tables(BOTH), 0, 7)
    octets = bytearray(stream.octets)
    packets_of_video = [
        at for at in range(0, len(octets), 188) if octets[at + 1] & 31 == VIDEO_PID >> 8 and not octets[at + 2]
    ]
    at = next(at for at in packets_of_video[3:] if not octets[at + 1] & 0x40)
    octets[at + 1] |= 0x80  # the second packet of the second picture
    events, demuxer = demuxed(bytes(octets))
    assert [(f.dts - 9000) // 3600 for f in frames(events, "v1")] == [0, 2, 3, 4, 5, 6]
    assert demuxer.faults()["transport-error"] == demuxer.faults()["damaged"] == 1


def test_several_programs_the_first_or_the_one_asked_for() -> None:
    stream = Stream().unit(0, b"\0" + pat({5: 0x1000, 6: 0x1001}))
    stream.unit(0x1000, b"\0" + pmt([(0x1B, 0x200, b"")], number=5))
    stream.unit(0x1001, b"\0" + pmt([(0x1B, 0x300, b"")], number=6))
    playing(stream, 0, 2, video=0x200, audio=0x1FF)
    playing(stream, 10, 3, video=0x300, audio=0x1FF)
    assert len(frames(demuxed(stream.octets)[0], "v1")) == 2
    events, demuxer = demuxed(stream.octets, number=6)
    assert len(frames(events, "v1")) == 3
    assert demuxer.program is not None and demuxer.program.number == 6
    with pytest.raises(Problem, match="no program 7 in the stream, which has 5, 6"):
        demuxed(stream.octets, number=7)


def test_new_tables_with_other_pids_go_on_in_the_same_tracks() -> None:
    stream = playing(Stream().tables(BOTH), 0, 5)
    stream.tables([(0x1B, 0x200, b""), (0x0F, 0x201, b""), (0x0F, 0x202, b"\x0a\x04fra\x00")], version=1)
    playing(stream, 5, 5, video=0x200, audio=0x201)
    stream.unit(0x202, pes(AAC, 9000, stream_id=0xC1, sized=True))
    events, _ = demuxed(stream.octets)
    assert [len(frames(events, track)) for track in ("v1", "a1", "a2")] == [10, 10, 1]
    assert formats(events)["a2"].language == "fra"


def test_splice_sections_come_with_the_time_of_arrival() -> None:
    cue = section(0xFC, 1, bytes(30))
    stream = playing(Stream().tables([*BOTH, (0x86, CUE_PID, b"")]), 0, 2)
    stream.unit(VIDEO_PID, pes(OTHER, 16200), field=bytes((0x10,)) + (15000 << 15).to_bytes(6, "big"))
    stream.unit(CUE_PID, b"\0" + cue)
    events, _ = demuxed(playing(stream, 3, 2).octets)
    assert [event for event in events if isinstance(event, Splice)] == [Splice(section=cue, pts=15000)]


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        ([(0x02, VIDEO_PID, b""), (0x0F, AUDIO_PID, b"")], "MPEG-2 video is not taken: set the encoder to H.264"),
        ([(0x11, AUDIO_PID, b"")], "AAC in LATM is not taken"),
        ([(0x05, AUDIO_PID, b"")], "neither picture nor sound"),
        ([(0x86, CUE_PID, b"")], "neither picture nor sound"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(streams: list[tuple[int, int, bytes]], words: str) -> None:
    with pytest.raises(Problem, match=words):
        demuxed(Stream().tables(streams).raw(bytes(0)).octets * 3)


def test_sound_that_is_not_taken_beside_a_picture_is_left_out_and_named() -> None:
    stream = playing(Stream().tables([(0x1B, VIDEO_PID, b""), (0x04, 0x120, b"")]), 0, 3)
    events, demuxer = demuxed(stream.octets)
    assert len(frames(events, "v1")) == 3
    assert demuxer.ignored == ("PID 288: MPEG-2 audio",)


def test_a_scrambled_stream_is_refused() -> None:
    octets = bytearray(playing(Stream().tables(BOTH), 0, 100).octets)
    for at in range(2 * 188, len(octets), 188):
        octets[at + 3] |= 0x80
    with pytest.raises(Problem, match="scrambled"):
        demuxed(bytes(octets))


def test_a_stream_without_tables_is_refused() -> None:
    octets = playing(Stream(), 0, 400).octets
    demuxer = Demuxer()
    with pytest.raises(Problem, match="PAT and PMT"):
        for _ in range((33 << 20) // len(octets) + 1):
            demuxer.take(octets)


def test_files_of_a_stream_may_begin_with_other_counters() -> None:
    """Segments of HLS: each is whole, and counters need not go on."""
    demuxer = Demuxer()
    events = demuxer.take(playing(Stream().tables(BOTH), 0, 4).octets) + demuxer.ends()
    events += demuxer.take(playing(Stream().tables(BOTH), 4, 4).octets) + demuxer.ends()
    assert [(f.dts - 9000) // 3600 for f in frames(events, "v1")] == list(range(8))
    assert not any(demuxer.faults().values())
