"""The endpoint as clients meet it: who is let in, what is refused and how."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest

from base.desired import ChannelSpec, key_hash
from tests.kit.ingesting import KEY, STUDIO, Ingesting, ingesting
from tests.kit.whip import VP8, doors, offer, section

OTHER_KEY = "0" * 32
OTHER = ChannelSpec(channel="other", title="Other", edition="e1", key_hashes=(key_hash(OTHER_KEY),))
SDP = {"Content-Type": "application/sdp"}
AUTH = {"Authorization": f"Bearer {KEY}"}


class Client:
    def __init__(self, role: Ingesting, base: str, session: aiohttp.ClientSession) -> None:
        self.role, self.base, self._session = role, base, session

    async def asks(
        self, method: str, path: str, headers: dict[str, str], body: str = ""
    ) -> tuple[int, Mapping[str, str], str]:
        async with self._session.request(method, self.base + path, headers=headers, data=body or None) as said:
            return said.status, said.headers, await said.text()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    settings = doors()
    async with ingesting(STUDIO, OTHER, settings=settings) as role, aiohttp.ClientSession() as session:
        yield Client(role, f"http://{settings['ingest.whip_listen']}", session)


@pytest.mark.rule("RFC 9725 4.2", "201 with the answer, where the session is, and its entity tag; DELETE ends it")
async def test_an_offer_is_answered_and_its_session_deleted(client: Client) -> None:
    status, fields, text = await client.asks("POST", "/whip/studio", AUTH | SDP, offer())
    assert status == 201
    assert fields["Content-Type"].startswith("application/sdp")
    assert text.startswith("v=0\r\n") and "a=candidate:1 1 udp" in text and " 127.0.0.1 " in text
    assert fields["ETag"] and fields["Location"].startswith("/whip/studio/")
    assert fields["Access-Control-Allow-Origin"] == "*" and "Location" in fields["Access-Control-Expose-Headers"]
    path = fields["Location"]
    assert (await client.asks("DELETE", path, {}))[0] == 401
    assert (await client.asks("DELETE", path, {"Authorization": f"Bearer {OTHER_KEY}"}))[0] == 403
    assert (await client.asks("DELETE", path, AUTH))[0] == 200
    assert (await client.asks("DELETE", path, AUTH))[0] == 404


REFUSED = {
    "no key": (401, "POST", "/whip/studio", SDP, offer(), "Authorization: Bearer"),
    "wrong key": (401, "POST", "/whip/studio", SDP | {"Authorization": "Bearer nobodys"}, offer(), "opens no channel"),
    "another channel": (403, "POST", "/whip/other", SDP | AUTH, offer(), "not that of channel other"),
    "no such session": (404, "DELETE", "/whip/studio/xyz", AUTH, "", "has ended"),
    "no such method": (405, "PUT", "/whip/studio", AUTH, "", ""),
    "not sdp": (415, "POST", "/whip/studio", AUTH | {"Content-Type": "application/json"}, "{}", "application/sdp"),
    "not an offer": (400, "POST", "/whip/studio", AUTH | SDP, "hello", "v=0"),
    "too long": (413, "POST", "/whip/studio", AUTH | SDP, "v=0\r\n" + "a=x\r\n" * 20_000, "65536"),
    "vp8": (422, "POST", "/whip/studio", AUTH | SDP, offer(section("video", "0", VP8), bundle="0"), "offer H.264"),
}


@pytest.mark.rule("RFC 9725 4.2", "refusals are problems that say what to change")
async def test_refusals(client: Client) -> None:
    for case, (status, method, path, headers, body, said) in REFUSED.items():
        got, fields, text = await client.asks(method, path, headers, body)
        assert got == status, case
        assert fields["Content-Type"].startswith("application/problem+json"), case
        assert fields["Access-Control-Allow-Origin"] == "*", case
        assert said in json.loads(text)["detail"], case
    assert (await client.asks("POST", "/whip/studio", SDP, offer()))[1]["WWW-Authenticate"] == "Bearer"
    offers = {name: client.role.ctx.metrics.value("ingest_offers", outcome=name) for name in ("wrong-key", "malformed")}
    assert offers == {"wrong-key": 2.0, "malformed": 4.0}
    assert (await client.role.status())["sessions"] == [], "none of them took the channel"


async def test_a_second_publisher_is_told_that_the_channel_is_taken(client: Client) -> None:
    assert (await client.asks("POST", "/whip/studio", AUTH | SDP, offer()))[0] == 201
    status, _, text = await client.asks("POST", "/whip/studio", AUTH | SDP, offer())
    assert status == 409 and "stop the other encoder first" in text


@pytest.mark.rule(
    "RFC 9725 4.3.1", "trickled candidates are taken under the session's entity tag; a restart is refused"
)
async def test_patches(client: Client) -> None:
    _, fields, _ = await client.asks("POST", "/whip/studio", AUTH | SDP, offer())
    path, kind = fields["Location"], {"Content-Type": "application/trickle-ice-sdpfrag"}
    fragment = "a=ice-ufrag:wxyz\r\na=ice-pwd:abc\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    fragment += "a=candidate:1 1 udp 1 x.local 9 typ host\r\n"
    for tag, status in ((fields["ETag"], 204), ('"other"', 412), ("", 204), ("*", 422)):
        headers = AUTH | kind | ({"If-Match": tag} if tag else {})
        assert (await client.asks("PATCH", path, headers, fragment))[0] == status, tag
    assert (await client.asks("PATCH", path, AUTH | kind, fragment.replace("wxyz", "anew")))[0] == 422
    assert (await client.asks("PATCH", path, AUTH | SDP, fragment))[0] == 415
    assert (await client.asks("PATCH", path, kind, fragment))[0] == 401


@pytest.mark.rule("RFC 9725 4.2", "a browser's preflight is answered, and a GET gets nothing")
async def test_other_methods(client: Client) -> None:
    status, fields, _ = await client.asks("OPTIONS", "/whip/studio", {})
    assert (status, fields["Accept-Post"]) == (204, "application/sdp")
    assert "authorization" in fields["Access-Control-Allow-Headers"].lower()
    assert {"POST", "DELETE", "PATCH"} <= set(fields["Access-Control-Allow-Methods"].split(", "))
    assert (await client.asks("GET", "/whip/studio", {}))[0] == 204
    assert (await client.asks("GET", "/metrics", {}))[0] == 404, "those are for the node's own socket"


async def test_the_key_is_in_no_log(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    _, fields, _ = await client.asks("POST", "/whip/studio", AUTH | SDP, offer())
    await client.asks("POST", "/whip/studio", AUTH | SDP, offer())
    await client.asks("POST", "/whip/other", AUTH | SDP, offer())
    await client.asks("DELETE", fields["Location"], AUTH)
    said = capsys.readouterr()
    assert "whip.refused" in said.out + said.err
    assert KEY not in said.out + said.err
