"""All tracks of one pushed channel: paired with their headers, put in order, named, and merged into one row (no I/O).

A session starts when its tracks are there: all that an MPD announces, else all whose headers came, once no further
one has come for a moment. They are named by what they are and not by when they came, so that two sources of one
channel give the same names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from base.media import Format, Sample
from base.problems import Problem
from ingest.cmaf import manifest as manifests
from ingest.cmaf import names
from ingest.cmaf.events import Messages, Splice
from ingest.cmaf.fragment import read_fragment
from ingest.cmaf.header import Header, Source, read_header
from ingest.cmaf.merge import Merge
from ingest.cmaf.reader import BoxReader, EndCame, EventCame, FragmentCame, HeaderCame
from ingest.cmaf.sequence import Ordered, TrackSequence
from ingest.cmaf.transport import Renditions, rendition
from ingest.media import Frame, TrackConfig
from ingest.ts.video import HZ
from packager import languages

# How long a session waits for further tracks behind its first media, and for those whose headers came.
SETTLE_S = 1.5
START_S = 7.0
# A session's times are epoch times if they are this near to the wall clock; no other origin comes so close by chance.
EPOCH_WITHIN_MS = 600_000
# All tracks said that they are done; a source that goes on nevertheless does so within this.
_END_S = 1.0
MAX_TRACKS = 32
MAX_HEADERS = 256
MAX_EVENTS = 32
MAX_LISTED = 4096  # segments of a playlist that are remembered, the last ones
MAX_WAITING_BYTES = 64 << 20

Out = TrackConfig | Frame | Splice


@dataclass(slots=True)
class _Track:
    stream: str
    source: Source
    format: Format
    sequence: TrackSequence
    name: str = ""
    waiting: list[Sample] = field(default_factory=list)  # before the session starts
    ended: bool = False


class Presentation:
    """`epoch`: the source's times are epoch times (None before the first media)."""

    def __init__(self) -> None:
        self.epoch: bool | None = None
        self.started = False
        self._headers: dict[str, Header] = {}  # by stream
        self._anew: dict[str, None] = {}  # streams whose headers came in this session, not in one before it
        self._tracks: dict[tuple[str, int], _Track] = {}  # by stream and track_ID
        self._announced: dict[str, manifests.Announced] = {}  # by path of the header
        self._listed: dict[str, dict[str, str]] = {}  # by playlist: path of the header by path of the segment
        self._breaks: dict[str, frozenset[str]] = {}
        self._going: set[str] = set()  # manifests that said that more will come
        self._over: set[str] = set()  # those of them that have said since that nothing will
        self._waiting_octets = 0
        self._merge = Merge()
        self._messages = Messages()
        self._renditions = Renditions()
        self._first_media = 0.0
        self._last_media = 0.0

    @property
    def ended(self) -> bool:
        """Did the source say that it is done: all tracks, or all manifests?"""
        lists = bool(self._going) and self._over == self._going
        return lists or (bool(self._tracks) and all(track.ended for track in self._tracks.values()))

    def over(self, now: float) -> bool:
        """`ended`, and nothing has come since."""
        return self.ended and now - self._last_media >= _END_S

    def again(self) -> Presentation:
        """The session after this one: a source that lost its way may go on without sending its headers anew."""
        fresh = Presentation()
        fresh._announced, fresh._listed = self._announced, self._listed
        used = {track.stream for track in self._tracks.values() if track.name} or set(self._headers)
        for stream, header in self._headers.items():
            if stream in used:
                list(fresh.header(stream, header))
        fresh._anew.clear()
        return fresh

    def status(self) -> dict[str, dict[str, object]]:
        """By track name: where it comes from and how it came."""
        return {
            track.name: {
                "path": track.stream,
                "role": track.source.role,
                "repeated": track.sequence.repeated,
                "gaps": track.sequence.gaps,
            }
            for track in self._tracks.values()
            if track.name
        }

    def manifest(self, path: str, body: bytes) -> None:
        """Raises Problem malformed."""
        found = manifests.read(body, path)
        if names.suffix(path) == "mpd":
            self._announced = {track.header: track for track in found.tracks}
        elif found.media and (len(self._listed) < MAX_TRACKS or path in self._listed):
            newest = dict(islice(reversed(found.headers.items()), MAX_LISTED))
            breaks = found.breaks & newest.keys()
            for segment in breaks - self._breaks.get(path, frozenset()):
                self._begin_anew(names.stream(newest[segment]))
            self._listed[path], self._breaks[path] = newest, breaks
        if found.media and not found.ended and len(self._going) < 2 * MAX_TRACKS:
            self._going.add(path)
            self._over.discard(path)
        elif path in self._going:
            self._over.add(path)

    def tick(self, now: float) -> Iterator[Out]:
        """What time does: holes become gaps, tracks that stay away are not waited for."""
        for track in list(self._tracks.values()):
            for ordered in track.sequence.tick(now):
                yield from self._ordered(track, ordered, now)
        yield from self._start(now)
        if self.started:
            yield from self._merge.pull(now)

    def finish(self, now: float) -> Iterator[Out]:
        """The session is over: all that is held."""
        for track in list(self._tracks.values()):
            for ordered in track.sequence.flush():
                yield from self._ordered(track, ordered, now)
        yield from self._start(float("inf"))
        yield from self._merge.flush()

    def header(self, stream: str, header: Header) -> Iterator[Out]:
        """Raises Problem unplayable."""
        if stream not in self._headers and len(self._headers) >= MAX_HEADERS:
            raise Problem("malformed", f"over {MAX_HEADERS} headers in one session: keep to one path for each track")
        self._headers[stream] = header
        self._anew[stream] = None
        handlers = {source.handler for source in header.sources}
        if not handlers & {"vide", "soun", "meta"}:
            raise Problem(
                "unplayable", f"tracks of type {', '.join(sorted(handlers))} are not taken: push video, audio"
            )
        for source in header.sources:
            if source.format is None:
                continue
            key = stream, source.track_id
            fmt = self._told(stream, source.format)
            track = self._tracks.get(key)
            if track is None:
                if len(self._tracks) >= MAX_TRACKS:
                    raise Problem("malformed", f"over {MAX_TRACKS} tracks in one session")
                sequence = TrackSequence(source.timescale)
                self._tracks[key] = _Track(stream, source, fmt, sequence)
                continue
            track.ended = False
            track.sequence.header()
            if fmt.kind != track.format.kind:
                raise Problem("precondition", f"{stream} was {track.format.kind}: push {fmt.kind} to another path")
            changed = fmt != track.format
            if source.timescale != track.source.timescale:
                track.sequence = TrackSequence(source.timescale, epoch=bool(self.epoch))
            track.source, track.format = source, fmt
            if changed and track.name:
                yield from self._merge.flush()
                yield TrackConfig(track=track.name, format=fmt)

    def fragment(
        self, path: str, came: FragmentCame, now: float, now_ms: int, events: Sequence[bytes] = ()
    ) -> Iterator[Out]:
        """`events`: the `emsg` boxes before it. Raises Problem precondition (no header fits), unplayable, malformed."""
        stream = self._stream_of(path)
        sources = {source.track_id: source for source in self._headers[stream].sources}
        found = read_fragment(came.data, came.moof, came.base, sources)
        if not found:
            raise Problem("precondition", "the fragment's track_ID is not that of the header: send the right header")
        self._last_media = now
        for piece in found:
            scale = sources[piece.track_id].timescale
            earliest = min(sample.pts for sample in piece.samples)
            for event in events:
                yield from self._messages.of_segment(event, earliest, scale)
            track = self._tracks.get((stream, piece.track_id))
            if track is None:
                yield from self._messages.of_track(piece, scale)
                continue
            if self.epoch is None:
                self.epoch = abs(piece.start * 1000 // track.source.timescale - now_ms) <= EPOCH_WITHIN_MS
                for other in self._tracks.values():
                    other.sequence = TrackSequence(other.source.timescale, epoch=self.epoch)
            if "lmsg" not in came.brands:
                track.ended = False
            for ordered in track.sequence.take(piece, now):
                yield from self._ordered(track, ordered, now)
        yield from self._start(now)
        if self.started:
            yield from self._merge.pull(now)

    def transport(self, path: str, body: bytes, now: float) -> Iterator[Out]:
        """A whole segment of MPEG-TS. Raises Problem malformed, unplayable, too-large."""
        stream, _ = rendition(path)
        self.epoch, self._last_media = False, now
        for event in self._renditions.take(path, body):
            if isinstance(event, TrackConfig):
                yield from self._transport_config(stream, event)
            elif isinstance(event, Frame):
                track = self._tracks.get((stream, _number(event.track)))
                if track is None or event.timescale != track.source.timescale:
                    continue
                sample = Sample(dts=event.dts, cto=event.cto, sync=event.key, data=event.data)
                yield from self._ordered(track, Ordered([sample]), now)
            else:
                yield Splice(section=event.section, pts=event.pts, timescale=HZ, own=False)
        yield from self._start(now)
        if self.started:
            yield from self._merge.pull(now)

    def _transport_config(self, stream: str, config: TrackConfig) -> Iterator[Out]:
        """Renditions of a ladder repeat the sound: it is taken of one."""
        key, fmt = (stream, _number(config.track)), config.format
        track = self._tracks.get(key)
        if track is None:
            again = (other.format == fmt for (of, _), other in self._tracks.items() if of != stream)
            if (fmt.kind == "audio" and any(again)) or len(self._tracks) >= MAX_TRACKS:
                return
            source = Source(
                track_id=key[1], handler="vide" if fmt.kind == "video" else "soun", format=fmt, timescale=HZ
            )
            self._tracks[key] = _Track(stream, source, fmt, TrackSequence(HZ))
            return
        changed, track.format = fmt != track.format, fmt
        if changed and track.name:
            yield from self._merge.flush()
            yield TrackConfig(track=track.name, format=fmt)

    def end(self, path: str) -> None:
        """The tracks of this path have no more media."""
        stream = names.stream(path)
        if stream not in self._headers:
            try:
                stream = self._stream_of(path)
            except Problem:
                return
        for (of, _), track in self._tracks.items():
            if of == stream:
                track.ended = True

    def _told(self, stream: str, fmt: Format) -> Format:
        """The language that the MPD tells, where the header has none."""
        announced = self._announced.get(stream)
        if announced is None or fmt.language != "und":
            return fmt
        return replace(fmt, language=languages.code(announced.language))

    def _stream_of(self, path: str) -> str:
        """The stream whose header goes before the segment at `path`."""
        stream = names.stream(path)
        if stream in self._headers:
            return stream
        for announced in self._announced.values():
            if announced.media.fullmatch(path):
                return self._sent(announced.header, path)
        for listed in self._listed.values():
            if path in listed:
                return self._sent(listed[path], path)
        # A source that sends headers need not be the one before, nor keep to its names.
        if found := names.nearest(path, self._anew) or names.nearest(path, self._headers):
            return found
        raise Problem(
            "precondition",
            f"no header (init segment) goes with {path}: send one first, to the same path or as an MPD announces it",
        )

    def _sent(self, header: str, path: str) -> str:
        if header not in self._headers:
            raise Problem("precondition", f"send the header {header} before {path}")
        return header

    def _begin_anew(self, stream: str) -> None:
        for (of, _), track in self._tracks.items():
            if of == stream:
                track.sequence.header()

    def _ordered(self, track: _Track, ordered: Ordered, now: float) -> Iterator[Out]:
        if not track.name:
            if self.started:
                yield from self._name([track])
            else:
                self._first_media = self._first_media or now
                track.waiting += ordered.samples
                self._waiting_octets += sum(len(sample.data) for sample in ordered.samples)
                return
        if ordered.anew:
            yield from self._merge.flush()
        self._merge.push([_frame(track, sample) for sample in ordered.samples], now)

    def _start(self, now: float) -> Iterator[Out]:
        there = [track for track in self._tracks.values() if track.waiting]
        if self.started or not there:
            return
        waited = now - self._first_media
        media = [track for track in self._announced.values() if track.kind in ("video", "audio")]
        expected = [track for track in self._tracks.values() if not self._anew or track.stream in self._anew]
        complete = all(track.waiting for track in expected)
        announced = complete and media and len(there) >= len(media)
        settled = waited >= START_S or (complete and waited >= SETTLE_S)
        if not (announced or settled or self._waiting_octets > MAX_WAITING_BYTES):
            return
        self.started = True
        yield from self._name(there)
        for track in there:
            self._merge.push([_frame(track, sample) for sample in track.waiting], min(now, self._last_media))
            track.waiting = []

    def _name(self, tracks: list[_Track]) -> Iterator[Out]:
        taken = {track.name for track in self._tracks.values()}
        for track in sorted(tracks, key=self._place):
            letter, number = track.format.kind[0], 1
            while f"{letter}{number}" in taken:
                number += 1
            track.name = f"{letter}{number}"
            taken.add(track.name)
            yield TrackConfig(track=track.name, format=track.format)

    def _place(self, track: _Track) -> tuple[object, ...]:
        """Video first, in the order of the MPD, else the largest picture and the highest rate first."""
        announced = self._announced.get(track.stream)
        order = announced.order if announced is not None else MAX_HEADERS
        fmt = track.format
        return fmt.kind != "video", order, -fmt.height, -track.source.bitrate, track.stream, track.source.track_id


class Upload:
    """One request's body on its way into a presentation. `headers`, `fragments`: how many came."""

    def __init__(self, presentation: Presentation, path: str) -> None:
        self._presentation = presentation
        self._path = path
        self._reader = BoxReader()
        self._events: list[bytes] = []
        self.headers = 0
        self.fragments = 0

    def feed(self, octets: bytes, now: float, now_ms: int) -> Iterator[Out]:
        """Raises Problem; what came before it counts."""
        for came in self._reader.feed(octets):
            match came:
                case HeaderCame():
                    self.headers += 1
                    yield from self._presentation.header(names.stream(self._path), read_header(came.moov))
                case FragmentCame():
                    self.fragments += 1
                    events, self._events = self._events, []
                    yield from self._presentation.fragment(self._path, came, now, now_ms, events)
                case EventCame():
                    self._events = [*self._events[-MAX_EVENTS:], came.box]
                case EndCame():
                    self._presentation.end(self._path)

    def whole(self) -> bool:
        """Did the body end where a box ends?"""
        return self._reader.finish()


def _number(track: str) -> int:
    """A track of a transport stream among the track_IDs: v1 is 1, a1 is 1001."""
    return int(track[1:]) + (0 if track[0] == "v" else 1000)


def _frame(track: _Track, sample: Sample) -> Frame:
    return Frame(
        track=track.name,
        dts=sample.dts,
        timescale=track.source.timescale,
        cto=sample.cto,
        key=sample.sync,
        data=sample.data,
    )
