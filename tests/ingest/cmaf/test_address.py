"""Where an object goes, and by which key."""

from __future__ import annotations

import base64

import pytest

from base.problems import Problem
from ingest.cmaf.address import Target, target


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("path", "authorization", "found"),
    [
        ("/push/news/v.cmfv", basic("any:secret"), Target(channel="news", path="v.cmfv", key="secret")),
        ("/push/news/v.cmfv", "Bearer secret", Target(channel="news", path="v.cmfv", key="secret")),
        ("/push/news/key=secret/v.cmfv", "", Target(channel="news", path="v.cmfv", key="secret")),
        ("/push/news/key%3Dsecret/v.cmfv", "", Target(channel="news", path="v.cmfv", key="secret")),
        ("/push/news//Streams(v.cmfv)", "", Target(channel="news", path="Streams(v.cmfv)", key="")),
        ("/push/news/Streams%28v.cmfv%29", "", Target(channel="news", path="Streams(v.cmfv)", key="")),
        ("/push/news", "", Target(channel="news", path="", key="")),
        ("/push/news/a/b/c.m4s", "bearer k", Target(channel="news", path="a/b/c.m4s", key="k")),
    ],
)
@pytest.mark.rule("DASH-IF ingest 5.2 5", "Basic authentication is taken")
def test_targets(path: str, authorization: str, found: Target) -> None:
    assert target(path, authorization) == found


@pytest.mark.parametrize(
    ("path", "authorization", "kind"),
    [
        ("/push/", "", "malformed"),
        ("/push/news/../other/v.cmfv", "", "forbidden"),
        ("/push/news/%2e%2e/v.cmfv", "", "forbidden"),
        ("/push/news/a%2Fb", "", "forbidden"),
        ("/push/news/a%00b", "", "forbidden"),
        ("/push/news/" + "x" * 1000, "", "malformed"),
        ("/push/news/v.cmfv", "Basic ???", "malformed"),
        ("/push/news/v.cmfv", "Digest username=x", "unauthorised"),
        ("/elsewhere", "", "unknown"),
    ],
)
@pytest.mark.rule("DASH-IF ingest 7.1.2 2", "objects outside of the path are forbidden")
def test_what_is_refused(path: str, authorization: str, kind: str) -> None:
    with pytest.raises(Problem) as refused:
        target(path, authorization)
    assert refused.value.kind.name == kind
