"""HLS presentations on real ports: sound ones, and each with one quirk."""

import pytest
from aiohttp import web

from node.clock import SystemClock
from node.probe.result import Result, lines
from node.probe.visit import probe
from tests.node.probe.pairs import rules
from tests.node.probe.stage import LiveOrigin, Restarted, film, media, served
from tests.node.probe.test_ciphers import KEY, ciphered

# rule -> how an origin breaks it: a live one by its quirk, a film by an edit of its playlist
QUIRKS: dict[str, str] = {
    "block-answer": "live",
    "block-part-alone": "live",
    "block-far": "live",
    "report-ahead": "live",
    "hint-served": "live",
    "delta-boundary": "live",
    "listed-served": "live",
    "media-jump": "live",
    "map-missing": '#EXT-X-MAP:URI="i.mp4"\n',
}


async def live(quirk: str = "") -> tuple[Result, LiveOrigin]:
    origin = LiveOrigin(quirk)
    async with served(origin) as url:
        return await probe(f"{url}/multivariant.m3u8", SystemClock(), seconds=0.3, count=2), origin


async def test_a_sound_channel_breaks_nothing() -> None:
    result, origin = await live()
    assert result.findings == [] and result.unseen == [], list(lines(result))
    assert result.live and result.form == "HLS multivariant playlist" and len(result.rows) == 2
    assert [row.kind for row in result.rows] == ["video 640x360", "audio"]
    assert [row.codec for row in result.rows] == ["avc1.42c01e", "mp4a.40.2"]
    assert all(row.read == 4 for row in result.rows) and result.latency_s is not None
    asked = {path.partition("=")[0] for path in origin.asked}
    assert {"/a/media.m3u8?_HLS_msn", "/a/media.m3u8?_HLS_skip", "/b/media.m3u8?_HLS_part"} <= asked


@pytest.mark.parametrize("rule", QUIRKS)
async def test_a_quirk_is_found(rule: str) -> None:
    if QUIRKS[rule] == "live":
        result, _ = await live(rule)
    else:
        async with served(film(lambda text: text.replace(QUIRKS[rule], ""))) as url:
            result = await probe(f"{url}/media.m3u8", SystemClock(), seconds=0, count=2)
    assert rule in rules(result.findings), list(lines(result))


async def test_a_sound_film_breaks_nothing() -> None:
    async with served(film()) as url:
        result = await probe(f"{url}/media.m3u8", SystemClock(), seconds=0, count=-1)
    assert result.findings == [] and not result.live and result.rows[0].read == 2, list(lines(result))


async def test_a_film_that_lies_about_its_durations() -> None:
    async with served(film(lambda text: text.replace("4.0,\n1", "3.0,\n1"))) as url:
        result = await probe(f"{url}/media.m3u8", SystemClock(), seconds=0, count=2)
    assert rules(result.findings) == {"extinf-differs"}, list(lines(result))


async def test_whole_segment_encryption_is_not_looked_into() -> None:
    keyed = '#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x' + "0" * 32 + "\n#EXT-X-MAP"
    async with served(film(lambda text: text.replace("#EXT-X-MAP", keyed))) as url:
        result = await probe(f"{url}/media.m3u8", SystemClock(), seconds=0, count=2)
    assert result.findings == [] and "encrypted as a whole" in result.unseen[0]


@pytest.mark.parametrize(("key", "found"), [(KEY, set()), (KEY[::-1], {"cipher-blocks"}), (b"k", {"key-octets"})])
async def test_it_is_looked_into_where_the_key_is_handed_out(key: bytes, found: set[str]) -> None:
    """The init segment stands before the key, so it is clear."""
    keyed = '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF'
    plain = film(lambda text: text.replace("#EXTINF", keyed, 1))

    def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/k":
            return media(key)
        made = plain(request)
        number = request.path[1:].removesuffix(".m4s")
        if number.isdecimal():
            assert isinstance(made, web.Response) and isinstance(made.body, bytes)
            return media(ciphered(made.body, int(number).to_bytes(16, "big")))
        return made

    async with served(answer) as url:
        result = await probe(f"{url}/media.m3u8", SystemClock(), seconds=0, count=-1)
    assert rules(result.findings) == found, list(lines(result))
    assert result.rows[0].read == 2 and bool(result.unseen) is (found == {"key-octets"})


@pytest.mark.parametrize("lag", [True, False])
async def test_an_older_copy_is_told_from_a_playlist_that_went_back(lag: bool) -> None:
    async with served(Restarted(lag=lag)) as url:
        result = await probe(f"{url}/media.m3u8", SystemClock(), seconds=4, count=1)
    assert rules(result.findings) == (set() if lag else {"reload-sequence", "reload-late"}), list(lines(result))
