"""Whatever the index and the policy: what is made of them has every sample once, without a gap and without an overlap.

Read back from the boxes, playlists and manifests that are made, by the kit's own readers.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from xml.etree import ElementTree

import m3u8
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from base.problems import Problem
from packager import dash_static, describe, hls
from packager.entries import aac_format, avc_format
from packager.index import Index, from_buffer, to_bytes
from packager.init import generation, init_segment
from packager.plan import Plan, TrackPlan, make_plan
from packager.policy import Last, Policy
from packager.segment import segment
from tests.kit import samples
from tests.packager.live_windows import AVCC
from tests.packager.tracks import audio, index, video

NS = "{urn:mpeg:dash:schema:mpd:2011}"
AVC, AAC = avc_format(AVCC), aac_format(bytes.fromhex("1190"))
SCALES = [(12800, 512), (30000, 1001), (90000, 1501), (24000, 1001), (1000, 40)]


@st.composite
def indexes(draw: st.DrawFn) -> Index:
    """A picture with keyframes anywhere and pictures in any order, and sounds that begin and end when they like."""
    scale, step = draw(st.sampled_from(SCALES))
    groups = draw(st.lists(st.integers(1, 150), min_size=1, max_size=8))
    lead_in = draw(st.sampled_from((0, 0, 3)))
    keys = [lead_in + at for at in itertools.accumulate([0, *groups[:-1]])]
    count = lead_in + sum(groups)
    waits = draw(st.sampled_from(((0,), (1, 3, 0, 0), (2, 5, 2, 0, 1))))
    picture = video(
        keys, count, scale=scale, step=step, shift=draw(st.integers(-2 * scale, 3 * step)),
        cto=[waits[(n - lead_in) % len(waits)] * step if n >= lead_in else 0 for n in range(count)],
    )  # fmt: skip
    frame = draw(st.sampled_from((1024, 1536, 4608)))
    sounds = [
        audio(0, name=f"a{n + 1}", shift=shift, durations=[frame] * frames)
        for n, (frames, shift) in enumerate(
            draw(st.lists(st.tuples(st.integers(1, 900), st.integers(-100_000, 3000)), max_size=2))
        )
    ]
    tracks = [replace(picture, format=replace(AVC, timescale=scale))]
    tracks += [replace(sound, format=replace(AAC, timescale=48000)) for sound in sounds]
    return index(*tracks)


policies = st.builds(
    Policy,
    target_ms=st.sampled_from([1000, 2000, 4000, 6000]),
    last=st.sampled_from(Last),
    bootstrap_ms=st.lists(st.integers(200, 4000), max_size=3).map(tuple),
)


@settings(max_examples=80, deadline=None)
@given(indexes(), policies)
def test_what_is_made_is_whole(made: Index, policy: Policy) -> None:
    try:
        plan = make_plan(made, policy)
    except Problem:
        assume(False)
    generations = {t.track.name: generation(init_segment(t.track.format)) for t in plan.tracks}
    reports = [describe.of_plan(t, plan.target_duration) for t in plan.tracks]
    manifest = ElementTree.fromstring(dash_static.static_manifest("film", plan, reports, generations))
    for planned in plan.tracks:
        check_fragments(planned)
        check_playlist(plan, planned, generations[planned.track.name])
        check_timeline(planned, manifest)


def check_fragments(planned: TrackPlan) -> None:
    head = samples.head(init_segment(planned.track.format))
    rows = planned.track.samples[int(planned.first[0]) :]
    found, ranges, ends = [], [], None
    for number in range(len(planned.first) - 1):
        if planned.first[number] == planned.first[number + 1]:
            continue
        body = segment(planned, number)
        (fragment,) = samples.fragments(bytes(body.head) + bytes(sum(size for _, size in body.ranges)), head)
        assert ends in (None, fragment.tfdt), "tfdt goes on where the segment before ended"
        assert min(row.dts + row.offset for row in fragment.rows) == planned.shown[number]
        assert fragment.rows[0].sync
        ends = fragment.rows[-1].dts + fragment.rows[-1].duration
        found += fragment.rows
        ranges += [octet for at, size in body.ranges for octet in (at, at + size)]
    assert [row.size for row in found] == rows["size"].tolist()
    assert [row.dts - found[0].dts for row in found] == (rows["dts"] - rows["dts"][0]).tolist()
    assert [row.offset for row in found] == (rows["cto"] - planned.hidden).tolist() and found[0].dts >= 0
    # the octets of the file, from the first to the last, none twice
    assert ranges == sorted(ranges) and ranges[0] == rows["offset"][0]
    assert sum(ranges[1::2]) - sum(ranges[::2]) == rows["size"].sum()


def check_playlist(plan: Plan, planned: TrackPlan, generation: str) -> None:
    """EXTINF add up to the media, and none, rounded, is over the target duration."""
    listed = m3u8.loads(hls.media_playlist(plan, planned, generation)).segments
    assert [int(row.uri.split(".")[0]) for row in listed] == list(range(len(listed)))
    lasts = (int(planned.start[-1]) - int(planned.start[0])) / planned.track.format.timescale
    assert abs(sum(row.duration for row in listed) - lasts) < 1e-6 * (1 + len(listed))
    assert all(int(row.duration + 0.5) <= plan.target_duration for row in listed)
    full = [n for n in range(plan.count) if planned.first[n + 1] > planned.first[n]]
    assert [n for n, row in enumerate(listed) if not row.gap_tag] == full


def check_timeline(planned: TrackPlan, manifest: ElementTree.Element) -> None:
    """Each segment begins where the one before it ends, or after a hole in the track, never before."""
    (template,) = [
        next(r.iter(NS + "SegmentTemplate"))
        for r in manifest.iter(NS + "Representation")
        if r.get("id") == planned.track.name
    ]
    at, number, found = 0, int(template.get("startNumber", "1")), []
    for row in template.iter(NS + "S"):
        start, number = int(row.get("t", at)), int(row.get("n", number))
        assert not found or start >= at, "no overlap"
        at = start
        for _ in range(1 + int(row.get("r", "0"))):
            found.append((number, at))
            at, number = at + int(row.get("d", "0")), number + 1
    full = [n for n in range(len(planned.first) - 1) if planned.first[n + 1] > planned.first[n]]
    assert found == [(n, int(planned.shown[n])) for n in full] and at == planned.start[-1]


@settings(max_examples=60, deadline=None)
@given(indexes())
def test_an_index_is_read_as_it_was_written(made: Index) -> None:
    again = from_buffer(memoryview(to_bytes(made)))
    for one, other in zip(made.tracks, again.tracks, strict=True):
        assert one.samples.tolist() == other.samples.tolist() and one.sync.tolist() == other.sync.tolist()
        assert (one.format, one.shift, one.last_duration) == (other.format, other.shift, other.last_duration)
    plans = []
    for one in (made, again):
        try:
            plans.append(make_plan(one, 2000).edition)
        except Problem as problem:
            plans.append(problem.detail)
    assert plans[0] == plans[1]
