"""The sequence header of AV1, as far as frame headers need it (AV1 Bitstream & Decoding Process Specification 5.5)."""

from __future__ import annotations

from dataclasses import dataclass

from packager.bits import Bits

SELECT = 2  # SELECT_SCREEN_CONTENT_TOOLS, SELECT_INTEGER_MV
_BT709, _SRGB, _IDENTITY = 1, 13, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """`planes`: 1 where there is no chroma. `across`, `down`: whether chroma is subsampled so. `codes`: primaries,
    transfer characteristics and matrix, 2 = unspecified. `full_range`: color_range."""

    planes: int
    across: bool
    down: bool
    separate_uv_delta_q: bool
    codes: tuple[int, int, int] = (2, 2, 2)
    full_range: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    idc: int
    decoder_model: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Names as the specification has them. Bits are numbers of bits, 0 for what is not there."""

    reduced_still: bool
    decoder_model: bool
    equal_picture_interval: bool
    buffer_removal_bits: int
    presentation_bits: int
    points: tuple[OperatingPoint, ...]
    width_bits: int
    height_bits: int
    width: int
    height: int
    frame_id_bits: int
    delta_frame_id_bits: int
    large_superblocks: bool
    warped_motion: bool
    order_hint_bits: int
    ref_frame_mvs: bool
    screen_content_tools: int
    integer_mv: int
    superres: bool
    cdef: bool
    restoration: bool
    colour: Colour
    film_grain: bool


def read_sequence(data: bytes) -> Sequence:
    """The payload of a sequence header OBU (5.5.1). Raises ValueError."""
    bits = Bits(data)
    profile = bits.read(3)
    bits.read(1)  # still_picture
    reduced = bits.flag()
    decoder_model = equal_interval = False
    removal_bits = presentation_bits = 0
    if reduced:
        bits.read(5)
        points = [OperatingPoint(idc=0, decoder_model=False)]
    else:
        delay_bits = 0
        if bits.flag():  # timing_info
            bits.read(64)
            equal_interval = bits.flag()
            if equal_interval:
                bits.ue()  # uvlc has the layout of ue(v)
            decoder_model = bits.flag()
            if decoder_model:
                delay_bits = bits.read(5) + 1
                bits.read(32)
                removal_bits = bits.read(5) + 1
                presentation_bits = bits.read(5) + 1
        display_delay = bits.flag()
        count = bits.read(5) + 1
        points = [_operating_point(bits, decoder_model, delay_bits, display_delay) for _ in range(count)]
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    width, height = bits.read(width_bits) + 1, bits.read(height_bits) + 1
    frame_id_bits = delta_bits = 0
    if not reduced and bits.flag():
        delta_bits = bits.read(4) + 2
        frame_id_bits = bits.read(3) + delta_bits + 1
    large = bits.flag()
    bits.read(2)  # filter intra, intra edge filter
    warped = ref_frame_mvs = False
    order_bits = 0
    screen, integer_mv = SELECT, SELECT
    if not reduced:
        bits.read(2)  # interintra compound, masked compound
        warped = bits.flag()
        bits.read(1)  # dual filter
        ordered = bits.flag()
        if ordered:
            bits.read(1)  # joint compound
            ref_frame_mvs = bits.flag()
        screen = SELECT if bits.flag() else bits.read(1)
        if screen > 0:
            integer_mv = SELECT if bits.flag() else bits.read(1)
        if ordered:
            order_bits = bits.read(3) + 1
    superres, cdef, restoration = bits.flag(), bits.flag(), bits.flag()
    colour = _colour(bits, profile)
    return Sequence(
        reduced_still=reduced,
        decoder_model=decoder_model,
        equal_picture_interval=equal_interval,
        buffer_removal_bits=removal_bits,
        presentation_bits=presentation_bits,
        points=tuple(points),
        width_bits=width_bits,
        height_bits=height_bits,
        width=width,
        height=height,
        frame_id_bits=frame_id_bits,
        delta_frame_id_bits=delta_bits,
        large_superblocks=large,
        warped_motion=warped,
        order_hint_bits=order_bits,
        ref_frame_mvs=ref_frame_mvs,
        screen_content_tools=screen,
        integer_mv=integer_mv,
        superres=superres,
        cdef=cdef,
        restoration=restoration,
        colour=colour,
        film_grain=bits.flag(),
    )


def _operating_point(bits: Bits, decoder_model: bool, delay_bits: int, display_delay: bool) -> OperatingPoint:
    idc = bits.read(12)
    if bits.read(5) > 7:
        bits.read(1)  # tier
    own = decoder_model and bits.flag()
    if own:
        bits.read(2 * delay_bits + 1)
    if display_delay and bits.flag():
        bits.read(4)
    return OperatingPoint(idc=idc, decoder_model=own)


def _colour(bits: Bits, profile: int) -> Colour:
    """color_config (5.5.2)."""
    deep = bits.flag()
    twelve = profile == 2 and deep and bits.flag()
    mono = profile != 1 and bits.flag()
    codes = (2, 2, 2)
    if bits.flag():
        codes = (bits.read(8), bits.read(8), bits.read(8))
    if mono:
        return Colour(planes=1, across=True, down=True, separate_uv_delta_q=False, codes=codes, full_range=bits.flag())
    if codes == (_BT709, _SRGB, _IDENTITY):
        across = down = False
        full_range = True
    else:
        full_range = bits.flag()
        match profile:
            case 0:
                across = down = True
            case 1:
                across = down = False
            case _ if twelve:
                across = bits.flag()
                down = across and bits.flag()
            case _:
                across, down = True, False
        if across and down:
            bits.read(2)  # chroma_sample_position
    return Colour(
        planes=3,
        across=across,
        down=down,
        separate_uv_delta_q=bits.flag(),
        codes=codes,
        full_range=full_range,
    )
