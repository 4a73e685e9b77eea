"""Breaks in live playlists: ranges by the RFC, interstitials, and the tags of no standard."""

from __future__ import annotations

from dataclasses import replace

import m3u8
import msgspec
import pytest

from packager.hls_live import media_playlist
from packager.live import LiveWindow
from packager.live_date_ranges import marked
from packager.live_marks import LiveMark
from tests.kit.golden import golden
from tests.packager.live_windows import FIRST, window

BEGIN = FIRST * 2_000_000
BREAK = LiveMark(
    id=f"insert-7-{FIRST + 2}",
    kind="insert",
    event=7,
    number=FIRST + 2,
    start=BEGIN + 4_000_000,
    planned_ms=6000,
    avail=True,
    out=b"\xfc\x30\x11",
)
ENDED = msgspec.structs.replace(BREAK, end=BEGIN + 10_000_000, back=b"\xfc\x31")
COMMAND = LiveMark(id="time-1", kind="time", event=0, number=FIRST + 1, start=BEGIN + 2_500_000, command=b"\xfc\x32")


def with_marks(*marks: LiveMark, interstitials: str = "") -> LiveWindow:
    return replace(window(), marks=marks, interstitials=interstitials)


def playlist(name: str, found: LiveWindow, *, cue_tags: bool = False, skip: bool = False) -> str:
    return marked(media_playlist(found, name, skip=skip), found, name, cue_tags=cue_tags)


def ranges(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#EXT-X-DATERANGE")]


def test_golden_playlist() -> None:
    found = with_marks(COMMAND, ENDED, interstitials="https://ads.example/{channel}?event={event}&lasts={duration}")
    golden(__file__, "live-break.m3u8", playlist("v1", found, cue_tags=True))


@pytest.mark.rule("RFC 8216bis 4.4.5.1.1", "OUT and IN bear the section; the end is not told before it is known")
def test_a_break() -> None:
    (on,) = ranges(playlist("v1", with_marks(BREAK)))
    assert "SCTE35-OUT=0xFC3011" in on and "PLANNED-DURATION=6" in on
    assert ",DURATION" not in on and "END-DATE" not in on and "SCTE35-IN" not in on
    (over,) = ranges(playlist("v1", with_marks(ENDED)))
    assert ",DURATION=6," in over and "SCTE35-IN=0xFC31" in over
    (said,) = m3u8.loads(playlist("v1", with_marks(ENDED))).segments[0].dateranges
    assert (said.id, float(said.duration), float(said.planned_duration)) == (BREAK.id, 6, 6)
    (command,) = ranges(playlist("v1", with_marks(COMMAND)))
    assert "SCTE35-CMD=0xFC32" in command and "DURATION" not in command


@pytest.mark.rule("RFC 8216bis 4.4.5.1", "what was told of a range stays as it was")
def test_an_end_adds_to_what_was_told() -> None:
    (on,), (over,) = ranges(playlist("v1", with_marks(BREAK))), ranges(playlist("v1", with_marks(ENDED)))
    assert set(on.split(":", 1)[1].split(",")) < set(over.split(":", 1)[1].split(","))
    template = "https://ads.example/{id}"
    before, after = (ranges(playlist("v1", with_marks(m, interstitials=template)))[1] for m in (BREAK, ENDED))
    assert before == after


@pytest.mark.rule("RFC 8216bis 6.2.4", "all renditions have the same ranges, and a delta update has them")
def test_all_renditions_have_the_same() -> None:
    found = with_marks(COMMAND, BREAK)
    video, audio = ranges(playlist("v1", found)), ranges(playlist("a1", found))
    assert video == audio and len(video) == 2
    longer = replace(window(last=40), marks=(COMMAND, BREAK))
    delta = playlist("v1", longer, skip=True)
    assert "#EXT-X-SKIP" in delta and ranges(delta) == video
    assert delta.index("#EXT-X-DATERANGE") < delta.index("#EXT-X-PROGRAM-DATE-TIME")


def test_the_start_is_the_date_of_its_segment() -> None:
    lines = playlist("v1", with_marks(BREAK)).splitlines()
    at = lines.index(f"{FIRST + 2}.m4s")
    date = next(line for line in reversed(lines[:at]) if line.startswith("#EXT-X-PROGRAM-DATE-TIME")).split(":", 1)[1]
    assert f'START-DATE="{date}"' in ranges("\n".join(lines))[0]


def test_interstitials() -> None:
    """RFC 8216bis appendix D.2."""
    found = with_marks(BREAK, interstitials="https://ads.example/{channel}/{event}?for={duration}&id={id}")
    _, said = ranges(playlist("v1", found))
    assert f'ID="{BREAK.id}-assets",CLASS="com.apple.hls.interstitial"' in said
    assert f'X-ASSET-LIST="https://ads.example/news/7?for=6&id={BREAK.id}"' in said
    assert "DURATION=6," in said and "X-PLAYOUT-LIMIT=6" in said
    program = LiveMark(id="10-1", kind="10", event=1, number=FIRST, start=BEGIN, out=b"\xfc")
    assert len(ranges(playlist("v1", with_marks(program, interstitials="https://x.example/")))) == 1


def test_cue_tags_stand_in_front_of_their_segments() -> None:
    text = playlist("v1", with_marks(ENDED, COMMAND), cue_tags=True)
    where = {}
    for part in text.split(".m4s\n")[:-1]:
        number = part.rsplit("\n", 1)[1]
        where[number] = [line.removeprefix("#EXT-X-") for line in part.splitlines() if "CUE" in line]
    found = {int(number) - FIRST: tags for number, tags in where.items() if tags}
    assert found == {2: ["CUE-OUT:6"], 3: ["CUE-OUT-CONT:2/6"], 4: ["CUE-OUT-CONT:4/6"], 5: ["CUE-IN"]}
    assert "CUE" not in playlist("v1", with_marks(ENDED))


def test_cue_tags_of_a_delta_update_stand_behind_what_it_skips() -> None:
    found = replace(window(last=19), marks=(msgspec.structs.replace(BREAK, planned_ms=60_000),))
    lines = playlist("v1", found, cue_tags=True, skip=True).splitlines()
    skip = next(at for at, line in enumerate(lines) if line.startswith("#EXT-X-SKIP"))
    cues = [at for at, line in enumerate(lines) if "CUE" in line]
    dates = [at for at, line in enumerate(lines) if line.startswith("#EXT-X-DATERANGE")]
    assert cues[0] == skip + 1 and max(dates) < skip


def test_without_marks_nothing_changes() -> None:
    assert playlist("v1", window(), cue_tags=True) == media_playlist(window(), "v1")
