"""Boxes of Common Encryption, read back octet by octet and by the test kit's reader."""

from __future__ import annotations

import struct

import pytest

from packager.boxes import box
from packager.cenc import ContentKey, Scheme, Subsamples
from packager.cenc_boxes import auxiliary, common_pssh, protected_entry, tenc

KEY = ContentKey(kid=bytes(range(16)), key=bytes(16), iv=bytes(range(32, 48)))


@pytest.mark.rule("ISO/IEC 23001-7 8.2", "cenc: tenc of version 0 with IVs of 8 octets in senc")
def test_tenc_of_cenc() -> None:
    expected = struct.pack(">I4sIBBBB", 32, b"tenc", 0, 0, 0, 1, 8) + KEY.kid
    assert tenc("video", Scheme.CENC, KEY) == tenc("audio", Scheme.CENC, KEY) == expected


@pytest.mark.rule("ISO/IEC 23001-7 10.4", "cbcs: a pattern of 1:9 for video and none for audio, and a constant IV")
def test_tenc_of_cbcs() -> None:
    video, audio = (tenc(kind, Scheme.CBCS, KEY) for kind in ("video", "audio"))
    assert video == struct.pack(">I4sIBBBB", 49, b"tenc", 1 << 24, 0, 0x19, 1, 0) + KEY.kid + b"\x10" + KEY.iv
    assert audio == video[:13] + b"\0" + video[14:]


@pytest.mark.rule("ISO/IEC 14496-12 8.12", "a protected entry is encv or enca, with its old type in sinf")
@pytest.mark.parametrize(("kind", "old", "new"), [("video", b"avc1", b"encv"), ("audio", b"mp4a", b"enca")])
def test_a_protected_entry(kind: str, old: bytes, new: bytes) -> None:
    entry = box(old, b"fields and boxes")
    made = protected_entry(entry, kind, Scheme.CBCS, KEY)
    sinf = box(
        b"sinf",
        box(b"frma", old),
        box(b"schm", bytes(4) + b"cbcs" + struct.pack(">I", 0x10000)),
        box(b"schi", tenc(kind, Scheme.CBCS, KEY)),
    )
    assert made == box(new, b"fields and boxes" + sinf)


def test_auxiliary_information_of_one_size_is_said_once() -> None:
    table = Subsamples(rows=[(10, 32), (12, 48)], counts=[1, 1])
    made = auxiliary(100, Scheme.CENC, 2, 0x0001_0000_0000_0007, table)
    saiz = struct.pack(">I4sIBI", 17, b"saiz", 0, 16, 2)
    saio = struct.pack(">I4sIII", 20, b"saio", 0, 1, 100 + 17 + 20 + 16)
    rows = b"".join(
        struct.pack(">QHHI", 0x0001_0000_0000_0007 + i, 1, plain, protected)
        for i, (plain, protected) in enumerate(table.rows)
    )
    assert made == saiz + saio + struct.pack(">I4sII", 16 + len(rows), b"senc", 2, 2) + rows


def test_sizes_are_listed_where_they_differ() -> None:
    table = Subsamples(rows=[(10, 32), (12, 48), (5, 0)], counts=[1, 2])
    made = auxiliary(8, Scheme.CBCS, 2, 0, table)
    assert made.startswith(struct.pack(">I4sIBIBB", 19, b"saiz", 0, 0, 2, 8, 14))
    assert made.endswith(struct.pack(">IIHHIHHIHI", 2, 2, 1, 10, 32, 2, 12, 48, 5, 0))


@pytest.mark.rule("ISO/IEC 23000-19 7.4.2", "there is one senc in each traf, though there be nothing to say")
def test_audio_in_cbcs_has_an_empty_senc() -> None:
    assert auxiliary(8, Scheme.CBCS, 9, 0, None) == struct.pack(">I4sII", 16, b"senc", 0, 9)


def test_audio_in_cenc_has_ivs_alone() -> None:
    made = auxiliary(8, Scheme.CENC, 2, 5, None)
    assert made.startswith(struct.pack(">I4sIBI", 17, b"saiz", 0, 8, 2))
    assert made.endswith(struct.pack(">I4sIIQQ", 32, b"senc", 0, 2, 5, 6))


@pytest.mark.rule("ISO/IEC 23001-7 8.1", "a pssh of version 1 lists key ids")
def test_the_common_pssh() -> None:
    other = bytes(range(16, 32))
    system = bytes.fromhex("1077efecc0b24d02ace33c1e52e2fb4b")
    expected = struct.pack(">I4sI", 68, b"pssh", 1 << 24) + system + struct.pack(">I", 2) + KEY.kid + other + bytes(4)
    assert common_pssh([KEY.kid, other]) == expected
