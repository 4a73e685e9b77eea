"""An encoder publishes over RTMP and viewers follow it near the live edge."""

from typing import Any

from tests.kit.appliance import Appliance
from tests.kit.encoder import Encoder
from tests.kit.viewer import Viewer


def channel(box: Appliance, name: str) -> dict[str, Any]:
    made: dict[str, Any] = box.command("channel", "create", name)
    return made


def publish_url(box: Appliance, made: dict[str, Any]) -> str:
    return f"{box.url['rtmp']}/live/{made['publish']['key']}"


def test_a_wrong_key_is_refused(box: Appliance) -> None:
    channel(box, "locked")
    before = box.metric("headwater_ingest_offers_total", outcome="wrong-key")
    refused = Encoder(f"{box.url['rtmp']}/live/AAAAAAAAAAAAAAAAAAAAAA")
    assert refused.runs_until_it_ends(within=20) != 0
    assert box.metric("headwater_ingest_offers_total", outcome="wrong-key") == before + 1


async def test_an_encoder_is_seen_in_hls_and_dash_with_little_delay(box: Appliance) -> None:
    made = channel(box, "field")
    hls, mpd = made["manifests"]["hls"], made["manifests"]["dash"]
    async with Encoder(publish_url(box, made)), Viewer(hls) as low, Viewer(mpd) as dash:
        played = await low.has_played(10, within=40)
        await dash.has_played(8, within=40)
    assert played.holes == [] and low.complaints == [], low.story()
    assert dash.playback.holes == [] and dash.complaints == [], dash.story()
    assert played.stalls(buffer_s=1.5) == [], low.story()
    latest = sorted(played.latencies[len(played.latencies) // 2 :])
    assert latest[len(latest) // 2] < 2, f"a part arrives {latest} s after its media time"


async def test_a_stream_with_b_frames_and_long_gops_plays(box: Appliance) -> None:
    made = channel(box, "slowgop")
    async with Encoder(publish_url(box, made), bframes=2, keyframe_s=3), Viewer(made["manifests"]["hls"]) as viewer:
        played = await viewer.has_played(12, within=45)
    assert played.holes == [] and viewer.complaints == [], viewer.story()


async def test_a_stream_without_audio_plays(box: Appliance) -> None:
    made = channel(box, "mute")
    async with Encoder(publish_url(box, made), audio=False), Viewer(made["manifests"]["hls"]) as viewer:
        played = await viewer.has_played(6, within=40)
    assert list(played.tracks) == ["v1"]
    assert played.holes == [] and viewer.complaints == [], viewer.story()


async def test_a_second_encoder_on_a_busy_channel_is_refused(box: Appliance) -> None:
    made = channel(box, "contested")
    async with Encoder(publish_url(box, made)) as first, Viewer(made["manifests"]["hls"]) as viewer:
        await viewer.has_played(2, within=30)
        async with Encoder(publish_url(box, made)) as second:
            assert await second.ended() != 0
        assert first.process is not None and first.process.returncode is None
        await viewer.has_played(6, within=30)
    assert viewer.playback.holes == [], viewer.story()


async def test_an_encoder_that_stops_and_comes_back_is_followed_by_the_same_viewer(box: Appliance) -> None:
    made = channel(box, "returning")
    first = Encoder(publish_url(box, made))
    async with first, Viewer(made["manifests"]["hls"]) as viewer:
        await viewer.has_played(4, within=30)
        await first.stops()
        last = viewer.playback.tracks["v1"].numbers[-1]
        async with Encoder(publish_url(box, made)):
            await viewer.has_played(viewer.playback.seconds + 6, within=40)
    assert viewer.complaints == [] and viewer.playback.holes == [], viewer.story()
    assert viewer.playback.tracks["v1"].numbers[-1] > last
