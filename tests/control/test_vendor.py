import gzip
import json
import shutil
from pathlib import Path

import pytest

from control import vendor


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """As `npm ci` leaves it: each package with its files and its version."""
    shutil.copy(vendor.WEB / "package.json", tmp_path)
    wanted = json.loads((tmp_path / "package.json").read_text())["dependencies"]
    for library in vendor.LIBRARIES:
        package = tmp_path / "node_modules" / library.package
        for place in (*library.files.values(), library.licence):
            (package / place).parent.mkdir(parents=True, exist_ok=True)
            (package / place).write_text(f"{library.package} {place} " * 50)
        (package / "package.json").write_text(json.dumps({"version": wanted[library.package]}))
    return tmp_path


def test_files_are_put_in_place_under_names_with_versions(web: Path) -> None:
    manifest = vendor.copy(web)
    assert manifest == json.loads((web / "vendor" / "vendor.json").read_text())
    assert manifest["hls"]["script"] == f"hls-{manifest['hls']['version']}.mjs"
    for row in manifest.values():
        for use in row.keys() - {"version"}:
            body = (web / "vendor" / row[use]).read_bytes()
            assert body
            if use != "licence":
                assert gzip.decompress((web / "vendor" / f"{row[use]}.gz").read_bytes()) == body


def test_a_second_run_replaces_what_was_there(web: Path) -> None:
    (web / "vendor").mkdir()
    (web / "vendor" / "hls-0.1.mjs").touch()
    assert vendor.copy(web) == vendor.copy(web)
    assert not (web / "vendor" / "hls-0.1.mjs").exists()


def test_a_missing_package_is_named_and_nothing_is_touched(web: Path) -> None:
    vendor.copy(web)
    shutil.rmtree(web / "node_modules" / "dashjs")
    with pytest.raises(vendor.Missing, match="dashjs is not installed: run npm ci"):
        vendor.copy(web)
    assert (web / "vendor" / "vendor.json").exists() and not (web / "vendor.tmp").exists()


def test_another_version_than_pinned_is_refused(web: Path) -> None:
    (web / "node_modules" / "hls.js" / "package.json").write_text('{"version": "1.0.0"}')
    with pytest.raises(vendor.Missing, match=r"hls\.js is 1\.0\.0, package\.json pins"):
        vendor.copy(web)


def test_a_package_that_lost_a_file_is_refused(web: Path) -> None:
    (web / "node_modules" / "shaka-player" / "dist" / "shaka-player.compiled-es2021.js").unlink()
    with pytest.raises(vendor.Missing, match="has no dist/shaka-player"):
        vendor.copy(web)


def test_versions_are_pinned_exactly_and_the_lock_agrees() -> None:
    wanted = json.loads((vendor.WEB / "package.json").read_text())["dependencies"]
    lock = json.loads((vendor.WEB / "package-lock.json").read_text())["packages"]
    assert wanted.keys() == {library.package for library in vendor.LIBRARIES}
    for name, version in wanted.items():
        assert version[0].isdigit() and lock[f"node_modules/{name}"]["version"] == version
    assert all(row.get("integrity") for place, row in lock.items() if place)
