import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from base.desired import key_hash
from base.reports import ChannelReport
from control.pages import WEB, duration, size

MEDIA = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 64
PAGES = ["/", "/operator", "/watch/live/studio", "/watch/vod/tour", "/watch/live/none", "/?after=zzz"]


class Reader(HTMLParser):
    """Finds what a policy or a screen reader would trip over."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.fields: dict[str, dict[str, str | None]] = {}
        self.labelled: set[str] = set()
        self.links: list[str] = []
        self.config = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if (tag == "script" and "src" not in given) or tag == "style":
            self.inline.append(tag)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "label" and given.get("for"):
            self.labelled.add(str(given["for"]))
        if tag == "input" and given.get("type") != "radio":
            self.fields[str(given.get("id") or given.get("name"))] = given
        self.links += [str(given[name]) for name in ("href", "src") if given.get(name)]
        self.config = given.get("data-config") or self.config


@pytest.fixture
async def tour(control) -> None:
    assert (await control.call("POST", "/api/v1/assets?title=tour", data=MEDIA)).status == 201


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_safe_and_tells_no_secret(control, tour, path: str) -> None:
    key = control.keys()["studio"]
    answer = await control.call("GET", path, token="none")
    assert answer.status == (404 if path.endswith("none") else 200)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" and policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert {"http:", "https:"} <= set(policy["connect-src"].split()) & set(policy["media-src"].split())
    assert "blob:" in policy["media-src"] and "blob:" in policy["worker-src"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    for secret in (key, key_hash(key), control.token):
        assert secret not in answer.text
    read = Reader(answer.text)
    assert read.inline == []
    for name, field in read.fields.items():
        assert name in read.labelled or field.get("aria-label"), f"{name} has no label"


@pytest.mark.parametrize("path", PAGES)
async def test_whatever_a_page_loads_of_ours_is_there(control, tour, path: str) -> None:
    read = Reader((await control.call("GET", path)).text)
    own = [link for link in read.links if link.startswith("/static/")]
    assert len(own) >= 3
    for link in own:
        answer = await control.call("GET", link)
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_player_page_is_told_where_media_is(control, tour) -> None:
    page = (await control.call("GET", "/watch/vod/tour?player=shaka")).text
    config = json.loads(Reader(page).config)
    assert config["hls"] == "http://127.0.0.1:8080/vod/tour/multivariant.m3u8"
    assert config["dash"] == "http://127.0.0.1:8080/vod/tour/manifest.mpd"
    assert (config["kind"], config["player"]) == ("vod", "shaka")
    assert (
        json.loads(Reader((await control.call("GET", "/watch/vod/tour?player=flash")).text).config)["player"] == "hls"
    )


async def test_the_player_page_of_a_protected_film(control, tour) -> None:
    for scheme in ("cenc", "cbcs"):
        config = json.loads(Reader((await control.call("GET", f"/watch/vod/tour?protection={scheme}")).text).config)
        assert config["dash"] == f"http://127.0.0.1:8080/~{scheme}/vod/tour/manifest.mpd"
        assert config["hls"] == f"http://127.0.0.1:8080/~{scheme}/vod/tour/multivariant.m3u8"
        assert config["licence"] == "http://127.0.0.1:8080/licence/clearkey"
    config = json.loads(Reader((await control.call("GET", "/watch/vod/tour?protection=aes-128")).text).config)
    assert config["hls"] == "http://127.0.0.1:8080/~aes-128/vod/tour/multivariant.m3u8"
    assert (config["dash"], config["licence"]) == ("", ""), "HLS only; its keys are found by their URIs"
    page = (await control.call("GET", "/watch/vod/tour?protection=aes-128&format=ts")).text
    assert json.loads(Reader(page).config)["hls"].endswith("/~aes-128/vod/tour/multivariant-ts.m3u8")
    for other in ("/watch/vod/tour", "/watch/vod/tour?protection=cens", "/watch/live/studio?protection=cbcs"):
        config = json.loads(Reader((await control.call("GET", other)).text).config)
        assert config["licence"] == "" and "~" not in config["hls"]


async def test_the_edge_setting_is_where_players_go(running, origin) -> None:
    async with running(**{"control.edge_url": "https://cdn.example"}) as control:
        page = (await control.call("GET", "/watch/live/studio")).text
        assert json.loads(Reader(page).config)["hls"] == "https://cdn.example/live/studio/multivariant.m3u8"
        assert '<link rel="preconnect" href="https://cdn.example"' in page


async def test_titles_are_text_and_never_markup(control) -> None:
    nasty = "</title><script>alert(1)</script>\"'&amp;"
    await control.call("POST", "/api/v1/channels", json={"channel": "nasty", "title": nasty})
    for path in ("/", "/watch/live/nasty"):
        page = (await control.call("GET", path)).text
        assert "<script>alert" not in page and html.escape("</title><script>alert(1)")[:20] in page


async def test_states_are_shown_and_an_origin_that_is_away_is_no_fault(control, origin) -> None:
    origin.channels["studio"] = ChannelReport(channel="studio", edition="e1", state="live", age_ms=120)
    assert 'class="badge live"' in (await control.call("GET", "/")).text
    assert (await control.call("GET", "/watch/live/studio/state.json")).json == {
        "state": "live",
        "why": "",
        "age_ms": 120,
    }
    await origin.stop()
    await control.call("POST", "/api/v1/channels", json={"channel": "news"})
    assert 'class="badge unknown"' in (await control.call("GET", "/watch/live/news")).text
    assert (await control.call("GET", "/watch/live/news/state.json")).json["state"] == "unknown"


async def test_only_what_can_be_watched_is_listed(control, tour) -> None:
    page = (await control.call("GET", "/")).text
    assert "/watch/vod/tour" in page and "1:02" in page
    await control.call("DELETE", "/api/v1/assets/tour")
    assert "/watch/vod/tour" not in (await control.call("GET", "/")).text
    for path in ("/watch/vod/tour", "/watch/vod/tour/state.json", "/watch/vod/..%2f", "/watch/cd/tour"):
        assert (await control.call("GET", path)).status == 404


async def test_static_files_cannot_be_left(control) -> None:
    for path in (
        "/static/x/..%2fpackage.json",
        "/vendor/vendor.json",
        "/vendor/..%2f..%2fpages.py",
        "/static/x/none.js",
    ):
        answer = await control.call("GET", path)
        assert answer.status == 404
    old = await control.call("GET", "/static/0123/watch.js")  # a page that was open over an upgrade
    assert old.status == 200 and old.headers["Cache-Control"] == "no-cache"


async def test_the_players_libraries_come_compressed_and_for_good(running, origin, monkeypatch, tmp_path: Path) -> None:
    from control import pages, vendor

    folder = tmp_path / "web"
    shutil.copytree(WEB, folder, ignore=shutil.ignore_patterns("node_modules", "vendor"))
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    for library in vendor.LIBRARIES:
        package = folder / "node_modules" / library.package
        for place in (*library.files.values(), library.licence):
            (package / place).parent.mkdir(parents=True, exist_ok=True)
            (package / place).write_text("export default 1;\n" * 100)
        (package / "package.json").write_text(json.dumps({"version": wanted[library.package]}))
    manifest = vendor.copy(folder)
    monkeypatch.setattr(pages.Pages.__init__, "__defaults__", (folder,))
    async with running() as control:
        page = (await control.call("GET", "/watch/live/studio")).text
        address = json.loads(Reader(page).config)["vendor"]["hls"]["script"]
        assert address == f"/vendor/{manifest['hls']['script']}"
        answer = await control.call("GET", address, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.body == b"export default 1;\n" * 100


async def test_without_the_libraries_the_page_says_so(running, origin, monkeypatch, tmp_path: Path) -> None:
    from control import pages

    folder = tmp_path / "web"
    shutil.copytree(WEB, folder, ignore=shutil.ignore_patterns("node_modules", "vendor"))
    monkeypatch.setattr(pages.Pages.__init__, "__defaults__", (folder,))
    async with running() as control:
        assert "not installed" in (await control.call("GET", "/watch/live/studio")).text


def test_the_modules_import_only_what_is_there() -> None:
    static = WEB / "static"
    for path in static.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', path.read_text()):
            assert (static / name).is_file()


@pytest.mark.parametrize(
    ("ms", "shown"), [(0, "0:00"), (999, "0:00"), (61_000, "1:01"), (3_600_000, "1:00:00"), (36_061_000, "10:01:01")]
)
def test_durations(ms: int, shown: str) -> None:
    assert duration(ms) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (123_456_789, "123 MB"), (4 * 10**12, "4.0 TB")]
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown
