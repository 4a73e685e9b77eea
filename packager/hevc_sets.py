"""What a slice header needs of HEVC's parameter sets (ITU-T H.265 7.3.2.2, 7.3.2.3, 7.3.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packager.bits import Bits

_SCREEN_PROFILES = frozenset({9, 11})  # screen content coding adds to the slice header
_MOST_SETS, _MOST_PICTURES, _MOST_LONG, _MOST_TILES = 64, 16, 32, 1 << 10


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """One short-term reference picture set: (distance in picture order, used by the current picture) of each picture,
    those before the current one, then those after it (7.4.8)."""

    before: tuple[tuple[int, bool], ...] = ()
    after: tuple[tuple[int, bool], ...] = ()

    @property
    def used(self) -> int:
        return sum(used for _, used in (*self.before, *self.after))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sps:
    """`address_bits`: of slice_segment_address. `long_used`: used_by_curr_pic_lt_sps_flag of each."""

    separate_colour: bool
    chroma: bool
    order_bits: int
    address_bits: int
    sets: tuple[ReferenceSet, ...]
    long_present: bool
    long_used: tuple[bool, ...]
    temporal_mvp: bool
    sao: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pps:
    sps: int
    dependent: bool
    output_present: bool
    extra_bits: int
    cabac_init: bool
    references: tuple[int, int]
    chroma_offsets: bool
    weighted: bool
    weighted_b: bool
    entry_points: bool
    across_slices: bool
    deblocking_override: bool
    deblocking_disabled: bool
    lists_modification: bool
    extension: bool
    chroma_offset_list: bool


def read_sps(bits: Bits) -> tuple[int, Sps]:
    """sps_seq_parameter_set_id and the set. Raises ValueError."""
    bits.read(4)
    layers = bits.read(3)
    bits.flag()
    skip_profile_tier_level(bits, layers)
    number = bits.ue()
    chroma = bits.ue()
    separate = chroma == 3 and bits.flag()
    width, height = bits.ue(), bits.ue()
    if bits.flag():
        for _ in range(4):
            bits.ue()
    bits.ue()
    bits.ue()
    order_bits = bits.ue() + 4
    for _ in range(layers + 1 if bits.flag() else 1):  # sps_sub_layer_ordering_info_present_flag
        for _ in range(3):
            bits.ue()
    block_bits = bits.ue() + 3
    block_bits += bits.ue()
    if not (4 <= block_bits <= 6 and 0 < width <= 1 << 16 and 0 < height <= 1 << 16):
        raise ValueError(f"blocks of 2^{block_bits} in a picture of {width}x{height}")
    for _ in range(4):
        bits.ue()
    if bits.flag() and bits.flag():
        _scaling_lists(bits)
    bits.flag()
    sao = bits.flag()
    if bits.flag():  # pcm_enabled_flag
        bits.read(8)
        bits.ue()
        bits.ue()
        bits.flag()
    count = bits.ue()
    if count > _MOST_SETS:
        raise ValueError(f"{count} reference picture sets")
    sets: list[ReferenceSet] = []
    for _ in range(count):
        sets.append(reference_set(bits, sets))
    long_used: list[bool] = []
    long_present = bits.flag()
    if long_present:
        listed = bits.ue()
        if listed > _MOST_LONG:
            raise ValueError(f"{listed} long-term reference pictures")
        for _ in range(listed):
            bits.read(order_bits)
            long_used.append(bits.flag())
    blocks = -(-width >> block_bits) * -(-height >> block_bits)
    return number, Sps(
        separate_colour=separate,
        chroma=chroma != 0 and not separate,
        order_bits=order_bits,
        address_bits=(blocks - 1).bit_length(),
        sets=tuple(sets),
        long_present=long_present,
        long_used=tuple(long_used),
        temporal_mvp=bits.flag(),
        sao=sao,
    )


def skip_profile_tier_level(bits: Bits, layers: int) -> None:
    """7.3.3; `layers`: sps_max_sub_layers_minus1. Raises ValueError for screen content coding."""
    general = bits.read(88)
    profile, compatible = general >> 80 & 0x1F, general >> 48 & 0xFFFFFFFF
    if profile in _SCREEN_PROFILES or any(compatible >> (31 - p) & 1 for p in _SCREEN_PROFILES):
        raise ValueError("screen content coding is not supported: re-encode it")
    bits.read(8)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for profile_present, level_present in present:
        bits.read(88 * profile_present + 8 * level_present)


def _scaling_lists(bits: Bits) -> None:
    """scaling_list_data (7.3.4)."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.flag():
                bits.ue()
            else:
                if size > 1:
                    bits.se()
                for _ in range(min(64, 1 << (4 + 2 * size))):
                    bits.se()


def reference_set(bits: Bits, sets: Sequence[ReferenceSet], *, in_slice: bool = False) -> ReferenceSet:
    """st_ref_pic_set(stRpsIdx) (7.3.7), where `sets` are those before it. Raises ValueError."""
    if sets and bits.flag():  # inter_ref_pic_set_prediction_flag
        back = bits.ue() + 1 if in_slice else 1
        if back > len(sets):
            raise ValueError("a reference picture set is made from one that is not there")
        return _predicted(bits, sets[-back])
    before, after = bits.ue(), bits.ue()
    if max(before, after) > _MOST_PICTURES:
        raise ValueError(f"a reference picture set of {before + after} pictures")
    return ReferenceSet(_distances(bits, before, -1), _distances(bits, after, 1))


def _distances(bits: Bits, count: int, sign: int) -> tuple[tuple[int, bool], ...]:
    found, distance = [], 0
    for _ in range(count):
        distance += sign * (bits.ue() + 1)
        found.append((distance, bits.flag()))
    return tuple(found)


def _predicted(bits: Bits, source: ReferenceSet) -> ReferenceSet:
    """A set as the difference to another one: formulas 7-61 and 7-62, which also give the order."""
    negative = bits.flag()
    step = -(bits.ue() + 1) if negative else bits.ue() + 1
    pictures = [*source.before, *source.after, (0, False)]
    found: list[tuple[int, bool] | None] = []
    for distance, _ in pictures:
        used = bits.flag()
        kept = used or bits.flag()  # use_delta_flag
        found.append((distance + step, used) if kept else None)
    split = len(source.before)
    itself = found.pop()
    before, after = found[:split], found[split:]
    return ReferenceSet(
        tuple(p for p in (*reversed(after), itself, *before) if p is not None and p[0] < 0),
        tuple(p for p in (*reversed(before), itself, *after) if p is not None and p[0] > 0),
    )


def read_pps(bits: Bits) -> tuple[int, Pps]:
    """pps_pic_parameter_set_id and the set. Raises ValueError."""
    number, sps = bits.ue(), bits.ue()
    dependent, output_present, extra_bits = bits.flag(), bits.flag(), bits.read(3)
    bits.flag()
    cabac_init = bits.flag()
    references = bits.ue() + 1, bits.ue() + 1
    bits.se()
    bits.flag()
    transform_skip = bits.flag()
    if bits.flag():
        bits.ue()
    bits.se()
    bits.se()
    chroma_offsets, weighted, weighted_b = bits.flag(), bits.flag(), bits.flag()
    bits.flag()
    tiles, wavefront = bits.flag(), bits.flag()
    if tiles:
        columns, rows = bits.ue(), bits.ue()
        if max(columns, rows) > _MOST_TILES:
            raise ValueError(f"{columns + 1} by {rows + 1} tiles")
        if not bits.flag():
            for _ in range(columns + rows):
                bits.ue()
        bits.flag()
    across_slices = bits.flag()
    override = disabled = False
    if bits.flag():
        override, disabled = bits.flag(), bits.flag()
        if not disabled:
            bits.se()
            bits.se()
    if bits.flag():
        _scaling_lists(bits)
    lists_modification = bits.flag()
    bits.ue()
    extension = bits.flag()
    chroma_offset_list = False
    if bits.flag():
        range_extension = bits.flag()
        if bits.read(7):
            raise ValueError("multilayer, 3D and screen content extensions are not supported: re-encode it")
        if range_extension:
            if transform_skip:
                bits.ue()
            bits.flag()
            chroma_offset_list = bits.flag()
    return number, Pps(
        sps=sps,
        dependent=dependent,
        output_present=output_present,
        extra_bits=extra_bits,
        cabac_init=cabac_init,
        references=references,
        chroma_offsets=chroma_offsets,
        weighted=weighted,
        weighted_b=weighted_b,
        entry_points=tiles or wavefront,
        across_slices=across_slices,
        deblocking_override=override,
        deblocking_disabled=disabled,
        lists_modification=lists_modification,
        extension=extension,
        chroma_offset_list=chroma_offset_list,
    )
