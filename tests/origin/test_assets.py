from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from base.problems import Problem
from origin import text_files
from origin.assets import MEZZANINE, Assets, file_name
from packager.index import StaleIndex
from packager.plan import Plan
from packager.policy import Last, Policy
from packager.text.plan import TextPlan
from tests.kit.media import Films

TARGET_MS = 2000


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    return Assets(tmp_path / "vod")


@pytest.fixture
def add(assets: Assets, films: Films) -> Callable[..., Path]:
    """Adds a film; gives the asset's folder."""

    def added(name: str, film: str = "plain", into: Assets = assets) -> Path:
        incoming = into.incoming()
        (incoming / MEZZANINE).write_bytes(films(film).read_bytes())
        into.add(name, incoming, TARGET_MS)
        return incoming.parent.parent / "vod" / name

    return added


def kinds(*calls: Callable[[], object]) -> list[str]:
    found = []
    for call in calls:
        with pytest.raises(Problem) as problem:
            call()
        found.append(problem.value.kind.name)
    return found


def test_an_asset_is_one_folder_and_opens_the_same_after_a_restart(
    assets: Assets, add: Callable[..., Path], tmp_path: Path
) -> None:
    folder = add("tour")
    assert sorted(os.listdir(folder)) == ["asset.json", "asset.plan", "mezzanine.idx", "mezzanine.mp4"]
    assert os.listdir(tmp_path / "incoming") == []
    opened = assets.get("tour")
    assert assets.at_hand("tour") is opened
    again = Assets(tmp_path / "vod").get("tour")
    assert again.report() == opened.report() and again.inits == opened.inits


def test_what_a_restart_finds_half_received_is_removed(assets: Assets, tmp_path: Path) -> None:
    (assets.incoming() / MEZZANINE).write_bytes(b"half")
    Assets(tmp_path / "vod")
    assert os.listdir(tmp_path / "incoming") == []


def test_an_unknown_asset_is_unknown(assets: Assets) -> None:
    assert kinds(lambda: assets.get("tour"), lambda: assets.remove("tour")) == ["unknown", "unknown"]
    assert assets.at_hand("tour") is None


def test_a_refused_file_changes_nothing(assets: Assets, tmp_path: Path) -> None:
    incoming = assets.incoming()
    (incoming / MEZZANINE).write_bytes(b"")
    assert kinds(lambda: assets.add("tour", incoming, TARGET_MS)) == ["unplayable"]
    (incoming / MEZZANINE).write_bytes(b"junk" * 1000)
    assert kinds(lambda: assets.add("tour", incoming, TARGET_MS)) == ["unplayable"]
    assert os.listdir(tmp_path / "vod") == [] and len(assets) == 0
    assets.drop(incoming)
    assert os.listdir(tmp_path / "incoming") == []


def test_a_name_is_given_once(assets: Assets, add: Callable[..., Path], films: Films) -> None:
    folder = add("tour")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert kinds(lambda: add("tour", "bframes"), lambda: assets.refuse_taken("tour")) == ["conflict", "conflict"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_of_two_that_add_one_name_at_once_one_is_refused(assets: Assets, add: Callable[..., Path]) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def adds() -> None:
        start.wait()
        try:
            add("tour")
            outcomes.append("added")
        except Problem as problem:
            outcomes.append(problem.kind.name)

    threads = [threading.Thread(target=adds) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added", "conflict", "conflict", "conflict"]
    assert assets.get("tour").report().segments == 4


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone", "other file"])
def test_an_index_that_does_not_fit_is_made_anew(
    assets: Assets, add: Callable[..., Path], tmp_path: Path, damage: str
) -> None:
    folder = add("tour")
    report, path = assets.get("tour").report(), folder / "mezzanine.idx"
    kept = path.read_bytes()
    match damage:
        case "flip":
            path.write_bytes(kept[:500] + bytes((kept[500] ^ 1,)) + kept[501:])
        case "cut":
            path.write_bytes(kept[:-10])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "other file":
            path.write_bytes((add("other", "bframes") / "mezzanine.idx").read_bytes())
    again = Assets(tmp_path / "vod")
    assert again.get("tour").report() == report
    assert path.read_bytes() == kept


def test_a_damaged_table_is_found_when_its_track_is_asked_for(
    assets: Assets, add: Callable[..., Path], tmp_path: Path
) -> None:
    path = add("tour") / "mezzanine.idx"
    kept = path.read_bytes()
    path.write_bytes(kept[:3000] + bytes((kept[3000] ^ 1,)) + kept[3001:])
    again = Assets(tmp_path / "vod")
    opened = again.get("tour")
    opened.check("a1")
    for _ in range(2):
        with pytest.raises(StaleIndex, match="tables of v1"):
            opened.media_of("v1")
    with pytest.raises(StaleIndex) as stale:
        opened.check("v1")
    again.forget(opened, stale.value)
    assert again.at_hand("tour") is None
    assert bytes(again.get("tour").media_of("v1")) == bytes(opened.files[0])
    assert path.read_bytes() == kept


def test_a_plan_is_never_made_of_a_damaged_table(assets: Assets, add: Callable[..., Path], tmp_path: Path) -> None:
    folder = add("tour")
    path, report = folder / "mezzanine.idx", assets.get("tour").report()
    kept = path.read_bytes()
    path.write_bytes(kept[:3000] + bytes((kept[3000] ^ 1,)) + kept[3001:])
    (folder / "asset.plan").unlink()
    again = Assets(tmp_path / "vod")
    assert again.get("tour").report() == report
    assert path.read_bytes() == kept


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone", "other film"])
def test_a_plan_that_does_not_fit_is_made_anew(
    assets: Assets, add: Callable[..., Path], tmp_path: Path, damage: str
) -> None:
    folder = add("tour")
    report, path = assets.get("tour").report(), folder / "asset.plan"
    kept = path.read_bytes()
    match damage:
        case "flip":
            path.write_bytes(kept[:100] + bytes((kept[100] ^ 1,)) + kept[101:])
        case "cut":
            path.write_bytes(kept[:-8])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "other film":
            path.write_bytes((add("other", "bframes") / "asset.plan").read_bytes())
    again = Assets(tmp_path / "vod")
    assert again.get("tour").report() == report
    assert path.read_bytes() == kept


def test_a_folder_of_the_first_version_opens_with_the_same_edition(
    assets: Assets, add: Callable[..., Path], tmp_path: Path
) -> None:
    folder = add("tour")
    before = assets.get("tour").report()
    for name in ("asset.plan", "mezzanine.idx"):
        (folder / name).unlink()
    (folder / "asset.json").write_text('{"target_ms":2000}')
    assert Assets(tmp_path / "vod").get("tour").report() == before


def test_several_files_are_one_asset(assets: Assets, films: Films, tmp_path: Path) -> None:
    incoming = assets.incoming()
    for number, film in enumerate(("two-languages", "plain")):
        (incoming / file_name(number)).write_bytes(films(film).read_bytes())
    policy = Policy(target_ms=2000, last=Last.LONG, bootstrap_ms=(1000,))
    made = assets.add("tour", incoming, policy, ("tour.mp4", "small.mp4"))
    report = made.report()
    assert [t.track for t in report.tracks] == ["v1", "v2", "a1", "a2", "a3"]
    assert report.files == ("tour.mp4", "small.mp4") and report.switchable
    assert (report.last, report.bootstrap_ms) == ("long", (1000,))
    assert [a.file for a in report.alignments] == [("small.mp4", "tour.mp4")[made.file_of["v2"] == 0]]
    assert {made.file_of[f"a{n}"] for n in (1, 2)} == {0} and made.file_of["a3"] == 1
    assert bytes(made.media_of("a3")) == films("plain").read_bytes()
    again = Assets(tmp_path / "vod").get("tour")
    assert again.report() == report and again.inits == made.inits and again.file_of == made.file_of
    assert again.index.key == made.index.key


def test_a_refused_file_among_several_is_named(assets: Assets, films: Films, tmp_path: Path) -> None:
    incoming = assets.incoming()
    (incoming / file_name(0)).write_bytes(films("plain").read_bytes())
    (incoming / file_name(1)).write_bytes(b"junk" * 1000)
    with pytest.raises(Problem, match=r"second\.mp4: ") as problem:
        assets.add("tour", incoming, TARGET_MS, ("first.mp4", "second.mp4"))
    assert problem.value.kind.name == "unplayable"
    assert os.listdir(tmp_path / "vod") == []


def test_only_so_many_stay_open_and_the_rest_opens_again(add: Callable[..., Path], tmp_path: Path) -> None:
    few = Assets(tmp_path / "vod", most_open=3)
    for at in range(6):
        add(f"film{at}", into=few)
    assert len(few) == 3 and [at for at in range(6) if few.at_hand(f"film{at}")] == [3, 4, 5]
    few.at_hand("film3")
    assert few.get("film0").asset == "film0"
    assert [at for at in range(6) if few.at_hand(f"film{at}")] == [0, 3, 5]  # 4 was the longest not asked for


def test_threads_that_open_and_remove_do_not_meet(add: Callable[..., Path], tmp_path: Path) -> None:
    few = Assets(tmp_path / "vod", most_open=2)
    for at in range(5):
        folder = add(f"film{at}", into=few)
        (folder / "mezzanine.idx").unlink()  # so that several make it at once
    few = Assets(tmp_path / "vod", most_open=2)
    faults: list[BaseException] = []

    def opens(seed: int) -> None:
        try:
            for at in range(60):
                few.get(f"film{(at * seed + seed) % 4}")
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=opens, args=(seed,)) for seed in (1, 3, 5, 7)]
    for thread in threads:
        thread.start()
    few.remove("film4")
    for thread in threads:
        thread.join()
    assert faults == [] and len(few) <= 2
    assert kinds(lambda: few.get("film4")) == ["unknown"]


def test_an_asset_that_was_removed_while_it_was_opened_is_not_kept(add: Callable[..., Path], tmp_path: Path) -> None:
    folder = add("tour")
    assets = Assets(tmp_path / "vod")
    (folder / "mezzanine.idx").unlink()
    # opening waits in the middle: the index is read from a pipe that the test feeds
    os.mkfifo(folder / "mezzanine.idx")
    outcome: list[object] = []

    def opens() -> None:
        try:
            outcome.append(assets.get("tour").asset)
        except Problem as problem:
            outcome.append(problem.kind.name)

    opening = threading.Thread(target=opens)
    opening.start()
    with open(folder / "mezzanine.idx", "wb"):  # returns once the other side has opened it
        assets.remove("tour")
    opening.join(10)
    assert outcome in (["tour"], ["unknown"])
    assert assets.at_hand("tour") is None and kinds(lambda: assets.get("tour")) == ["unknown"]


def test_what_is_in_use_stays_readable_when_it_is_removed(
    assets: Assets, add: Callable[..., Path], films: Films
) -> None:
    folder = add("tour")
    opened = assets.get("tour")
    assets.remove("tour")
    assert not folder.exists() and len(assets) == 0
    assert bytes(opened.media_of("v1")) == films("plain").read_bytes()
    add("tour", "bframes")  # the name is free again
    assert assets.get("tour").report().edition != opened.report().edition


def test_a_reader_sees_a_removal_and_what_came_in_its_place_at_once(
    assets: Assets, add: Callable[..., Path], tmp_path: Path
) -> None:
    reader = Assets(tmp_path / "vod", reader=True)
    for film in ("plain", "silent", "plain"):
        add("tour", film)
        opened = reader.get("tour")
        assert opened.report() == assets.get("tour").report()
        assert reader.at_hand("tour") is opened, "and keeps it while nothing happens"
        assets.remove("tour")
        assert reader.at_hand("tour") is None
        assert kinds(lambda: reader.get("tour")) == ["unknown"]


def test_a_reader_does_not_keep_what_was_removed_while_it_was_opened(
    assets: Assets, add: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("tour")
    reader = Assets(tmp_path / "vod", reader=True)
    load = text_files.load

    def removed_meanwhile(folder: Path, plan: Plan) -> tuple[TextPlan, ...]:
        found = load(folder, plan)
        assets.remove("tour")
        return found

    monkeypatch.setattr(text_files, "load", removed_meanwhile)
    reader.get("tour")  # asked for before the removal was answered: either is right
    assert reader.at_hand("tour") is None


def test_a_reader_leaves_alone_what_is_being_received_and_can_change_nothing(
    assets: Assets, add: Callable[..., Path], tmp_path: Path
) -> None:
    add("tour")
    coming = assets.incoming()
    reader = Assets(tmp_path / "vod", reader=True)
    assert coming.is_dir()
    with pytest.raises(AssertionError, match="readers change nothing"):
        reader.change("tour", lambda folder, asset: None)


def test_what_a_crash_kept_from_being_counted_is_counted_at_the_next_start(
    assets: Assets, add: Callable[..., Path], tmp_path: Path
) -> None:
    folder = add("tour")
    reader = Assets(tmp_path / "vod", reader=True)
    reader.get("tour")
    folder.rename(tmp_path / "gone")  # as `remove` begins, and is killed then
    Assets(tmp_path / "vod")
    assert reader.at_hand("tour") is None


def test_a_reader_that_finds_an_index_damaged_makes_it_anew(add: Callable[..., Path], tmp_path: Path) -> None:
    folder = add("tour")
    reader = Assets(tmp_path / "vod", reader=True)
    damaged = reader.get("tour")
    reader.forget(damaged, StaleIndex("its checksum differs"))
    assert not (folder / "mezzanine.idx").exists()
    assert reader.get("tour").report() == damaged.report() and (folder / "mezzanine.idx").exists()
