"""Files on their way to a real origin, some of them by way of a real remuxer."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from base.problems import Problem
from base.reports import AssetReport
from control.delivery import Delivery, Wish
from control.incoming import Described, Incoming
from control.origin import Origin, Refused
from control.remuxer import Remuxer
from tests.kit.media import Films
from tests.kit.remuxing import running_remuxer
from tests.kit.sources import Sources
from tests.origin.conftest import Origin as RunningOrigin
from tests.origin.conftest import running_origin


@pytest.fixture
def home() -> Iterator[Path]:
    """A short folder: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def origin(home: Path) -> AsyncIterator[RunningOrigin]:
    async with running_origin(home, drain__seconds=1) as origin:
        yield origin


@pytest.fixture
async def delivery(origin: RunningOrigin) -> AsyncIterator[Delivery]:
    client = Origin(f"unix:{origin.ctx.home.socket('origin', door='media')}")
    remuxer = Remuxer(origin.ctx.home.socket("remux", door="jobs"))
    yield Delivery(client, remuxer)
    await remuxer.close()
    await client.close()


async def pieces(*files: Path) -> AsyncIterator[bytes]:
    whole = b"".join(file.read_bytes() for file in files)
    for at in range(0, len(whole), 50_000):
        yield whole[at : at + 50_000]


async def delivers(delivery: Delivery, *files: Path, wish: Wish | None = None) -> AssetReport:
    described = [Described(name=file.name, length=file.stat().st_size) for file in files]
    return await delivery.deliver("tour", described, Incoming(pieces(*files)), "r", wish or Wish())


def left(origin: RunningOrigin) -> list[str]:
    return sorted(os.listdir(origin.data / "vod") + os.listdir(origin.data / "incoming"))


async def test_one_mp4_goes_as_it_is(delivery: Delivery, origin: RunningOrigin, films: Films) -> None:
    report = await delivers(delivery, films("plain"), wish=Wish(target_ms="2000", last="short"))
    assert (report.files, report.target_ms, report.last) == ((), 2000, "short")
    assert report.bytes == films("plain").stat().st_size
    assert left(origin) == ["tour"]


async def test_several_are_one_asset(delivery: Delivery, origin: RunningOrigin, films: Films) -> None:
    report = await delivers(delivery, films("plain"), films("bframes"), wish=Wish(bootstrap="1000"))
    assert report.files == ("plain.mp4", "bframes.mp4") and report.bootstrap_ms == (1000,)
    assert [t.track for t in report.tracks] == ["v1", "v2", "a1"]
    assert any("its sound was left out" in note for note in report.notes)
    assert left(origin) == ["tour"]


async def test_a_file_that_is_refused_takes_all_with_it(
    delivery: Delivery, origin: RunningOrigin, films: Films, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"\0\0\0\x18ftypmp42" + b"junk" * 5000)
    with pytest.raises(Refused) as refused:
        await delivers(delivery, films("plain"), junk)
    assert refused.value.status == 422 and left(origin) == []


async def test_a_body_that_ends_early_leaves_nothing(delivery: Delivery, origin: RunningOrigin, films: Films) -> None:
    film = films("plain")
    described = [Described(name="a", length=film.stat().st_size), Described(name="b", length=film.stat().st_size)]
    with pytest.raises(Problem):
        await delivery.deliver("tour", described, Incoming(pieces(film)), "r", Wish())
    assert left(origin) == []


async def test_what_is_no_mp4_is_remuxed(
    delivery: Delivery, origin: RunningOrigin, home: Path, sources: Sources, films: Films
) -> None:
    async with running_remuxer(home):
        report = await delivers(delivery, sources("h264-aac"), films("two-languages"))
    assert report.files == ("h264-aac.mkv", "h264-aac.mkv", "two-languages.mp4")
    assert [t.track for t in report.tracks] == ["v1", "a1", "a2", "a3"]
    (verdict,) = [found for found in report.alignments if found.track == "v2"]
    assert not verdict.switchable and "keyframes" in verdict.because
    assert left(origin) == ["tour"]


async def test_what_the_remuxer_left_out_is_in_the_report(
    delivery: Delivery, origin: RunningOrigin, home: Path, sources: Sources
) -> None:
    async with running_remuxer(home):
        report = await delivers(delivery, sources("dts-sound"))
    assert [t.track for t in report.tracks] == ["v1"]
    assert report.notes[0].startswith("dts-sound.mkv: track 2: codec mp2 cannot be carried")


async def test_what_cannot_be_carried_is_refused_as_the_remuxer_says(
    delivery: Delivery, origin: RunningOrigin, home: Path, sources: Sources
) -> None:
    async with running_remuxer(home):
        with pytest.raises(Refused) as refused:
            await delivers(delivery, sources("vp9"))
    assert refused.value.status == 422 and b"codec vp9" in refused.value.body and left(origin) == []


async def test_an_mp4_becomes_a_mezzanine_if_that_is_wished(
    delivery: Delivery, origin: RunningOrigin, home: Path, films: Films
) -> None:
    async with running_remuxer(home):
        report = await delivers(delivery, films("bframes"), wish=Wish(cmaf=True))
    assert report.files == ("bframes.mp4", "bframes.mp4") and [t.track for t in report.tracks] == ["v1", "a1"]


async def test_without_a_remuxer_the_origin_says_what_it_cannot_read(
    delivery: Delivery, origin: RunningOrigin, sources: Sources, films: Films
) -> None:
    with pytest.raises(Refused) as refused:
        await delivers(delivery, sources("h264-aac"))
    assert refused.value.status == 422 and left(origin) == []
    with pytest.raises(Problem, match="no remuxer runs on this box"):
        await delivers(delivery, films("plain"), wish=Wish(cmaf=True))
