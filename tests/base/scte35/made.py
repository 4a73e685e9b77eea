"""Any section there may be, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from base.scte35.commands import (
    BandwidthReservation,
    BreakDuration,
    Component,
    PrivateCommand,
    ScheduledSplice,
    SpliceInsert,
    SpliceNull,
    SpliceSchedule,
    TimeSignal,
    UnknownCommand,
)
from base.scte35.descriptors import (
    WITH_SUB_SEGMENTS,
    Audio,
    AudioComponent,
    Avail,
    Dtmf,
    Opaque,
    Restrictions,
    Segmentation,
    Time,
    Upid,
)
from base.scte35.section import Section


def bits(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << count) - 1)


_DURATION = st.none() | st.builds(BreakDuration, bits(33), st.booleans())
_PROGRAM = {"unique_program_id": bits(16), "avail_num": bits(8), "avails_expected": bits(8)}
_INSERT = st.one_of(
    st.builds(SpliceInsert, event_id=bits(32), cancel=st.just(True)),
    st.builds(
        SpliceInsert,
        event_id=bits(32),
        out_of_network=st.booleans(),
        immediate=st.just(False),
        compliance=st.booleans(),
        time=st.none() | bits(33),
        duration=_DURATION,
        **_PROGRAM,
    ),
    st.builds(SpliceInsert, event_id=bits(32), immediate=st.just(True), duration=_DURATION, **_PROGRAM),
    st.builds(
        SpliceInsert,
        event_id=bits(32),
        program=st.just(False),
        components=st.lists(st.builds(Component, bits(8), st.none() | bits(33)), max_size=4).map(tuple),
        duration=_DURATION,
        **_PROGRAM,
    ),
)
_SCHEDULED = st.one_of(
    st.builds(ScheduledSplice, event_id=bits(32), cancel=st.just(True), compliance=st.booleans()),
    st.builds(ScheduledSplice, event_id=bits(32), utc_time=bits(32), duration=_DURATION, **_PROGRAM),
    st.builds(
        ScheduledSplice,
        event_id=bits(32),
        out_of_network=st.booleans(),
        components=st.lists(st.tuples(bits(8), bits(32)), max_size=3).map(tuple),
        **_PROGRAM,
    ),
)
_COMMAND = st.one_of(
    st.just(SpliceNull()),
    st.just(BandwidthReservation()),
    _INSERT,
    st.builds(TimeSignal, st.none() | bits(33)),
    st.builds(SpliceSchedule, st.lists(_SCHEDULED, max_size=3).map(tuple)),
    st.builds(PrivateCommand, bits(32), st.binary(max_size=20)),
    st.builds(UnknownCommand, st.integers(8, 254), st.binary(max_size=20)),
)
_SEGMENTATION_FIELDS = {
    "event_id": bits(32),
    "compliance": st.booleans(),
    "components": st.none() | st.lists(st.tuples(bits(8), bits(33)), max_size=3).map(tuple),
    "duration": st.none() | bits(40),
    "restrictions": st.none() | st.builds(Restrictions, st.booleans(), st.booleans(), st.booleans(), bits(2)),
    "upid": st.builds(Upid, bits(8), st.binary(max_size=40)),
    "num": bits(8),
    "expected": bits(8),
}
_WITH_SUB = st.sampled_from(sorted(WITH_SUB_SEGMENTS))
_DESCRIPTOR = st.one_of(
    st.builds(Avail, bits(32)),
    st.builds(Dtmf, bits(8), st.text("0123456789*#", max_size=7).map(str.encode)),
    st.builds(Segmentation, event_id=bits(32), cancel=st.just(True), compliance=st.booleans()),
    st.builds(Segmentation, type=bits(8), **_SEGMENTATION_FIELDS),
    st.builds(Segmentation, type=_WITH_SUB, sub=st.tuples(bits(8), bits(8)), **_SEGMENTATION_FIELDS),
    st.builds(Time, bits(48), bits(32), bits(16)),
    st.builds(
        Audio,
        st.lists(
            st.builds(AudioComponent, bits(8), st.binary(min_size=3, max_size=3), bits(3), bits(4), st.booleans()),
            max_size=3,
        ).map(tuple),
    ),
    st.builds(Opaque, st.integers(5, 255), st.binary(max_size=20)),
)


def sections() -> st.SearchStrategy[Section]:
    return st.builds(
        Section,
        command=_COMMAND,
        descriptors=st.lists(_DESCRIPTOR, max_size=4).map(tuple),
        pts_adjustment=bits(33),
        tier=bits(12),
        cw_index=bits(8),
        sap_type=bits(2),
        stuffing=st.binary(max_size=4),
    )
