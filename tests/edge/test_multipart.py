from __future__ import annotations

import email.parser
import email.policy

import pytest

from edge import multipart


@pytest.mark.rule("RFC 9110 14.6", "several ranges are parts with a Content-Range and the object's Content-Type each")
def test_a_mail_reader_reads_it() -> None:
    whole = bytes(range(256))
    pieces = multipart.body(whole, [(250, 256), (0, 2)], content_type="video/mp4", boundary="b" * 32)
    head = f"Content-Type: {multipart.TYPE}{'b' * 32}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + b"".join(map(bytes, pieces)))
    parts = list(message.iter_parts())
    assert [part["Content-Range"] for part in parts] == ["bytes 250-255/256", "bytes 0-1/256"]
    assert [part.get_content_type() for part in parts] == ["video/mp4", "video/mp4"]
    assert [part.get_payload(decode=True) for part in parts] == [whole[250:256], whole[:2]]
    assert all(isinstance(piece, memoryview) for piece in pieces[1::2])  # not copied
    assert b"Content-Type" not in bytes(multipart.body(whole, [(0, 1)], content_type="", boundary="b")[0])
