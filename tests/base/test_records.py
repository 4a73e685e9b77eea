"""Delivery records."""

import msgspec

from base.records import Delivery


def test_a_delivery_survives_messagepack_with_its_report_as_it_came() -> None:
    record = Delivery(
        time_ms=1_700_000_000_000,
        request="abcd1234",
        method="GET",
        path="/vod/film/e1/v1/1.m4s",
        status=200,
        size=1 << 20,
        cache="hit",
        duration_ms=3,
        whole=False,
        cmcd=b"bl%3D2000\xff",
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Delivery) == record
