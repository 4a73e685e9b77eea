"""HDR to SDR: what a JPEG can show of a picture in PQ or HLG (ITU-R BT.2100).

    R'G'B' -> light (nits; reference white is 203, ITU-R BT.2408) -> BT.2020 to BT.709 primaries -> a curve that leaves
    dark and middle tones and rolls off to the peak of 1000 nits -> sRGB

On small pictures, after they were scaled down: some ten ms. Numbers are of H.273 and BT.2100 tables 4 and 5.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Rgb = npt.NDArray[np.uint8]

PQ, HLG = 16, 18  # transfer characteristics (H.273 table 3)
_WHITE, _PEAK = 203.0, 1000.0
_FROM_2020 = np.array(
    ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)), np.float32
)  # BT.2087 table 1, inverted
_LUMA_2020 = np.array((0.2627, 0.6780, 0.0593), np.float32)


def to_sdr(signal: npt.NDArray[np.uint16], transfer: int) -> Rgb:
    """Full-range R'G'B' in 16 bits (BT.2020 primaries, PQ or HLG) as sRGB in 8 bits. Shapes (height, width, 3)."""
    light = (_pq() if transfer == PQ else _hlg())[signal]
    if transfer == HLG:  # scene light: the system gamma is of luminance (BT.2100 table 5, OOTF, 1.2 at 1000 nits)
        luminance = np.maximum(light @ _LUMA_2020, 1e-6)[..., np.newaxis]
        light = light * luminance**0.2 * (_PEAK / _WHITE)
    light = np.maximum(light @ _FROM_2020.T, 0)
    brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    shown = np.clip(light * (_rolled(brightest) / brightest), 0, 1)
    srgb = np.where(shown <= 0.0031308, shown * 12.92, 1.055 * np.maximum(shown, 0.0031308) ** (1 / 2.4) - 0.055)
    found: Rgb = (srgb * 255 + 0.5).astype(np.uint8)
    return found


def _rolled(light: F32) -> F32:
    """Up to 0.6 of white as it is, from there a curve that reaches 1 at the peak (Reinhard, extended)."""
    knee, peak = 0.6, _PEAK / _WHITE
    over, most = (np.maximum(light, knee) - knee) / (1 - knee), (peak - knee) / (1 - knee)
    rolled: F32 = np.where(light <= knee, light, knee + (1 - knee) * over * (1 + over / most**2) / (1 + over))
    return rolled


@cache
def _pq() -> F32:
    """Light relative to white of each 16-bit value (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = np.linspace(0, 1, 65536) ** (1 / m2)
    return (10_000 / _WHITE * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)).astype(np.float32)


@cache
def _hlg() -> F32:
    """Scene light, 0 to 1, of each 16-bit value (BT.2100 table 5, inverse OETF)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = np.linspace(0, 1, 65536)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)
