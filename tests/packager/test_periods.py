"""Marks in manifests: events with the time in the film, Periods that begin at segments and go on without a break."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from lxml import etree

from base.pictures import Layout
from packager import clip, dash_images, iframes
from packager.dash_static import number_manifest, on_demand_manifest, static_manifest
from packager.marks import Marks, parse
from packager.periods import CONTINUITY, MARKS_SCHEME, spans
from packager.text.dash import adaptation_sets
from packager.text.plan import Sidecar, make_text_plan
from packager.text.reading import read
from packager.thumbnails import Sheets
from tests.packager.manifests import NS, timeline, valid
from tests.packager.packed import Packed

GIVEN = [
    {"id": "intro", "start": 0.5, "duration": 5, "kind": "chapter", "title": 'An <anfang> & "mehr"'.replace('"', "'")},
    {"id": "break", "start": 3.25, "duration": 2, "kind": "ad", "values": {"COM-EXAMPLE-SLOT": 3}},
]


def marks(*more: dict[str, Any]) -> Marks:
    return parse(json.dumps([*GIVEN, *more]).encode(), Fraction(8))


def manifest(film: Packed, cut: clip.Span | None = None, found: Marks | None = None) -> etree._Element:
    cues = read(b"1\n00:00:00,000 --> 00:00:07,000\nx\n").cues
    text = Sidecar(
        language="de", role="subtitles", label="", forced=False, default=False, format="x", notes=(), cues=cues
    )
    sets = adaptation_sets("film", [make_text_plan(film.plan, "s1", text)], ("wvtt", "stpp"), film.plan.origin)
    sheets = Sheets(track="v1", layout=Layout(interval_ms=1000, columns=3, rows=1, width=160), width=160, height=90)
    sets.append(dash_images.adaptation_set(sheets, film.plan.edition))
    report = film.reports[0]
    trick = [iframes.report(film.plan, film.plan.tracks[0], report)]
    whole = marks() if found is None else found
    shown = sets[:-1] if cut else sets
    return valid(
        static_manifest("film", film.plan, film.reports, film.generations, None, shown, cut, trick, marks=whole)
    )


def periods(mpd: etree._Element) -> list[tuple[Fraction, Fraction]]:
    def instant(word: str) -> Fraction:
        return Fraction(word[2:-1])

    found = [(instant(p.get("start")), instant(p.get("duration"))) for p in mpd.iter(f"{NS}Period")]
    assert all(a + lasts == b for (a, lasts), (b, _) in pairwise(found)), "they join exactly"
    assert sum(lasts for _, lasts in found) == instant(mpd.get("mediaPresentationDuration"))
    return found


def events(mpd: etree._Element) -> list[list[str]]:
    return [[json.loads(e.text)["id"] for e in p.iter(f"{NS}Event")] for p in mpd.iter(f"{NS}Period")]


@pytest.mark.rule("ISO/IEC 23009-1 5.10.2", "an event's time less the stream's offset counts from its Period's start")
@pytest.mark.parametrize("name", ["plain", "bframes", "ntsc"])
def test_events_say_the_time_in_the_film(packed: Callable[..., Packed], name: str) -> None:
    mpd = manifest(packed(name))
    assert events(mpd) == [["intro", "break"], [], []]
    (stream,) = mpd.iter(f"{NS}EventStream")
    assert (stream.get("schemeIdUri"), stream.get("presentationTimeOffset")) == (MARKS_SCHEME, "0")
    one, two = stream
    assert dict(one.attrib) == {"presentationTime": "500", "duration": "5000", "id": "1"}
    assert dict(two.attrib) == {"presentationTime": "3250", "duration": "2000", "id": "2"}
    assert json.loads(two.text) == GIVEN[1]


@pytest.mark.rule("ISO/IEC 23009-1 5.3.2.4", "sets of Periods that go on say so, and their media times run on")
@pytest.mark.parametrize("name", ["plain", "bframes", "edit-list", "ntsc", "two-languages"])
def test_periods_begin_at_segments_and_lose_none(packed: Callable[..., Packed], name: str) -> None:
    film = packed(name)
    mpd = manifest(film)
    begins = [start for start, _ in periods(mpd)]
    reference = film.plan.tracks[0]
    cuts = [Fraction(int(c), reference.track.format.timescale) - film.plan.origin for c in reference.start[1:-1]]
    wanted = sorted({next((c for c in cuts if c > at - 0.01), 0) for at in (3.25, 5.25)} - {0})
    assert begins[1:] == pytest.approx([float(at) for at in wanted], abs=2e-6) and wanted
    rows: dict[str, list[tuple[int, int, int]]] = {}
    for number, period in enumerate(mpd.iter(f"{NS}Period")):
        assert period[0].get("value") == "film" and period[0].tag == f"{NS}AssetIdentifier"
        for adaptation in period.iter(f"{NS}AdaptationSet"):
            said = [p.get("value") for p in adaptation.findall(f"{NS}SupplementalProperty") if p.get("schemeIdUri") ==
                    CONTINUITY]  # fmt: skip
            before = [str(number - 1)] if number and adaptation.get("contentType") != "image" else []
            assert said == before, adaptation.get("id")
            for representation in adaptation.iter(f"{NS}Representation"):
                template = representation.find(f"{NS}SegmentTemplate")
                here = timeline(template)
                rows.setdefault(representation.get("id"), []).extend(here)
                # the first segment begins where the Period does, sound up to a frame later
                scale = int(template.get("timescale"))
                offset = Fraction(here[0][1] - int(template.get("presentationTimeOffset")), scale)
                if adaptation.get("contentType") != "image":
                    assert -1 < offset * 30 < 2 or not number, representation.get("id")
    for planned in film.plan.tracks:
        name = planned.track.name
        assert [row[0] for row in rows[name]] == film.numbers(name)
        assert [row[1] for row in rows[name]] == [int(planned.shown[n]) for n in film.numbers(name)]
    assert rows["s1wvtt"] == rows["s1stpp"] and len(rows["s1wvtt"]) == film.plan.count
    assert sorted(set(rows["v1-tiles"])) == [(n, n * 3000, 3000) for n in range(3)], "a sheet may show in two Periods"


@pytest.mark.rule("DASH-IF timing model 9.2", "sheets of thumbnails are offset by what of the film has passed")
def test_thumbnails_follow(packed: Callable[..., Packed]) -> None:
    found = [t for t in manifest(packed("plain")).iter(f"{NS}SegmentTemplate") if "tiles" in t.get("media")]
    assert [(t.get("startNumber"), t.get("presentationTimeOffset")) for t in found] == [
        ("0", "0"), ("1", "4001"), ("2", "6001"),
    ]  # fmt: skip
    assert all(t.get("duration") is None for t in found)


def test_a_clip_has_its_part_of_them(packed: Callable[..., Packed]) -> None:
    film = packed("plain")
    mpd = manifest(film, clip.span(film.plan, 2500, 7900))
    assert [float(b) for b, _ in periods(mpd)] == pytest.approx([0, 2, 4], abs=0.001)
    assert events(mpd) == [["intro", "break"], [], []]
    assert next(mpd.iter(f"{NS}EventStream")).get("presentationTimeOffset") == "2000"
    late = manifest(film, clip.span(film.plan, 5000, -1))
    assert len(periods(late)) == 2 and events(late) == [["intro", "break"], []]


def test_marks_without_a_division_leave_one_period(packed: Callable[..., Packed]) -> None:
    chapters = parse(b'[{"id": "a", "start": 3, "kind": "chapter"}]', Fraction(8))
    film = packed("plain")
    mpd = manifest(film, found=chapters)
    assert len(periods(mpd)) == 1 and events(mpd) == [["a"]] and mpd.find(f".//{NS}AssetIdentifier") is None
    assert manifest(film, found=Marks()).find(f".//{NS}EventStream") is None
    again = parse(b'[{"id": "a", "start": 3, "kind": "chapter", "period": true}]', Fraction(8))
    assert [float(b) for b, _ in periods(manifest(film, found=again))] == pytest.approx([0, 4], abs=0.001)


def test_other_manifests_have_the_events(packed: Callable[..., Packed]) -> None:
    film = packed("plain")
    for text in (
        number_manifest("film", film.plan, film.reports, film.generations, marks()),
        on_demand_manifest("film", film.plan, film.reports, film.inits, marks()),
    ):
        assert events(valid(text)) == [["intro", "break"]]


def test_a_mark_in_the_first_or_last_segment_divides_nothing(packed: Callable[..., Packed]) -> None:
    plan = packed("plain").plan
    whole = clip.Span(first=0, last=plan.count - 1, begin=plan.origin, end=plan.origin + plan.duration)
    for at in (Fraction(0), Fraction(61, 10), Fraction(9)):
        assert spans(plan, whole, [at]) == [whole]
    assert [part.first for part in spans(plan, whole, [Fraction(1, 10), Fraction(2), Fraction(5)])] == [0, 1, 3]
