"""The low-latency manifest: valid, what it promises, and where it cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from base.problems import Problem
from packager import describe
from packager.dash_low_latency import manifest
from packager.live import LiveWindow
from tests.packager.live_windows import FIRST, window
from tests.packager.manifests import NS, templates, valid


def mpd(of: LiveWindow, held_back: int = -1) -> etree._Element:
    reports = [describe.report(t.name, t.format, 100_000, 90_000) for t in of.tracks.values()]
    text = manifest(of, reports, held_back=held_back)
    valid(text)
    return etree.fromstring(text.encode())


@pytest.mark.rule(
    "ISO/IEC 23009-1 5.3.9.5.3", "a segment is offered a part after its beginning, and as not complete by then"
)
def test_what_it_says() -> None:
    found = mpd(window())
    template = templates(found)["v1"]
    assert template.get("availabilityTimeOffset") == "1.5" and template.get("availabilityTimeComplete") == "false"
    assert template.find(f"{NS}SegmentTimeline") is None
    # number n begins at (n - startNumber) durations after the Period: as the segments do
    (period,) = found.findall(f"{NS}Period")
    assert period.get("start") == f"PT{FIRST * 2}S" and template.get("startNumber") == str(FIRST)
    for name, track in window().tracks.items():
        one = templates(found)[name]
        scale = int(one.get("timescale"))
        assert int(one.get("duration")) == 2 * scale == track.segments[0].duration
        assert int(one.get("presentationTimeOffset")) == track.segments[0].start


@pytest.mark.rule("ISO/IEC 23009-1 K.3.2", "the wished latency is said, and what it is measured from (5.12)")
def test_the_service_is_described() -> None:
    found = mpd(window())
    latency = found.find(f"{NS}ServiceDescription/{NS}Latency")
    references = {one.get("id"): one for one in found.iter(f"{NS}ProducerReferenceTime")}
    assert latency.get("target") == "2500" and latency.get("referenceId") in references
    for one in references.values():
        assert one.get("wallClockTime") == "2023-11-14T22:13:20.000Z" and one.find(f"{NS}UTCTiming") is not None
    assert [one.get("dT") for one in found.iter(f"{NS}Resync")] == ["45000", "24000"]


def test_nothing_but_a_new_run_changes_it() -> None:
    texts = {etree.tostring(mpd(window(first=first, last=9 + first))) for first in range(5)}
    assert len(texts) == 1


def test_each_run_is_a_period_and_one_may_wait() -> None:
    two = window(gaps=(4,))
    ids = [(p.get("id"), p.get("duration")) for p in mpd(two).findall(f"{NS}Period")]
    assert ids == [(f"r{FIRST}", "PT8S"), (f"r{FIRST + 5}", None)]
    assert len(mpd(two, held_back=FIRST + 5).findall(f"{NS}Period")) == 1


@pytest.mark.rule("DASH-IF timing model 18.4", "numbers address segments only within half a duration of their place")
def test_a_channel_with_uneven_segments_has_none() -> None:
    one = window()
    track = one.tracks["v1"]
    late = [replace(s, start=s.start + (s.number - FIRST) * 20_000) for s in track.segments]
    object.__setattr__(track, "segments", late)
    with pytest.raises(Problem, match=r"not even.*use manifest\.mpd"):
        mpd(one)
