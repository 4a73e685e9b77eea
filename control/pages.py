"""The pages: watch, the list of what there is to watch, and the operator's. HTML from templates, plain ES modules.

    GET /                              what there is to watch
    GET /watch/{live|vod}/{title}      the player; ?player=hls|shaka|dash|native, ?protection=cbcs (names.PROTECTIONS)
    GET /watch/{live|vod}/{title}/state.json   what the player page asks while nothing plays
    GET /operator                      signs in with the admin token and talks to /api/v1
    GET /static/{version}/{file}       ours; the version is a digest of all of them
    GET /vendor/{file}                 players' libraries; the version is in the file's name

No page holds a key, a token or a hash of one: they are for everybody who can reach the port.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from base.names import PROTECTIONS, Kind, is_title
from base.problems import Problem
from base.reports import ChannelReport
from control import bodies
from control.addresses import Addresses, addresses, chosen
from control.reports import Reports
from control.rows import Asset, AssetState, Channel
from control.store import Catalog
from node.process import Context

if TYPE_CHECKING:
    from jinja2 import Environment

WEB = Path(__file__).parent / "web"
PLAYERS = ("hls", "shaka", "dash", "native")

_BY_LICENCE = ("cenc", "cbcs")  # protections whose keys a player asks for by Encrypted Media Extensions
_USES = ("script", "worker", "all")
_YEAR = "public, max-age=31536000, immutable"
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
# Media and playlists come from edges, which are other hosts: any of them, but only by fetch and into <video>. MSE
# plays from blob:; hls.js and shaka-player make workers. Nothing inline, nothing foreign runs.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self' http: https:",
        "media-src 'self' blob: data: http: https:",  # data: Shaka begins its native text tracks with an empty one
        "worker-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)


class Pages:
    def __init__(self, ctx: Context, catalog: Catalog, reports: Reports, folder: Path = WEB) -> None:
        self._ctx = ctx
        self._catalog = catalog
        self._reports = reports
        self._folder = folder
        self._ours = {path.name: path for path in sorted((folder / "static").iterdir()) if path.suffix in _TYPES}
        self._version = _digest(self._ours.values())
        self._vendor = _vendor(folder / "vendor")
        self._vendored = {path.name: path for path in _files(folder / "vendor") if path.suffix in _TYPES}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/", self.home)
        app.router.add_get("/operator", self.operator)
        app.router.add_get("/watch/{kind:live|vod}/{title}", self.watch)
        app.router.add_get("/watch/{kind:live|vod}/{title}/state.json", self.state)
        app.router.add_get("/static/{version}/{file}", self.static)
        app.router.add_get("/vendor/{file}", self.vendor)
        app.router.add_get("/favicon.ico", self.icon)
        app.on_response_prepare.append(_protect)

    @cached_property
    def templates(self) -> Environment:
        """Loading Jinja2 takes 0.1 s: done once the port is open (see `warm`), not before."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(self._folder / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals["static"] = lambda name: f"/static/{self._version}/{name}"
        environment.filters["duration"] = duration
        environment.filters["size"] = size
        return environment

    def warm(self) -> None:
        """Load and compile the templates; in a thread, while the port is open already."""
        for name in ("home.html", "watch.html", "operator.html", "nothing.html"):
            self.templates.get_template(name)

    async def home(self, request: web.Request) -> web.Response:
        try:
            after = bodies.after(request.query.get("after"))
        except Problem:
            after = None
        rows = [row for row in await self._catalog.channels() if row.enabled] if after is None else []
        found = await self._reports.channels(row.channel for row in rows)
        assets = await self._catalog.assets(after=after, limit=101)
        following = bodies.cursor(assets[99]) if len(assets) > 100 else None
        return self._html(
            "home.html",
            channels=[(row, found[row.channel]) for row in rows],
            assets=[row for row in assets[:100] if row.state is AssetState.READY],
            following=following,
            first=after is None,
        )

    async def watch(self, request: web.Request) -> web.Response:
        kind, name = Kind(request.match_info["kind"]), request.match_info["title"]
        try:
            row, report = await self._find(kind, name)
        except Problem as problem:
            return self._html("nothing.html", problem.kind.status, sentence=problem.detail)
        at = self._at(request)
        player = request.query.get("player", "hls")
        asked = request.query.get("protection", "")
        protection = asked if kind is Kind.VOD and asked in PROTECTIONS else ""
        manifests = at.manifests(kind, name, protection)
        download = at.download(row.report) if isinstance(row, Asset) and row.report else ""
        match request.query.get("format") if kind is Kind.VOD else None:
            case "ts":
                manifests |= {"hls": at.transport_stream(name, protection)}
            case "on-demand":
                manifests |= {"dash": at.on_demand(name)}
            case "download":
                manifests |= {"hls": download}
        if kind is Kind.VOD:
            manifests = {form: url and chosen(url, request.query) for form, url in manifests.items()}
        return self._html(
            "watch.html",
            kind=kind,
            name=name,
            title=row.title,
            row=row,
            report=report,
            edge=at.edge,
            manifests=manifests,
            download=download,
            players=PLAYERS,
            config={
                "kind": kind,
                "name": name,
                "hls": manifests["hls"],
                "dash": manifests["dash"],
                "licence": at.licence if protection in _BY_LICENCE else "",
                "player": player if player in PLAYERS else "hls",
                "state": f"/watch/{kind}/{name}/state.json",
                "vendor": {
                    library: {use: f"/vendor/{file}" for use, file in row.items() if use in _USES}
                    for library, row in self._vendor.items()
                },
            },
            vendored=bool(self._vendor),
        )

    async def state(self, request: web.Request) -> web.Response:
        kind = Kind(request.match_info["kind"])
        row, report = await self._find(kind, request.match_info["title"])
        if isinstance(row, Asset):
            said: dict[str, Any] = {"state": str(row.state), "why": row.reason}
        elif report is None:
            said = {"state": "unknown", "why": "the origin does not answer"}
        else:
            said = {"state": report.state, "why": report.why, "age_ms": report.age_ms}
        return web.json_response(said, headers={"Cache-Control": "no-store"})

    async def operator(self, _: web.Request) -> web.Response:
        return self._html("operator.html")

    async def static(self, request: web.Request) -> web.StreamResponse:
        """An older version is answered with what there is now, so that a page that was open over an upgrade works."""
        lasting = request.match_info["version"] == self._version
        return _file(request, self._ours, request.match_info["file"], _YEAR if lasting else "no-cache")

    async def vendor(self, request: web.Request) -> web.StreamResponse:
        return _file(request, self._vendored, request.match_info["file"], _YEAR)

    async def icon(self, request: web.Request) -> web.StreamResponse:
        return _file(request, self._ours, "icon.svg", "public, max-age=86400")

    async def _find(self, kind: Kind, name: str) -> tuple[Channel | Asset, ChannelReport | None]:
        """What a viewer may see by this name. Raises Problem unknown."""
        if is_title(name):
            if kind is Kind.LIVE:
                channel = await self._catalog.channel(name)
                if channel.enabled:
                    return channel, await self._reports.channel(name)
            else:
                asset = await self._catalog.asset(name)
                if asset.state is not AssetState.REMOVING:
                    return asset, None
        raise Problem("unknown", f"there is nothing called {name} to watch")

    def _html(self, template: str, status: int = 200, **values: Any) -> web.Response:
        text = self.templates.get_template(template).render(values)
        return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})

    def _at(self, request: web.Request) -> Addresses:
        return addresses(self._ctx, request.scheme, request.headers.get(hdrs.HOST, ""))


def duration(ms: int) -> str:
    """`1:02:03`, `2:03`."""
    seconds = ms // 1000
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def size(count: int) -> str:
    """Bytes in decimal units, as disks and networks count them: `1.3 GB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


async def _protect(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Content-Security-Policy"] = (
        _POLICY if response.content_type == "text/html" else "default-src 'none'; frame-ancestors 'none'"
    )


def _file(request: web.Request, known: dict[str, Path], name: str, lasting: str) -> web.StreamResponse:
    path = known.get(name)
    if path is None:
        raise Problem("unknown", "there is no such file")
    fields = {
        "Cache-Control": lasting,
        "Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8",
        "Vary": "Accept-Encoding",
    }
    return web.FileResponse(path, headers=fields)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _vendor(folder: Path) -> dict[str, dict[str, str]]:
    """The manifest that control.vendor wrote; empty where it was never run: the native player still works."""
    try:
        found: dict[str, dict[str, str]] = json.loads((folder / "vendor.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _digest(paths: Any) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:12]
