"""Where the header of an H.264 slice ends (ITU-T H.264 7.3.3), for which the SPS and PPS in force must be known."""

from __future__ import annotations

from dataclasses import dataclass

from base.problems import Problem
from packager import avc
from packager.bits import Bits, header_octets, unescape

_SLICE, _IDR, _SPS, _PPS = 1, 5, 7, 8
_PARTITIONS = frozenset({2, 3, 4})
_P, _B, _I, _SP, _SI = range(5)  # slice_type modulo 5 (table 7-6)
_INTRA = (_I, _SI)
_MOST_REFERENCES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sps:
    """What a slice header needs of seq_parameter_set_data (7.3.2.1.1). `chroma`: ChromaArrayType is not 0."""

    separate_colour: bool
    chroma: bool
    frame_num_bits: int
    order_type: int
    order_bits: int
    order_always_zero: bool
    frames_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pps:
    """What a slice header needs of pic_parameter_set_rbsp (7.3.2.2)."""

    sps: int
    cabac: bool
    order_present: bool
    references: tuple[int, int]
    weighted: bool
    weighted_b: int
    deblocking: bool
    redundant: bool


class AvcReader:
    """The NAL units of one track in decode order; see packager.slices.Reader."""

    def __init__(self, avcc: bytes) -> None:
        """Raises Problem unplayable if the configuration or a parameter set in it cannot be read."""
        sequences, pictures = avc.parameter_sets(avcc)
        self.length_size = (avcc[4] & 3) + 1
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, Pps] = {}
        for unit in (*sequences, *pictures):
            self.header(memoryview(unit))

    def header(self, unit: memoryview) -> int:
        kind = unit[0] & 0x1F
        try:
            if kind in (_SLICE, _IDR):
                return header_octets(unit, 1, lambda bits: self._slice(bits, kind == _IDR, unit[0] & 0x60 != 0))
            if kind == _SPS:
                number, sps = read_sps(Bits(unescape(bytes(unit))[1:]))
                self._sps[number] = sps
            elif kind == _PPS:
                number, pps = read_pps(Bits(unescape(bytes(unit))[1:]))
                self._pps[number] = pps
        except ValueError as fault:
            raise Problem("unplayable", f"the H.264 video cannot be protected: {fault}") from fault
        if kind in _PARTITIONS:
            raise Problem("unplayable", "H.264 with data partitioning cannot be protected: re-encode it")
        return 0

    def _slice(self, bits: Bits, idr: bool, reference: bool) -> None:
        """slice_header (7.3.3)."""
        bits.skip(1)  # first_mb_in_slice
        kind = bits.ue() % 5
        number = bits.ue()
        pps = self._pps.get(number)
        sps = self._sps.get(pps.sps) if pps else None
        if pps is None or sps is None:
            raise ValueError(f"a slice names picture parameter set {number}, which is not there")
        order_type, field = sps.order_type, False
        if sps.frames_only and not idr and order_type == 0 and not sps.separate_colour:  # nearly all there are
            bits.read(sps.frame_num_bits + sps.order_bits)
        else:
            field = _place(bits, sps, idr)
        if pps.order_present and not field and (order_type == 0 or (order_type == 1 and not sps.order_always_zero)):
            bits.skip(1)
        if pps.redundant:
            bits.skip(1)
        if kind == _B:
            bits.flag()  # direct_spatial_mv_pred_flag
        lists: tuple[int, ...] = ()
        if kind not in _INTRA:
            first, second = pps.references
            if bits.flag():
                first = bits.ue() + 1
                if kind == _B:
                    second = bits.ue() + 1
            lists = (first, second) if kind == _B else (first,)
            if max(lists) > _MOST_REFERENCES:
                raise ValueError("a slice has over 32 references")
            for _ in lists:
                if bits.flag():
                    _modification(bits)
            if (pps.weighted_b == 1) if kind == _B else pps.weighted:
                _weights(bits, lists, sps.chroma)
        if reference:
            _marking(bits, idr)
        bits.skip(2 if pps.cabac and lists else 1)  # cabac_init_idc, slice_qp_delta
        if kind in (_SP, _SI):
            if kind == _SP:
                bits.flag()
            bits.skip(1)
        if pps.deblocking and bits.ue() != 1:
            bits.skip(2)
        # slice_data begins with cabac_alignment_one_bit (7.3.4). Were a field misread, they would hardly be here.
        if pps.cabac and (left := -bits.taken % 8) and bits.read(left) != (1 << left) - 1:
            raise ValueError("a slice header ends where it should not")


def _place(bits: Bits, sps: Sps, idr: bool) -> bool:
    """From colour_plane_id to the picture order count; True for a field."""
    if sps.separate_colour:
        bits.read(2)
    bits.read(sps.frame_num_bits)
    field = not sps.frames_only and bits.flag()
    if field:
        bits.flag()
    if idr:
        bits.skip(1)  # idr_pic_id
    if sps.order_type == 0:
        bits.read(sps.order_bits)
    elif sps.order_type == 1 and not sps.order_always_zero:
        bits.skip(1)
    return field


def _modification(bits: Bits) -> None:
    """One list of ref_pic_list_modification (7.3.3.1), behind its flag."""
    while (what := bits.ue()) != 3:
        if what > 3:
            raise ValueError(f"modification_of_pic_nums_idc {what}")
        bits.skip(1)


def _weights(bits: Bits, lists: tuple[int, ...], chroma: bool) -> None:
    """pred_weight_table (7.3.3.2)."""
    bits.skip(2 if chroma else 1)
    for count in lists:
        for _ in range(count):
            if bits.flag():
                bits.skip(2)
            if chroma and bits.flag():
                bits.skip(4)


def _marking(bits: Bits, idr: bool) -> None:
    """dec_ref_pic_marking (7.3.3.3)."""
    if idr:
        bits.read(2)
    elif bits.flag():
        while what := bits.ue():
            if what > 6:
                raise ValueError(f"memory_management_control_operation {what}")
            if what != 5:
                bits.ue()
            if what == 3:
                bits.ue()


def read_sps(bits: Bits) -> tuple[int, Sps]:
    """seq_parameter_set_id and the set. Raises ValueError."""
    profile = bits.read(8)
    bits.read(16)
    number = bits.ue()
    chroma, separate = 1, False
    if profile in avc.HIGH:
        chroma = bits.ue()
        separate = chroma == 3 and bits.flag()
        bits.ue()
        bits.ue()
        bits.flag()
        avc.skip_scaling_matrix(bits, chroma)
    frame_num_bits = bits.ue() + 4
    order_type, order_bits, always_zero = bits.ue(), 0, False
    if order_type == 0:
        order_bits = bits.ue() + 4
    elif order_type == 1:
        always_zero = bits.flag()
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()
    bits.ue()
    bits.flag()
    bits.ue()
    bits.ue()
    return number, Sps(
        separate_colour=separate,
        chroma=chroma != 0 and not separate,
        frame_num_bits=frame_num_bits,
        order_type=order_type,
        order_bits=order_bits,
        order_always_zero=always_zero,
        frames_only=bits.flag(),
    )


def read_pps(bits: Bits) -> tuple[int, Pps]:
    """pic_parameter_set_id and the set. Raises ValueError."""
    number, sps = bits.ue(), bits.ue()
    cabac, order_present = bits.flag(), bits.flag()
    if bits.ue():
        raise ValueError("it has several slice groups (flexible macroblock ordering): re-encode it")
    references = bits.ue() + 1, bits.ue() + 1
    weighted, weighted_b = bits.flag(), bits.read(2)
    for _ in range(3):
        bits.se()
    deblocking, _, redundant = bits.flag(), bits.flag(), bits.flag()
    return number, Pps(
        sps=sps,
        cabac=cabac,
        order_present=order_present,
        references=references,
        weighted=weighted,
        weighted_b=weighted_b,
        deblocking=deblocking,
        redundant=redundant,
    )
