"""How an asset may be protected, as names spell it in front of a path, and what each needs of its keys."""

from __future__ import annotations

from enum import StrEnum

from packager.cenc import Scheme


class Method(StrEnum):
    CENC = "cenc"
    CBCS = "cbcs"
    AES_128 = "aes-128"  # segments as wholes (RFC 8216bis 4.4.4.4)
    SAMPLE_AES = "sample-aes"  # MPEG-TS as Apple has it; fMP4 as in cbcs; keys by URI

    @property
    def scheme(self) -> Scheme | None:
        """How samples of fMP4 are ciphered; None where segments are ciphered as wholes."""
        match self:
            case Method.CENC:
                return Scheme.CENC
            case Method.CBCS | Method.SAMPLE_AES:
                return Scheme.CBCS
            case Method.AES_128:
                return None

    @property
    def key_by_uri(self) -> bool:
        """Key format `identity`: the playlist says where the key itself is."""
        return self in (Method.AES_128, Method.SAMPLE_AES)
