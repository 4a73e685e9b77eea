"""What the kit's viewer makes of manifests."""

from tests.kit.dash import Segment, read_manifest

MPD = """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="{type}" availabilityStartTime="1970-01-01T00:00:00Z"
 minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT10S" mediaPresentationDuration="PT9S">{periods}</MPD>"""
PERIOD = """<Period start="PT0S"><AdaptationSet><Representation id="v1"><SegmentTemplate timescale="10"
 startNumber="{first}" initialization="i-$RepresentationID$.mp4"
 media="$RepresentationID$/$Number%05d$-$Time$.m4s" {more}
 </SegmentTemplate></Representation></AdaptationSet></Period>"""
TIMELINE = '><SegmentTimeline><S t="{t}" d="20" r="1"/><S d="10"/></SegmentTimeline>'


def test_a_timeline_names_its_segments() -> None:
    text = MPD.format(type="static", periods=PERIOD.format(first=7, more=TIMELINE.format(t=30)))
    (row,) = read_manifest(text, 0.0).rows
    assert row.segments == (Segment(7, 30, 20), Segment(8, 50, 20), Segment(9, 70, 10))
    assert (row.init, row.uri(row.segments[1])) == ("i-v1.mp4", "v1/00008-50.m4s")


def test_periods_of_one_representation_follow_one_another() -> None:
    both = PERIOD.format(first=7, more=TIMELINE.format(t=30)) + PERIOD.format(first=20, more=TIMELINE.format(t=900))
    schedule = read_manifest(MPD.format(type="dynamic", periods=both), 0.0)
    assert schedule.names() == ["v1"] and len(schedule.of("v1")) == 2
    assert schedule.start("v1") == 20 and schedule.update_s == 2


def test_a_constant_duration_counts_segments_by_the_clock() -> None:
    text = MPD.format(type="dynamic", periods=PERIOD.format(first=1, more='duration="20">'))
    (row,) = read_manifest(text, 100.5).rows
    assert (row.segments[0].number, row.segments[-1].number) == (46, 50)  # 10 s of window, whole segments only
    (row,) = read_manifest(MPD.format(type="static", periods=PERIOD.format(first=1, more='duration="20">')), 0.0).rows
    assert [segment.number for segment in row.segments] == [1, 2, 3, 4, 5]
