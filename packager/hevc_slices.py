"""Where the header of an HEVC slice segment ends (ITU-T H.265 7.3.6.1), for which the SPS and PPS must be known."""

from __future__ import annotations

from base.problems import Problem
from packager.bits import Bits, header_octets, unescape
from packager.hevc_sets import Pps, ReferenceSet, Sps, read_pps, read_sps, reference_set

_SPS, _PPS = 33, 34
_IDR = (19, 20)
_B, _P, _I = range(3)  # slice_type (table 7-7)
_MOST_REFERENCES, _MOST_ENTRIES = 16, 1 << 14


def parameter_sets(hvcc: bytes) -> list[bytes]:
    """The NAL units of an hvcC (ISO/IEC 14496-15 8.3.3.1). Raises Problem unplayable."""
    try:
        at, found = 23, []
        for _ in range(hvcc[22]):
            if at + 3 > len(hvcc):
                raise ValueError("an array of parameter sets is cut off")
            count = int.from_bytes(hvcc[at + 1 : at + 3], "big")
            at += 3
            for _ in range(count):
                size = int.from_bytes(hvcc[at : at + 2], "big")
                unit = hvcc[at + 2 : at + 2 + size]
                if len(unit) != size or size < 2:
                    raise ValueError("a parameter set is cut off")
                found.append(unit)
                at += 2 + size
    except (IndexError, ValueError) as fault:
        raise Problem("unplayable", f"the HEVC configuration (hvcC) is damaged: {fault}") from fault
    return found


class HevcReader:
    """The NAL units of one track in decode order; see packager.slices.Reader."""

    def __init__(self, hvcc: bytes) -> None:
        """Raises Problem unplayable if the configuration or a parameter set in it cannot be read."""
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, Pps] = {}
        sets = parameter_sets(hvcc)
        self.length_size = (hvcc[21] & 3) + 1
        for unit in sets:
            self.header(memoryview(unit))

    def header(self, unit: memoryview) -> int:
        kind = unit[0] >> 1 & 0x3F
        try:
            if len(unit) < 2:
                raise ValueError("a NAL unit of one octet")
            if (unit[0] & 1) << 5 | unit[1] >> 3:
                if kind < 32:
                    raise ValueError("it has several layers: re-encode it")
                return 0
            if kind < 10 or 16 <= kind < 22:
                return header_octets(unit, 2, lambda bits: self._slice(bits, kind))
            if kind < 32:
                raise ValueError(f"slices of the reserved type {kind}")
            if kind == _SPS:
                number, sps = read_sps(Bits(unescape(bytes(unit))[2:]))
                self._sps[number] = sps
            elif kind == _PPS:
                number, pps = read_pps(Bits(unescape(bytes(unit))[2:]))
                self._pps[number] = pps
        except ValueError as fault:
            raise Problem("unplayable", f"the HEVC video cannot be protected: {fault}") from fault
        return 0

    def _slice(self, bits: Bits, unit: int) -> None:
        """slice_segment_header."""
        first = bits.flag()
        if 16 <= unit < 24:
            bits.flag()
        number = bits.ue()
        pps = self._pps.get(number)
        sps = self._sps.get(pps.sps) if pps else None
        if pps is None or sps is None:
            raise ValueError(f"a slice names picture parameter set {number}, which is not there")
        dependent = False
        if not first:
            dependent = pps.dependent and bits.flag()
            bits.read(sps.address_bits)
        if not dependent:
            _independent(bits, unit, sps, pps)
        if pps.entry_points and (count := bits.ue()):
            width = bits.ue() + 1
            if count > _MOST_ENTRIES or width > 32:
                raise ValueError(f"{count} entry points of {width} bits")
            bits.read(count * width)
        if pps.extension:
            bits.read(8 * bits.ue())
        # byte_alignment(): a one, and zeros up to the next octet. Were a field misread, it would hardly be here.
        if not bits.flag() or bits.read(-bits.taken % 8):
            raise ValueError("a slice header ends where it should not")


def _independent(bits: Bits, unit: int, sps: Sps, pps: Pps) -> None:
    bits.read(pps.extra_bits)
    kind = bits.ue()
    if kind > _I:
        raise ValueError(f"slice_type {kind}")
    if pps.output_present:
        bits.flag()
    if sps.separate_colour:
        bits.read(2)
    pictures, temporal_mvp = 0, False
    if unit not in _IDR:
        pictures = _reference_pictures(bits, sps)
        temporal_mvp = sps.temporal_mvp and bits.flag()
    sao = False
    if sps.sao:
        sao = bits.flag()
        if sps.chroma:
            sao |= bits.flag()
    if kind != _I:
        _prediction(bits, kind, sps, pps, pictures, temporal_mvp)
    bits.se()
    if pps.chroma_offsets:
        bits.se()
        bits.se()
    if pps.chroma_offset_list:
        bits.flag()
    disabled = pps.deblocking_disabled
    if pps.deblocking_override and bits.flag():
        disabled = bits.flag()
        if not disabled:
            bits.se()
            bits.se()
    if pps.across_slices and (sao or not disabled):
        bits.flag()


def _reference_pictures(bits: Bits, sps: Sps) -> int:
    """Picture order count and the reference pictures; gives NumPicTotalCurr (7-55)."""
    bits.read(sps.order_bits)
    if not bits.flag():
        used = reference_set(bits, sps.sets, in_slice=True).used
    else:
        at = bits.read((len(sps.sets) - 1).bit_length()) if len(sps.sets) > 1 else 0
        used = (sps.sets[at] if at < len(sps.sets) else ReferenceSet()).used
    if sps.long_present:
        listed = bits.ue() if sps.long_used else 0
        count = listed + bits.ue()
        if count > 2 * _MOST_REFERENCES + 32:
            raise ValueError(f"{count} long-term reference pictures")
        for index in range(count):
            if index < listed:
                at = bits.read((len(sps.long_used) - 1).bit_length())
                used += at < len(sps.long_used) and sps.long_used[at]
            else:
                bits.read(sps.order_bits)
                used += bits.flag()
            if bits.flag():
                bits.ue()
    return used


def _prediction(bits: Bits, kind: int, sps: Sps, pps: Pps, pictures: int, temporal_mvp: bool) -> None:
    """What P and B slices say of their references."""
    lists: tuple[int, ...] = pps.references if kind == _B else pps.references[:1]
    if bits.flag():
        lists = tuple(bits.ue() + 1 for _ in lists)
    if max(lists) > _MOST_REFERENCES:
        raise ValueError("a slice has over 16 references")
    if pps.lists_modification and pictures > 1:
        for count in lists:
            if bits.flag():
                bits.read(count * (pictures - 1).bit_length())
    if kind == _B:
        bits.flag()
    if pps.cabac_init:
        bits.flag()
    if temporal_mvp:
        second = kind == _B and not bits.flag()  # collocated_from_l0_flag
        if lists[second] > 1:
            bits.ue()
    if (pps.weighted and kind == _P) or (pps.weighted_b and kind == _B):
        _weights(bits, lists, sps.chroma)
    bits.ue()  # five_minus_max_num_merge_cand


def _weights(bits: Bits, lists: tuple[int, ...], chroma: bool) -> None:
    """pred_weight_table (7.3.6.3)."""
    bits.ue()
    if chroma:
        bits.se()
    for count in lists:
        luma = [bits.flag() for _ in range(count)]
        coloured = [bits.flag() for _ in range(count)] if chroma else [False] * count
        for weighted, with_colour in zip(luma, coloured, strict=True):
            for _ in range(2 * weighted + 4 * with_colour):
                bits.se()
