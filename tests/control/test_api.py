import asyncio
import hashlib
import json

import aiohttp
import pytest

from base.desired import key_hash
from base.reports import ChannelReport

MEDIA = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 64
ROUTES = [
    ("GET", "/api/v1/channels"),
    ("POST", "/api/v1/channels"),
    ("GET", "/api/v1/channels/studio"),
    ("DELETE", "/api/v1/channels/studio"),
    ("POST", "/api/v1/channels/studio/keys"),
    ("GET", "/api/v1/assets"),
    ("POST", "/api/v1/assets?title=x"),
    ("GET", "/api/v1/assets/x"),
    ("DELETE", "/api/v1/assets/x"),
    ("POST", "/api/v1/assets/x/subtitles?language=de"),
    ("DELETE", "/api/v1/assets/x/subtitles/s1"),
    ("POST", "/api/v1/assets/x/captions"),
    ("GET", "/api/v1/node"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_call_needs_the_token(control, origin, method: str, path: str) -> None:
    for token in ("", "wrong" * 9, control.token[:-1]):
        answer = await control.call(method, path, token=token, data=MEDIA if method == "POST" else None)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert control.keys().keys() == {"studio"}
    assert ("PUT", "x") not in origin.asked


async def test_a_channel_is_made_with_a_key_that_is_shown_once(control) -> None:
    made = await control.call("POST", "/api/v1/channels", json={"channel": "news", "title": "News", "segment_ms": 4000})
    assert made.status == 201
    assert made.headers["Location"] == "/api/v1/channels/news"
    assert made.headers["ETag"] == f'"{made.json["rev"]}"'
    assert made.headers["Cache-Control"] == "no-store"
    key = made.json["publish"]["key"]
    assert len(key) == 22
    assert made.json["publish"]["url"] == "rtmp://127.0.0.1:1935/live"
    assert made.json["manifests"] == {
        "hls": "http://127.0.0.1:8080/live/news/multivariant.m3u8",
        "dash": "http://127.0.0.1:8080/live/news/manifest.mpd",
    }
    assert made.json["watch"] == f"{control.url}/watch/live/news"
    assert control.keys()["news"] == key

    one = await control.call("GET", "/api/v1/channels/news")
    listed = await control.call("GET", "/api/v1/channels")
    assert one.json["title"] == "News" and one.json["segment_ms"] == 4000
    assert [row["channel"] for row in listed.json["channels"]] == ["news", "studio"]
    for answer in (one, listed):
        assert key not in answer.text and key_hash(key) not in answer.text


async def test_the_database_holds_hashes_only(control) -> None:
    key = (await control.call("POST", "/api/v1/channels", json={"channel": "news"})).json["publish"]["key"]
    files = list((control.home.data / "control").iterdir())
    stored = b"".join(path.read_bytes() for path in files)
    assert len(files) == 3  # the database, its write-ahead log, its index
    assert key.encode() not in stored and control.token.encode() not in stored
    assert key_hash(key).encode() in stored


async def test_no_secret_is_logged(process, origin) -> None:
    await process.start()
    headers = {"Authorization": f"Bearer {process.token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(f"{process.url}/api/v1/channels", json={"channel": "news"}) as answer:
            keys = [(await answer.json())["publish"]["key"]]
        async with http.post(f"{process.url}/api/v1/channels/news/keys") as answer:
            keys.append((await answer.json())["publish"]["key"])
        await http.post(f"{process.url}/api/v1/channels", json={"channel": "news"})
    token = process.token
    await process.stop()
    log = (process.home.logs / "control.log").read_text()
    assert "channel.new_key" in log
    assert not [secret for secret in (token, *keys) if secret in log]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"channel": "UPPER"}', "channel: give lower-case letters"),
        ('{"segment_ms": 2000}', "channel"),
        ('{"channel": "news", "part_ms": "fast"}', "part_ms"),
        ('{"channel": "news", "title": ""}', "title"),
        ("not json", "not JSON"),
    ],
)
async def test_a_bad_body_is_told_what_is_wrong(control, body: str, words: str) -> None:
    before = (await control.call("GET", "/api/v1/channels")).json
    answer = await control.call("POST", "/api/v1/channels", data=body)
    assert answer.status == 400
    assert words in answer.json["detail"]
    assert (await control.call("GET", "/api/v1/channels")).json == before


async def test_a_body_out_of_bounds_is_refused(control) -> None:
    answer = await control.call("POST", "/api/v1/channels", data=b'{"channel": "' + b"x" * 100_000)
    assert answer.status == 413


async def test_a_second_channel_by_the_name_is_a_conflict_and_keeps_the_key(control) -> None:
    before = control.keys()
    answer = await control.call("POST", "/api/v1/channels", json={"channel": "studio"})
    assert answer.status == 409
    assert control.keys() == before
    assert not (control.home.secrets / "stream-keys.json.next").exists()


async def test_a_new_key_replaces_the_old_one(control) -> None:
    old = control.keys()["studio"]
    answer = await control.call("POST", "/api/v1/channels/studio/keys", json={})
    assert answer.status == 201
    new = answer.json["publish"]["key"]
    assert new != old and control.keys() == {"studio": new}
    spec = (await control.node("/sync/v1/desired")).json["channels"][0]
    assert spec["key_hashes"] == [key_hash(new)]
    assert (await control.call("POST", "/api/v1/channels/none/keys")).status == 404


async def test_deleting_a_channel_tells_the_origin_and_forgets_the_key(control, origin) -> None:
    origin.channels["studio"] = ChannelReport(channel="studio", edition="e1", state="live")
    assert (await control.call("DELETE", "/api/v1/channels/studio")).status == 204
    assert ("DELETE", "/live/studio") in origin.asked and origin.channels == {}
    assert control.keys() == {}
    assert (await control.call("GET", "/api/v1/channels/studio")).status == 404
    assert (await control.call("DELETE", "/api/v1/channels/studio")).status == 404


async def test_a_channel_goes_also_while_the_origin_is_away(control, origin) -> None:
    await origin.stop()
    assert (await control.call("DELETE", "/api/v1/channels/studio")).status == 204


async def test_if_match_guards_a_change(control) -> None:
    """RFC 9110 13.1.1: 412 when no tag is the present one."""
    tag = (await control.call("GET", "/api/v1/channels/studio")).headers["ETag"]
    await control.call("POST", "/api/v1/channels/studio/keys")
    stale = {"If-Match": tag}
    for method, path in (
        ("DELETE", "/api/v1/channels/studio"),
        ("GET", "/api/v1/channels/studio"),
        ("POST", "/api/v1/channels/studio/keys"),
    ):
        answer = await control.call(method, path, headers=stale)
        assert answer.status == 412
    tag = (await control.call("GET", "/api/v1/channels/studio")).headers["ETag"]
    assert (await control.call("DELETE", "/api/v1/channels/studio", headers={"If-Match": tag})).status == 204


async def test_the_origins_report_is_shown_and_its_absence_is_no_fault(control, origin) -> None:
    origin.channels["studio"] = ChannelReport(
        channel="studio", edition="e1", state="stalled", numbering="counted", why="irregular keyframes", age_ms=4000
    )
    row = (await control.call("GET", "/api/v1/channels/studio")).json
    assert row["state"] == "stalled"
    assert row["report"]["numbering"] == "counted" and row["report"]["why"] == "irregular keyframes"
    await origin.stop()
    await control.call("POST", "/api/v1/channels", json={"channel": "news"})
    row = (await control.call("GET", "/api/v1/channels/news")).json
    assert (row["state"], row["report"]) == ("unknown", None)


async def test_a_file_is_uploaded(control, origin) -> None:
    answer = await control.call("POST", "/api/v1/assets?title=B%C3%BCro%20Tour&filename=x.mp4", data=MEDIA)
    assert answer.status == 201
    assert answer.headers["Location"] == "/api/v1/assets/buro-tour"
    row = answer.json
    assert (row["asset"], row["title"], row["state"]) == ("buro-tour", "Büro Tour", "ready")
    assert row["report"]["duration_ms"] == 62_500 and row["bytes"] == len(MEDIA)
    assert row["manifests"]["hls"] == "http://127.0.0.1:8080/vod/buro-tour/multivariant.m3u8"
    assert row["watch"] == f"{control.url}/watch/vod/buro-tour"
    assert origin.digests["buro-tour"] == hashlib.sha256(MEDIA).hexdigest()
    assert origin.request_ids == [answer.headers["X-Request-Id"]]
    assert (await control.call("GET", "/api/v1/assets/buro-tour")).json == row

    again = await control.call("POST", "/api/v1/assets?title=B%C3%BCro%20Tour", data=MEDIA)
    assert again.json["asset"] == "buro-tour-2"


async def test_a_body_of_unknown_length_is_uploaded(control, origin) -> None:
    async def pieces():
        for at in range(0, len(MEDIA), 1000):
            yield MEDIA[at : at + 1000]

    answer = await control.call("POST", "/api/v1/assets?filename=night.mp4", data=pieces())
    assert answer.status == 201 and origin.digests["night"] == hashlib.sha256(MEDIA).hexdigest()


async def test_the_origins_refusal_is_relayed_and_nothing_changed(control) -> None:
    answer = await control.call("POST", "/api/v1/assets?filename=x.mp4", data=b"junk" + MEDIA)
    assert answer.status == 422
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["detail"] == "it is not an MP4 file: give one"
    assert (await control.call("GET", "/api/v1/assets")).json == {"assets": [], "next": None}


async def test_an_origin_that_is_away_is_said_before_the_file_is_sent(control, origin) -> None:
    await origin.stop()
    answer = await control.call("POST", "/api/v1/assets?filename=x.mp4", data=MEDIA)
    assert answer.status == 502
    assert "origin" in answer.json["detail"]
    assert (await control.call("GET", "/api/v1/assets")).json["assets"] == []


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("", {"data": MEDIA}),
        ("?title=x", {"data": b""}),
        ("?title=x", {}),
        ("?title=x", {"data": MEDIA, "headers": {"Content-Encoding": "gzip"}}),
        ("?title=x", {"data": aiohttp.FormData({"file": "x"}, default_to_multipart=True)}),
        ("?title=" + "x" * 201, {"data": MEDIA}),
    ],
)
async def test_an_upload_that_makes_no_sense_is_refused(control, origin, query: str, more: dict) -> None:
    answer = await control.call("POST", f"/api/v1/assets{query}", **more)
    assert answer.status == 400, answer.text
    assert origin.assets == {}


async def test_a_wrong_token_is_told_before_the_file_is_asked_for(control) -> None:
    """RFC 9110 10.1.1: no 100 (Continue) when the final answer is known."""
    reader, writer = await asyncio.open_connection("127.0.0.1", control.port)
    for token, expected in (("wrong", b"HTTP/1.1 401"), (control.token, b"HTTP/1.1 100")):
        reader, writer = await asyncio.open_connection("127.0.0.1", control.port)
        writer.write(
            f"POST /api/v1/assets?title=x HTTP/1.1\r\nHost: x\r\nContent-Length: {len(MEDIA)}\r\n"
            f"Expect: 100-continue\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(expected)
        if expected.endswith(b"100"):
            await reader.readline()
            writer.write(MEDIA)
            assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 201")
        writer.close()


async def test_a_list_of_assets_is_paged(control) -> None:
    for number in range(5):
        await control.call("POST", f"/api/v1/assets?title=a{number}", data=MEDIA)
    found, query, pages = [], "", 0
    while True:
        page = (await control.call("GET", f"/api/v1/assets?limit=2{query}")).json
        found += [row["asset"] for row in page["assets"]]
        pages += 1
        if page["next"] is None:
            break
        query = f"&cursor={page['next']}"
    assert found == ["a4", "a3", "a2", "a1", "a0"] and pages == 3
    assert (await control.call("GET", "/api/v1/assets?limit=5")).json["next"] is None
    assert (await control.call("GET", "/api/v1/assets?cursor=zzz")).status == 400
    assert (await control.call("GET", "/api/v1/assets?limit=9999")).status == 400


async def test_deleting_an_asset(control, origin) -> None:
    made = await control.call("POST", "/api/v1/assets?title=tour", data=MEDIA)
    stale = await control.call("DELETE", "/api/v1/assets/tour", headers={"If-Match": '"1"'})
    assert stale.status == 412 and "tour" in origin.assets
    gone = await control.call("DELETE", "/api/v1/assets/tour", headers={"If-Match": made.headers["ETag"]})
    assert gone.status == 204 and origin.assets == {}
    assert (await control.call("GET", "/api/v1/assets/tour")).status == 404


async def test_deleting_while_the_origin_is_away_is_done_when_it_is_back(control, origin) -> None:
    await control.call("POST", "/api/v1/assets?title=tour", data=MEDIA)
    await origin.stop()
    answer = await control.call("DELETE", "/api/v1/assets/tour")
    assert (answer.status, answer.json) == (202, {"asset": "tour", "state": "removing"})
    await origin.start(control.home.socket("origin", door="media"))
    async with asyncio.timeout(10):
        while (await control.call("GET", "/api/v1/assets/tour")).status != 404:
            await asyncio.sleep(0.05)
    assert origin.assets == {}


async def test_a_client_that_goes_away_leaves_nothing(control, origin) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", control.port)
    writer.write(
        f"POST /api/v1/assets?title=tour HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
        f"Authorization: Bearer {control.token}\r\n\r\n".encode()
        + MEDIA
    )
    async with asyncio.timeout(10):
        while origin.received < len(MEDIA):
            await asyncio.sleep(0.01)
        assert (await control.call("GET", "/api/v1/assets/tour")).json["state"] == "adding"
        writer.transport.abort()
        while (await control.call("GET", "/api/v1/assets")).json["assets"]:
            await asyncio.sleep(0.02)
    assert origin.cut == 1 and origin.assets == {}


async def test_the_node_shows_its_processes(control) -> None:
    found = (await control.call("GET", "/api/v1/node")).json
    assert [(row["role"], row["state"]) for row in found["processes"]] == [("control", "ok")]
    assert found["seq"] == (await control.node("/sync/v1/desired")).json["seq"]


async def test_methods_that_are_not_there_are_named(control) -> None:
    answer = await control.call("PATCH", "/api/v1/channels/studio")
    assert answer.status == 405
    assert {name.strip() for name in answer.headers["Allow"].split(",")} >= {"GET", "DELETE"}
    assert json.loads(answer.body)["type"] == "urn:headwater:problem:method"


async def test_several_files_must_add_up(control) -> None:
    answer = await control.call("POST", "/api/v1/assets?title=x&file=10:a.mp4&file=5:b.mp4", data=b"x" * 14)
    assert answer.status == 400 and "add up" in answer.json["detail"]
    answer = await control.call("POST", "/api/v1/assets?filename=a.mp4&cmaf=yes", data=MEDIA)
    assert answer.status == 400 and "cmaf" in answer.json["detail"]


async def test_the_words_of_a_policy_go_to_the_origin(control, origin) -> None:
    path = "/api/v1/assets?filename=a.mp4&target_ms=2000&last=long&bootstrap=1000,2000"
    assert (await control.call("POST", path, data=MEDIA)).status == 201
    assert origin.queries == [{"target_ms": "2000", "last": "long", "bootstrap": "1000,2000"}]
