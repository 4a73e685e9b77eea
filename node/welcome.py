"""What `headwater up` prints when everything answers: a table for people, one JSON line for scripts. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from node.plan import Door, Plan
from node.terminal import columns

RTMP_APP = "/live"
# How the addresses of further protocols go on.
_REST = {
    "rtmps": "/live",
    "srt": "?streamid=CHANNEL?key=KEY",
    "whip": "/whip/CHANNEL",
    "push": "/push/CHANNEL",
}


def ready_line(plan: Plan, *, admin_token: str | None, pid: int) -> str:
    """One line of JSON. A door that this node does not have is null; the token is null where control is elsewhere."""
    urls = {name: _url(plan.door(name)) for name in ("edge", "control", "rtmp", "ops")}
    if origin := plan.door("origin"):
        urls["origin"] = _url(origin)
    home = str(plan.home.root)
    return json.dumps({"ready": True, **urls, "home": home, "admin_token": admin_token, "pid": pid})


def table(plan: Plan, keys: Mapping[str, str], *, lan: str = "") -> list[str]:
    """`keys`: channel -> stream key. `lan`: this machine's address for others, empty if it has none."""
    rows: list[tuple[str, str]] = []
    control, rtmp, edge = plan.door("control"), plan.door("rtmp"), plan.door("edge")
    if control:
        base = control.url("localhost")
        if "demo" in plan.roles:
            rows += [("watch", f"{base}/watch/live/{channel}") for channel in _demo_channels(keys)]
        rows.append(("pages", f"{base}/"))
        rows.append(("operator", f"{base}/operator  (token: {plan.home.admin_token_file})"))
    if edge:
        rows.append(("edge", edge.url("localhost")))
    if origin := plan.door("origin"):
        rows.append(("origin", origin.url("localhost")))
    if rtmp:
        taken = _demo_channels(keys) if "demo" in plan.roles else ()
        free = {channel: key for channel, key in keys.items() if channel not in taken}
        rows += _publish_rows(rtmp, free, ours="control" in plan.roles)
        rows += [("", door.url("localhost") + _REST[door.name]) for door in plan.further().values()]
    if ops := plan.door("ops"):
        rows.append(("ops", f"{ops.url('localhost')}/status"))
    rows.append(("home", str(plan.home.root)))
    reachable = [door.name for door in plan.doors if door.for_all]
    if lan and reachable:
        rows.append(("network", f"other machines: {lan} instead of localhost ({', '.join(reachable)})"))
    return [*columns(rows), "", "Ctrl-C stops."]


def _publish_rows(rtmp: Door, keys: Mapping[str, str], *, ours: bool) -> list[tuple[str, str]]:
    url = rtmp.url("localhost") + RTMP_APP
    found = [("publish", f"{url}  channel {channel}, stream key {key}") for channel, key in sorted(keys.items())]
    if not found and ours:
        found.append(("publish", f"{url}  (a channel and its key: headwater channel create NAME)"))
    return found or [("publish", url)]


def _demo_channels(keys: Mapping[str, str]) -> Sequence[str]:
    return [channel for channel in sorted(keys) if channel.startswith("demo")] or ["demo"]


def _url(door: Door | None) -> str | None:
    return door.url() if door else None
