"""Where a viewer, an encoder or a browser finds things: base URLs from settings, else from the request's host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from base import select
from base.names import CLEARKEY_PATH, PROTECTED, Kind, Leaf, Name
from base.reports import AssetReport
from node.process import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Base URLs without a closing slash, as this request's sender can reach them."""

    edge: str
    rtmp: str
    control: str
    # Those of ingest are empty where they are switched off.
    rtmps: str = ""
    srt: str = ""
    whip: str = ""
    push: str = ""

    def publish(self, channel: str, key: str = "") -> dict[str, str]:
        """Where encoders send a channel: `url` is RTMP's server, further protocols by their names.

        `key`: the stream key where it is known; SRT's address has it inside, as encoders want it.
        """
        found = {
            "rtmps": self.rtmps,
            "srt": self.srt and self.srt + (f"?streamid={channel}?key={key}" if key else ""),
            "whip": self.whip and f"{self.whip}/{channel}",
            "push": self.push and f"{self.push}/{channel}",
            "key": key,
        }
        return {"url": self.rtmp} | {name: value for name, value in found.items() if value}

    def manifests(self, kind: Kind, title: str, protection: str = "") -> dict[str, str]:
        """`hls` and `dash` URLs of one channel or asset, empty where there is none of the sort.

        `protection`: one of base.names.PROTECTIONS.
        """
        found = {}
        for form, leaf in (("hls", Leaf.MULTIVARIANT), ("dash", Leaf.MANIFEST)):
            there = not protection or leaf in PROTECTED[protection]
            name = Name(kind=kind, title=title, leaf=leaf, protection=protection)
            found[form] = self.edge + name.path if there else ""
        return found

    @property
    def licence(self) -> str:
        """Where a player asks for ClearKey licences."""
        return self.edge + CLEARKEY_PATH

    def transport_stream(self, title: str, protection: str = "") -> str:
        """The HLS URL of an asset as MPEG-TS; the clear one's where a scheme has no such form."""
        if protection and Leaf.MULTIVARIANT_TS not in PROTECTED[protection]:
            protection = ""
        return self.edge + Name(kind=Kind.VOD, title=title, leaf=Leaf.MULTIVARIANT_TS, protection=protection).path

    def on_demand(self, title: str) -> str:
        """The DASH URL of an asset in the on-demand profile: one file a track."""
        return self.edge + Name(kind=Kind.VOD, title=title, leaf=Leaf.MANIFEST_ON_DEMAND).path

    def download(self, report: AssetReport) -> str:
        """The URL of an asset as one MP4: the first picture and the first sound that viewers get."""
        shown = [track for track in report.tracks if track.track not in report.left_out]
        firsts = {track.kind: track.track for track in reversed(shown)}
        tracks = tuple(track.track for track in shown if track.track in (firsts.get("video"), firsts.get("audio")))
        name = Name(kind=Kind.VOD, title=report.asset, leaf=Leaf.DOWNLOAD, edition=report.edition, tracks=tracks)
        return self.edge + name.path if tracks else ""

    def watch(self, kind: Kind, title: str) -> str:
        """The watch page's URL."""
        return f"{self.control}/watch/{kind}/{title}"


def chosen(url: str, query: Mapping[str, str]) -> str:
    """A playlist's or manifest's URL with what a query chooses of it, as it came: the edge judges it."""
    found = {name: query[name] for name in (*select.CLIPS, *select.FILTERS, select.SIGNATURE) if name in query}
    return f"{url}?{urlencode(found)}" if found else url


def addresses(ctx: Context, scheme: str, host_field: str) -> Addresses:
    """`host_field` is the request's Host (RFC 9110 7.2), with or without a port."""
    host = _host(host_field)
    given = ctx.settings.text("control.rtmp_url").rstrip("/")
    ingest = _host(urlsplit(given).netloc.rpartition("@")[2]) if given else host
    return Addresses(
        edge=ctx.settings.text("control.edge_url").rstrip("/") or f"http://{host}:{_port(ctx, 'edge.listen', 'edge')}",
        rtmp=given or f"rtmp://{host}:{_port(ctx, 'ingest.rtmp_listen', 'rtmp')}/live",
        control=f"{scheme}://{host_field or host}",
        rtmps=f"rtmps://{ingest}:{_port(ctx, 'ingest.rtmps_listen', 'rtmps')}/live"
        if ctx.settings.text("ingest.rtmps_certificate")
        else "",
        srt=f"srt://{ingest}:{_port(ctx, 'ingest.srt_listen', 'srt')}" if ctx.settings.flag("ingest.srt") else "",
        whip=_whip(ctx, host),
        push=f"http://{ingest}:{_port(ctx, 'ingest.push_listen', 'push')}/push"
        if ctx.settings.flag("ingest.push")
        else "",
    )


def _whip(ctx: Context, host: str) -> str:
    if not ctx.settings.flag("ingest.whip"):
        return ""
    given = ctx.settings.text("control.whip_url").rstrip("/")
    return given or f"http://{host}:{_port(ctx, 'ingest.whip_listen', 'whip')}/whip"


def _host(field: str) -> str:
    """The host of a Host field, an IPv6 literal in its brackets; `127.0.0.1` if there is none that makes sense."""
    try:
        name = urlsplit(f"//{field}").hostname or ""
    except ValueError:
        name = ""
    return f"[{name}]" if ":" in name else name or "127.0.0.1"


def _port(ctx: Context, setting: str, row: str) -> int:
    """The TCP port of a listener of this box; the ports table's where it listens on a unix socket."""
    where = ctx.listen(setting, row)
    if isinstance(where, Path):
        from node.home import port_number

        return port_number(row, ctx.port_base)
    return where[1]
