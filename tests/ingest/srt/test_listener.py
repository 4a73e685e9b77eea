"""SRT publishers against the whole ingest role: admitted, refused, ended, counted; and the media that leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.srt import libsrt
from ingest.srt.listener import passphrases
from tests.ingest.ts.test_demuxer import demuxed, frames, packets
from tests.kit.ingesting import KEY, Ingesting, ingesting
from tests.kit.optional import program
from tests.kit.sources import framemd5
from tests.kit.srt import LossyPath, free_udp_port, libsrt_is_there, made, publishing, sends

STREAM_ID = f"#!::r=studio,m=publish,s={KEY}"


class Srt:
    def __init__(self, role: Ingesting, port: int) -> None:
        self.role = role
        self.port = port

    def url(self, stream_id: str = STREAM_ID, *, port: int = 0, more: str = "") -> str:
        return f"srt://127.0.0.1:{port or self.port}?streamid={stream_id}{more}"

    def offers(self, outcome: str) -> float:
        return self.role.ctx.metrics.value("ingest_offers", outcome=outcome)

    async def until(self, right: Any, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not right():
                await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(**settings: Any) -> AsyncIterator[Srt]:
    libsrt_is_there()
    port = free_udp_port()
    chosen = {"ingest.srt": True, "ingest.srt_listen": f"127.0.0.1:{port}"} | settings
    async with ingesting(settings=chosen) as role:
        yield Srt(role, port)


def decoded(srt: Srt, folder: Path, track: str, stream: str) -> list[str]:
    """What a decoder makes of all closed segments of a track."""
    file = folder / f"{track}.mp4"
    file.write_bytes(srt.role.origin.body(track))
    return framemd5(file, stream)


async def test_ffmpeg_publishes_and_what_leaves_is_what_it_sent(tmp_path: Path) -> None:
    file = made(tmp_path / "a.ts", seconds=4)
    async with listening() as srt, sends(*publishing(file, srt.url())) as sender:
        live = await srt.role.until_state("live")
        assert live["channel"] == "studio" and live["software"].startswith("SRT 1.")
        assert await sender.ends() == 0
        await srt.role.until_state("none")
        # FFmpeg closes without waiting for its last packets to be sent: that may cost the last picture in coding order
        mine, pictures = decoded(srt, tmp_path, "v1", "v:0"), framemd5(file, "v:0")
        assert len(pictures) == 100 and mine[:96] == pictures[:96]
        sent = [frame.data for frame in frames(demuxed(file.read_bytes())[0], "a1")]
        ((_, _, sound),) = packets(tmp_path / "a1.mp4") if decoded(srt, tmp_path, "a1", "a:0") else ()
        begin = sent.index(bytes(sound[0]))
        assert len(sound) > 160 and [bytes(packet) for packet in sound] == sent[begin : begin + len(sound)]
        assert srt.offers("admitted") == 1
        assert srt.role.ctx.metrics.value("ingest_srt_packets", channel="studio", what="received") > 50
        assert srt.role.ctx.metrics.value("ingest_bytes") > 50_000
        assert srt.role.origin.refusals == []


@pytest.mark.slow
async def test_srt_live_transmit_publishes_encrypted_with_the_short_form(tmp_path: Path) -> None:
    path = program("srt-live-transmit")
    file = made(tmp_path / "a.ts", seconds=4)
    secrets = tmp_path / "passphrases"
    secrets.write_text("studio: correct horse battery\n")
    udp = free_udp_port()
    async with listening(**{"ingest.srt_passphrases": str(secrets)}) as srt:
        to = srt.url(f"studio?key={KEY}", more="&passphrase=correct horse battery&pbkeylen=32")
        words = ["-v", "error", "-nostdin", "-re", "-i", str(file), "-map", "0", "-c", "copy", "-f", "mpegts"]
        async with (
            sends(path, "-loglevel:error", f"udp://127.0.0.1:{udp}", to.replace(f"studio?key={KEY}", KEY)) as transmit,
            sends(program("ffmpeg"), *words, f"udp://127.0.0.1:{udp}?pkt_size=1316") as ffmpeg,
        ):
            await srt.role.until_state("live")
            assert await ffmpeg.ends() == 0
            await srt.until(lambda: len(srt.role.origin.numbers("v1")) >= 3)
            transmit.dies()
            await srt.role.until_state("none")
        pictures = framemd5(file, "v:0")
        mine = decoded(srt, tmp_path, "v1", "v:0")
        assert len(mine) >= 75 and set(mine) <= set(pictures)


@pytest.mark.parametrize(
    ("stream_id", "outcome"),
    [("#!::r=studio,m=publish,s=wrong", "wrong-key"), (f"#!::r=studio,s={KEY}", "malformed")],
)
async def test_a_refused_publisher_is_told_and_logged_without_its_key(
    tmp_path: Path, stream_id: str, outcome: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = made(tmp_path / "a.ts", seconds=1)
    async with listening() as srt, sends(*publishing(file, srt.url(stream_id))) as sender:
        assert await sender.ends() != 0
        await srt.until(lambda: srt.offers(outcome) == 1)
        assert (await srt.role.status())["sessions"] == []
    out, err = capfd.readouterr()
    assert (out + err).count("srt.refused") == 1
    assert KEY not in out + err and "s=wrong" not in out + err


@pytest.mark.slow
async def test_a_second_publisher_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    file = made(tmp_path / "a.ts", seconds=20)
    async with listening() as srt, sends(*publishing(file, srt.url())):
        await srt.role.until_state("live")
        async with sends(*publishing(file, srt.url())) as second:
            assert await second.ends() != 0
        await srt.until(lambda: srt.offers("busy") == 1)
        assert (await srt.role.until_state("live"))["state"] == "live"


async def test_what_cannot_be_played_is_refused_by_name(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = made(tmp_path / "a.ts", seconds=3, options=("-c:v", "mpeg2video"))
    async with listening() as srt, sends(*publishing(file, srt.url())) as sender:
        await srt.until(lambda: srt.offers("admitted") == 1)
        await srt.role.until_state("none")
        await sender.ends()
    out, err = capfd.readouterr()
    assert "MPEG-2 video is not taken: set the encoder to H.264" in out + err


async def test_without_the_library_the_port_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libsrt, "_NAMES", ())
    monkeypatch.setattr(libsrt, "_FOUND_AS", ())
    async with ingesting(settings={"ingest.srt": True}) as role:
        assert (await role.status())["sessions"] == []


def test_a_file_of_passphrases_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"ingest.srt_passphrases: .*nowhere: No such file"):
        passphrases(str(tmp_path / "nowhere"))
    file = tmp_path / "secrets"
    file.write_text("studio: abc\n")
    with pytest.raises(OSError, match="line 1: a passphrase has 10 to 79 characters") as fault:
        passphrases(str(file))
    assert "abc" not in str(fault.value)


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "delay_ms"), [(0.02, 20), (0.05, 40)])
async def test_losses_on_the_way_are_made_good_within_the_latency(tmp_path: Path, loss: float, delay_ms: int) -> None:
    file = made(tmp_path / "a.ts", seconds=12, options=("-b:v", "2M"))
    async with (
        listening(**{"ingest.srt_latency": 400}) as srt,
        LossyPath(srt.port, loss=loss, delay_s=delay_ms / 1000, seed=7) as path,
        sends(*publishing(file, srt.url(port=path.port))) as sender,
    ):
        assert await sender.ends() == 0
        await srt.role.until_state("none")
        # what is under way when FFmpeg closes the link is lost with it: at most the latency and some way
        mine, pictures = decoded(srt, tmp_path, "v1", "v:0"), framemd5(file, "v:0")
        assert len(pictures) == 300 and mine[:270] == pictures[:270]
        assert path.lost > 0.5 * loss * path.carried > 10
        metrics = srt.role.ctx.metrics
        assert metrics.value("ingest_srt_packets", channel="studio", what="lost") > 10
        assert metrics.value("ingest_srt_packets", channel="studio", what="retransmitted") > 10
        assert metrics.value("ingest_srt_packets", channel="studio", what="dropped") == 0
        assert metrics.value("ingest_srt_rtt_seconds", channel="studio") >= 2 * delay_ms / 1000
        assert metrics.value("ingest_ts_faults", what="continuity") == 0
