"""Following a live presentation: what is asked, and what a moved-on window makes of it."""

from node.clock import SystemClock
from node.probe.fetch import Fetch
from node.probe.follow_hls import Follow, Rendition
from node.probe.result import Result, lines
from tests.node.probe.stage import LiveOrigin, Restarted, served


async def test_a_low_latency_channel_is_asked_for_each_part_and_its_hint() -> None:
    origin = LiveOrigin()
    async with served(origin) as url, Fetch(SystemClock()) as fetch:
        follow = Follow(fetch=fetch, result=Result(url), seconds=0.2)
        answer = await fetch.get(f"{url}/a/media.m3u8")
        rendition = Rendition(f"{url}/a/media.m3u8", follow.read(answer, {}), {}, changed=answer.ended)
        first = rendition.now.next
        await follow.all([rendition])
    assert follow.result.findings == [], list(lines(follow.result))
    assert f"/a/media.m3u8?_HLS_msn={first[0]}&_HLS_part={first[1]}" in origin.asked
    assert f"/a/{first[0]}.{first[1]}.m4s" in origin.asked and rendition.now.has(*first)
    assert "/a/media.m3u8?_HLS_part=0" in origin.asked and "/a/media.m3u8?_HLS_skip=YES" in origin.asked


async def test_without_blocking_reload_an_older_copy_does_not_replace_a_newer() -> None:
    async with served(Restarted(lag=True)) as url, Fetch(SystemClock()) as fetch:
        follow = Follow(fetch=fetch, result=Result(url), seconds=0)
        answers = [await fetch.get(f"{url}/media.m3u8") for _ in range(2)]
        newer = follow.read(answers[1], {})
        rendition = Rendition(f"{url}/media.m3u8", newer, {}, changed=answers[1].ended)
        await follow.reload(rendition)  # every second answer is an older one
    assert rendition.now is newer and rendition.behind > 0 and follow.result.findings == []
