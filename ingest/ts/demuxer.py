"""The demuxer: octets of a transport stream to events of one program, in the order in which they are complete.

Theory of operation. The headers of all packets of a block are read as one column of 32-bit words. Packets that follow
one another on the same PID with nothing but payload form a *run*, whose payloads are copied as one; most of a stream is
such runs, so the work in Python grows with access units and not with octets. A packet in which a unit begins, or with
an adaptation field, is a run of its own.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from base.problems import Problem
from ingest.ts import tables
from ingest.ts.packets import PACKET, Packets
from ingest.ts.streams import Elementary, Event, Pid, Splices, Tables, Timing
from ingest.ts.tables import Program, Stream

U8 = npt.NDArray[np.uint8]

# Of the header as a word of 32 bits (2.4.3.2).
_ERROR, _BEGINS, _SCRAMBLED, _FIELD, _PAYLOAD = 1 << 23, 1 << 22, 3 << 6, 1 << 5, 1 << 4
_SPECIAL = _BEGINS | _FIELD
_FIRST_FREE_PID = 0x10
MAX_TRACKS = {"v": 4, "a": 12, "s": 2}
_MOST_SCRAMBLED = 100
# Octets without a program map: enough for tables that come once in some seconds.
_MOST_WITHOUT_TABLES = 32 << 20


class Demuxer:
    """`program`: the number of the program that is wanted, 0 for the first.

    `ignored`: what of the program is not taken, in words, for one line in the log.
    """

    def __init__(self, program: int = 0) -> None:
        self._asked = program
        self._packets = Packets()
        self._maps: dict[int, int] = {}
        self._parts: set[int] = set()
        self._pat_version = -1
        self._map_pid = -1
        self._streams: dict[int, Elementary | Splices] = {}
        self._pids: dict[int, Pid] = {tables.PAT_PID: Pid(Tables(self._associated))}
        self._timing = Timing()
        self._without_tables = 0
        self._out: list[Event] = []
        self._faults: Counter[str] = Counter()
        self.program: Program | None = None
        self.ignored: tuple[str, ...] = ()

    def take(self, data: bytes) -> list[Event]:
        """Raises Problem malformed, unplayable or too-large; then the stream is over."""
        for block in self._packets.take(data):
            self._block(block)
        if self.program is None:
            self._without_tables += len(data)
            if self._without_tables > _MOST_WITHOUT_TABLES:
                raise Problem("unplayable", "no table says what is in the stream: let the encoder send PAT and PMT")
        out = self._out[:]
        self._out.clear()
        return out

    def ends(self) -> list[Event]:
        """What is still open when the stream, or a file of it, has ended; another may follow, with other counters."""
        for stream in self._streams.values():
            stream.ends()
        for pid in self._pids.values():
            pid.forget()
        out = self._out[:]
        self._out.clear()
        return out

    def faults(self) -> Counter[str]:
        """What was lost or dropped so far, by name: skipped (octets), the others packets or units."""
        found = self._faults + Counter(skipped=self._packets.skipped)
        for stream in self._streams.values():
            found += stream.faults()
        for pid in self._pids.values():
            if isinstance(pid.taker, Tables):
                found["damaged"] += pid.taker.sections.damaged
        return found

    def _block(self, block: memoryview) -> None:
        count = len(block) // PACKET
        heads = np.ndarray((count,), ">u4", block, 0, (PACKET,)).astype(np.uint32)
        rows = np.frombuffer(block, np.uint8).reshape(count, PACKET)
        starts = _runs(heads)
        begins: list[int] = starts.tolist()
        for begin, end, word in zip(begins, [*begins[1:], count], heads[starts].tolist(), strict=True):
            pid = self._pids.get(word >> 8 & 0x1FFF)
            if pid is not None:
                self._run(pid, word, rows, begin, end)

    def _run(self, pid: Pid, word: int, rows: U8, begin: int, end: int) -> None:
        """Packets of one PID in a row; `word`: the first one's header."""
        if word & _ERROR:
            self._faults["transport-error"] += end - begin
            return
        jumps, payload_at = False, 4
        if word & _FIELD:  # then it is one packet
            payload_at = 5 + int(rows[begin, 4])
            if payload_at > PACKET:
                self._faults["malformed"] += 1
                return
            jumps = self._adaptation(word, rows[begin, 5:payload_at].tobytes())
        if not word & _PAYLOAD:
            return
        lost, twice = pid.follows(word, end - begin)
        begin += twice
        if lost and not jumps:
            self._faults["continuity"] += 1
            pid.taker.lost()
        if begin == end:
            return
        if word & _SCRAMBLED:
            self._refuse_scrambled(pid)
            return
        payload = rows[begin:end, payload_at:].tobytes()
        if word & _BEGINS:
            pid.taker.begins(payload)
        else:
            pid.taker.more(payload)

    def _adaptation(self, word: int, field: bytes) -> bool:
        """adaptation_field behind its length (2.4.3.4); its discontinuity_indicator."""
        if not field:
            return False
        program = self.program
        if field[0] & 0x10 and len(field) >= 7 and program is not None and program.pcr_pid == word >> 8 & 0x1FFF:
            self._timing.clock(int.from_bytes(field[1:7], "big") >> 15)
        return bool(field[0] & 0x80)

    def _refuse_scrambled(self, pid: Pid) -> None:
        pid.taker.lost()
        self._faults["scrambled"] += 1
        if self._faults["scrambled"] > _MOST_SCRAMBLED:
            raise Problem("unplayable", "the stream is scrambled: send it in the clear")

    def _associated(self, section: bytes) -> None:
        found = tables.read_pat(section)
        if found is None:
            return
        if found.version != self._pat_version:
            self._pat_version, self._maps, self._parts = found.version, {}, set()
        self._maps |= found.maps
        self._parts.add(found.part)
        if len(self._parts) <= found.last or not self._maps:
            return
        number = self._asked or next(iter(self._maps))
        if number not in self._maps:
            there = ", ".join(str(n) for n in list(self._maps)[:16])
            raise Problem("unplayable", f"there is no program {number} in the stream, which has {there}")
        self._listen_for_map(self._maps[number], number)

    def _listen_for_map(self, map_pid: int, number: int) -> None:
        if map_pid == self._map_pid or map_pid in (tables.PAT_PID, tables.NULL_PID):
            return
        self._pids.pop(self._map_pid, None)
        self._map_pid = map_pid
        self._pids[map_pid] = Pid(Tables(lambda section: self._mapped(section, number)))

    def _mapped(self, section: bytes, number: int) -> None:
        program = tables.read_pmt(section)
        if program is None or program.number != number or program == self.program:
            return
        taken = self._chosen(program)
        self.program = program
        for pid, gone in list(self._streams.items()):
            if taken.get(pid) != gone.stream:
                gone.ends()
                self._faults += gone.faults()
                del self._streams[pid], self._pids[pid]
        for pid, stream in taken.items():
            if pid not in self._streams:
                made = self._made(stream)
                self._streams[pid] = made
                self._pids[pid] = Pid(made)

    def _made(self, stream: Stream) -> Elementary | Splices:
        """A track gets the first free name: an encoder that comes back with other PIDs goes on in the same tracks."""
        if stream.codec not in tables.NAMES:
            return Splices(stream, self._timing, self._out.append)
        used = {found.track for found in self._streams.values()}
        names = (f"{_kind(stream)}{n}" for n in range(1, len(used) + 2))
        track = next(name for name in names if name not in used)
        return Elementary(stream, track, self._timing, self._out.append)

    def _chosen(self, program: Program) -> dict[int, Stream]:
        """The streams that are taken, by PID. Raises Problem unplayable if that leaves nothing, or no picture."""
        taken: dict[int, Stream] = {}
        left: list[Stream] = []
        room = dict(MAX_TRACKS)
        for stream in program.streams:
            kind = _kind(stream)
            own = stream.pid >= _FIRST_FREE_PID and stream.pid not in (self._map_pid, tables.NULL_PID)
            if stream.codec and own and stream.pid not in taken and room[kind]:
                room[kind] -= 1
                taken[stream.pid] = stream
            else:
                left.append(stream)
        self.ignored = tuple(f"PID {s.pid}: {s.name or s.codec or 'neither picture nor sound'}" for s in left)
        sound = [tables.NAMES[codec] for codec in ("aac", "ac-3", "ec-3", "opus")]
        take = f"H.264 or HEVC, and {', '.join(sound[:-1])} or {sound[-1]}"
        refused = [
            s.name for s in left if s.name and (s.video or not any(t.codec in tables.AUDIO for t in taken.values()))
        ]
        if not any(s.codec in tables.VIDEO for s in taken.values()) and any(s.video for s in left):
            raise Problem("unplayable", f"{' and '.join(refused)} is not taken: set the encoder to {take}")
        if not any(s.codec in tables.NAMES for s in taken.values()):
            what = f"{' and '.join(refused)} is not taken" if refused else "the program has neither picture nor sound"
            raise Problem("unplayable", f"{what}: set the encoder to {take}")
        return taken


def _kind(stream: Stream) -> str:
    return "v" if stream.codec in tables.VIDEO else "a" if stream.codec in tables.AUDIO else "s"


def _runs(heads: npt.NDArray[np.uint32]) -> npt.NDArray[np.intp]:
    """Where runs begin. Within one the counter goes up by one and all else of the header stays."""
    breaks = np.empty(len(heads), np.bool_)
    breaks[0] = True
    before, after = heads[:-1], heads[1:]
    breaks[1:] = ((before ^ after) > 15) | ((after - before) & 15 != 1) | (after & _SPECIAL != 0)
    return np.flatnonzero(breaks)
