"""Frame headers of AV1: where they end, and how their tiles lie (AV1 specification 5.9).

Most of what is read is thrown away: it has to be passed to reach the end. Kept is what later headers lean on: sizes and
order hints of references, and the segments' quantizers (a lossless frame has fewer fields).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from packager.av1_references import REFERENCES, SLOTS, Kept, Quantizers, short_signalled, skip_mode_allowed
from packager.av1_sequence import SELECT, Sequence
from packager.av1_tile_info import Tiles, not_symmetric, read_tiles
from packager.bits import Bits

_KEY, _INTER, _INTRA_ONLY, _SWITCH = range(4)
_NO_PRIMARY = 7
_ALL = 0xFF
# bits of each segmentation feature, and which have a sign (5.9.14)
_FEATURES = ((8, True), (6, True), (6, True), (6, True), (6, True), (3, False), (0, False), (0, False))


@dataclass(slots=True)
class Frame:
    """One header while it is read."""

    type: int = _KEY
    intra: bool = True
    show: bool = True
    showable: bool = False
    resilient: bool = True
    screen_content: bool = False
    integer_mv: bool = False
    order_hint: int = 0
    primary: int = _NO_PRIMARY
    refresh: int = _ALL
    override: bool = False
    references: list[int] = field(default_factory=list)
    upscaled_width: int = 0
    width: int = 0
    height: int = 0
    intrabc: bool = False
    high_precision: bool = False
    quantizers: Quantizers = (None,) * SLOTS
    lossless: bool = False


class FrameReader:
    """Reads frame headers in decode order."""

    def __init__(self) -> None:
        self.slots = [Kept()] * SLOTS

    def read(self, sequence: Sequence, bits: Bits, temporal: int, spatial: int) -> Tiles | None:
        """frame_header_obu without its alignment; None where a frame is shown that was decoded before.

        Raises ValueError. What is kept of references changes only when the header was read whole.
        """
        slots = list(self.slots)
        frame = Frame()
        if not sequence.reduced_still:
            if bits.flag():  # show_existing_frame
                self._shown_again(sequence, bits)
                return None
            frame.type = bits.read(2)
            frame.intra = frame.type in (_KEY, _INTRA_ONLY)
            frame.show = bits.flag()
            if frame.show:
                _presentation_time(sequence, bits)
                frame.showable = frame.type != _KEY
            else:
                frame.showable = bits.flag()
            shown_key = frame.type == _KEY and frame.show
            frame.resilient = frame.type == _SWITCH or shown_key or bits.flag()
        if frame.type == _KEY and frame.show:
            slots = [Kept()] * SLOTS
        cdf_update_off = bits.flag()
        screen = sequence.screen_content_tools
        frame.screen_content = bits.flag() if screen == SELECT else screen == 1
        if frame.screen_content:
            frame.integer_mv = bits.flag() if sequence.integer_mv == SELECT else sequence.integer_mv == 1
        bits.read(sequence.frame_id_bits)
        frame.override = frame.type == _SWITCH or (not sequence.reduced_still and bits.flag())
        frame.order_hint = bits.read(sequence.order_hint_bits)
        frame.primary = _NO_PRIMARY if frame.intra or frame.resilient else bits.read(3)
        if sequence.decoder_model:
            _buffer_removal(sequence, bits, temporal, spatial)
        whole = frame.type == _SWITCH or (frame.type == _KEY and frame.show)
        frame.refresh = _ALL if whole else bits.read(SLOTS)
        if (not frame.intra or frame.refresh != _ALL) and frame.resilient and sequence.order_hint_bits:
            for slot in range(SLOTS):
                hint = bits.read(sequence.order_hint_bits)
                if hint != slots[slot].order_hint:
                    slots[slot] = Kept(order_hint=hint)
        if frame.intra:
            _frame_size(sequence, bits, frame)
            _render_size(bits)
            if frame.screen_content and frame.upscaled_width == frame.width:
                frame.intrabc = bits.flag()
        else:
            _inter(sequence, bits, frame, slots)
        if not sequence.reduced_still and not cdf_update_off:
            bits.read(1)  # disable_frame_end_update_cdf
        before = _before(frame, slots)
        tiles = read_tiles(bits, frame.width, frame.height, large=sequence.large_superblocks)
        _behind_tiles(sequence, bits, frame, before, slots)
        kept = Kept(
            key=frame.type == _KEY,
            order_hint=frame.order_hint,
            upscaled_width=frame.upscaled_width,
            width=frame.width,
            height=frame.height,
            quantizers=frame.quantizers,
        )
        self.slots = [kept if frame.refresh >> slot & 1 else slots[slot] for slot in range(SLOTS)]
        return tiles

    def _shown_again(self, sequence: Sequence, bits: Bits) -> None:
        shown = self.slots[bits.read(3)]
        _presentation_time(sequence, bits)
        bits.read(sequence.frame_id_bits)
        if shown.key:  # 7.21: it takes all slots
            self.slots = [shown] * SLOTS


def _presentation_time(sequence: Sequence, bits: Bits) -> None:
    if sequence.decoder_model and not sequence.equal_picture_interval:
        bits.read(sequence.presentation_bits)


def _buffer_removal(sequence: Sequence, bits: Bits, temporal: int, spatial: int) -> None:
    if not bits.flag():
        return
    for point in sequence.points:
        within = point.idc >> temporal & 1 and point.idc >> (spatial + 8) & 1
        if point.decoder_model and (point.idc == 0 or within):
            bits.read(sequence.buffer_removal_bits)


def _frame_size(sequence: Sequence, bits: Bits, frame: Frame) -> None:
    """5.9.5"""
    frame.width, frame.height = sequence.width, sequence.height
    if frame.override:
        frame.width, frame.height = bits.read(sequence.width_bits) + 1, bits.read(sequence.height_bits) + 1
    _superres(sequence, bits, frame)


def _superres(sequence: Sequence, bits: Bits, frame: Frame) -> None:
    """5.9.8"""
    frame.upscaled_width = frame.width
    if sequence.superres and bits.flag():
        denominator = bits.read(3) + 9
        frame.width = (frame.upscaled_width * 8 + denominator // 2) // denominator


def _render_size(bits: Bits) -> None:
    if bits.flag():
        bits.read(32)


def _inter(sequence: Sequence, bits: Bits, frame: Frame, slots: list[Kept]) -> None:
    short = sequence.order_hint_bits > 0 and bits.flag()
    if short:
        last, gold = bits.read(3), bits.read(3)
        hints = [kept.order_hint for kept in slots]
        frame.references = short_signalled(hints, frame.order_hint, sequence.order_hint_bits, last, gold)
    for _ in range(REFERENCES):
        if not short:
            frame.references.append(bits.read(3))
        bits.read(sequence.delta_frame_id_bits)
    found = None
    if frame.override and not frame.resilient:
        found = next((slot for slot in frame.references if bits.flag()), None)  # frame_size_with_refs (5.9.7)
    if found is None:
        _frame_size(sequence, bits, frame)
        _render_size(bits)
    else:
        frame.width, frame.height = slots[found].upscaled_width, slots[found].height
        _superres(sequence, bits, frame)
    frame.high_precision = not frame.integer_mv and bits.flag()
    if not bits.flag():  # is_filter_switchable
        bits.read(2)
    bits.read(1)  # is_motion_mode_switchable
    if not frame.resilient and sequence.ref_frame_mvs:
        bits.read(1)


def _before(frame: Frame, slots: list[Kept]) -> Quantizers:
    """What the primary reference's segments change (load_previous)."""
    if frame.primary == _NO_PRIMARY:
        return (None,) * SLOTS
    return slots[frame.references[frame.primary]].quantizers


def _behind_tiles(sequence: Sequence, bits: Bits, frame: Frame, before: Quantizers, slots: list[Kept]) -> None:
    colour = sequence.colour
    base, flat = _quantization(bits, colour.planes, colour.separate_uv_delta_q)
    frame.quantizers = _segmentation(bits, frame.primary == _NO_PRIMARY, before)
    if base > 0 and bits.flag():  # delta_q_present
        bits.read(2)
        if not frame.intrabc and bits.flag():  # delta_lf_present
            bits.read(3)
    segments = {max(0, min(255, base + (change or 0))) for change in frame.quantizers}
    frame.lossless = flat and segments == {0}
    plain = frame.lossless or frame.intrabc
    if not plain:
        _loop_filter(bits, colour.planes)
        if sequence.cdef:
            bits.read(2)
            bits.read((1 << bits.read(2)) * (12 if colour.planes > 1 else 6))
    all_lossless = frame.lossless and frame.width == frame.upscaled_width
    if not all_lossless and not frame.intrabc and sequence.restoration:
        _restoration(sequence, bits)
    if not frame.lossless:
        bits.read(1)  # tx_mode_select
    if not frame.intra:
        hints = [slots[slot].order_hint for slot in frame.references]
        select = bits.flag()  # reference_select
        if select and skip_mode_allowed(hints, frame.order_hint, sequence.order_hint_bits):
            bits.read(1)
        if not frame.resilient and sequence.warped_motion:
            bits.read(1)
    bits.read(1)  # reduced_tx_set
    if not frame.intra:
        for _ in range(REFERENCES):
            _global_motion(bits, frame.high_precision)
    if sequence.film_grain and (frame.show or frame.showable):
        _film_grain(sequence, bits, inter=frame.type == _INTER)


def _quantization(bits: Bits, planes: int, separate: bool) -> tuple[int, bool]:
    """quantization_params (5.9.12): base_q_idx, and whether no plane differs from it."""
    base = bits.read(8)
    deltas = [_delta_q(bits)]
    if planes > 1:
        differ = separate and bits.flag()
        deltas += [_delta_q(bits) for _ in range(4 if differ else 2)]
    if bits.flag():  # using_qmatrix
        bits.read(12 if separate else 8)
    return base, not any(deltas)


def _delta_q(bits: Bits) -> int:
    return _signed(bits, 7) if bits.flag() else 0


def _signed(bits: Bits, count: int) -> int:
    """su(n) (4.10.6)."""
    value = bits.read(count)
    return value - (1 << count) if value >> (count - 1) else value


def _segmentation(bits: Bits, fresh: bool, before: Quantizers) -> Quantizers:
    """segmentation_params (5.9.14): what it changes of each segment's quantizer."""
    if not bits.flag():
        return (None,) * SLOTS
    update = True
    if not fresh:
        if bits.flag():  # update_map
            bits.read(1)  # temporal_update
        update = bits.flag()
    if not update:
        return before
    found: list[int | None] = []
    for _ in range(SLOTS):
        change = None
        for at, (count, signed) in enumerate(_FEATURES):
            if bits.flag():
                value = _signed(bits, count + 1) if signed else bits.read(count)
                change = value if at == 0 else change
        found.append(change)
    return tuple(found)


def _loop_filter(bits: Bits, planes: int) -> None:
    """loop_filter_params (5.9.11)."""
    levels = bits.read(12)
    if planes > 1 and levels:
        bits.read(12)
    bits.read(3)
    if bits.flag() and bits.flag():  # delta_enabled, delta_update
        for _ in range(SLOTS + 2):
            if bits.flag():
                bits.read(7)


def _restoration(sequence: Sequence, bits: Bits) -> None:
    """lr_params (5.9.20)."""
    colour = sequence.colour
    used = [bits.read(2) != 0 for _ in range(colour.planes)]
    if not any(used):
        return
    if bits.flag() and not sequence.large_superblocks:
        bits.read(1)
    if colour.across and colour.down and any(used[1:]):
        bits.read(1)


def _global_motion(bits: Bits, high_precision: bool) -> None:
    """global_motion_params of one reference (5.9.24): how many bits there are does not depend on earlier values."""
    if not bits.flag():
        return
    zoom = bits.flag()
    translation = not zoom and bits.flag()
    if not translation:
        for _ in range(2 if zoom else 4):
            _subexp(bits, 12)
    for _ in range(2):
        _subexp(bits, 9 - (not high_precision) if translation else 12)


def _subexp(bits: Bits, precision: int) -> None:
    """decode_subexp (5.9.28) of values from -2^precision to 2^precision."""
    symbols = 2 * (1 << precision) + 1
    index, low = 0, 0
    while True:
        width = 3 + index - 1 if index else 3
        size = 1 << width
        if symbols <= low + 3 * size:
            not_symmetric(bits, symbols - low)
            return
        if not bits.flag():
            bits.read(width)
            return
        index += 1
        low += size


def _film_grain(sequence: Sequence, bits: Bits, *, inter: bool) -> None:
    """film_grain_params (5.9.30)."""
    if not bits.flag():  # apply_grain
        return
    bits.read(16)
    if inter and not bits.flag():  # update_grain
        bits.read(3)
        return
    colour = sequence.colour
    luma = bits.read(4)
    bits.read(16 * luma)
    from_luma = colour.planes > 1 and bits.flag()
    blue = red = 0
    if colour.planes > 1 and not from_luma and not (colour.across and colour.down and luma == 0):
        blue = bits.read(4)
        bits.read(16 * blue)
        red = bits.read(4)
        bits.read(16 * red)
    bits.read(2)
    lag = bits.read(2)
    taps = 2 * lag * (lag + 1)
    bits.read(8 * taps if luma else 0)
    chroma_taps = taps + (luma > 0)
    for points in (blue, red):
        if from_luma or points:
            bits.read(8 * chroma_taps)
    bits.read(4)
    for points in (blue, red):
        bits.read(25 if points else 0)
    bits.read(2)
