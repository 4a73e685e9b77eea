"""What a supervisor is to run: the roles table and the settings in, process specs and doors out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from node.home import PORTS, Home, port_number
from node.settings import Settings, SettingsFault, listen_address, workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One row of the roles table.

    `listen`, `upstream`, `workers`: the settings that --listen, --upstream and --workers stand for; `port`: its row in
    the ports table. `peers`: roles that it needs, and the setting that names one on another box instead.
    `beside`: it is started wherever that role is, unless the setting `on` is false; nobody asks for it by name.
    """

    name: str
    module: str
    listen: str = ""
    port: str = ""
    upstream: str = ""
    workers: str = ""
    peers: tuple[tuple[str, str], ...] = ()
    beside: str = ""
    on: str = ""


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role(name="origin", module="origin", listen="origin.listen", workers="origin.workers"),
        Role(
            name="control",
            module="control",
            listen="control.listen",
            port="control",
            upstream="control.origin",
            peers=(("origin", "control.origin"),),
        ),
        Role(
            name="ingest",
            module="ingest",
            listen="ingest.rtmp_listen",
            port="rtmp",
            upstream="ingest.origin",
            peers=(("origin", "ingest.origin"),),
        ),
        Role(
            name="edge",
            module="edge",
            listen="edge.listen",
            port="edge",
            upstream="edge.upstream",
            workers="edge.workers",
            peers=(("origin", "edge.upstream"),),
        ),
        Role(name="pictures", module="ingest.pictures", beside="origin", on="pictures.on"),
        Role(name="remux", module="ingest.remux", beside="control", on="remux.on"),
        Role(name="demo", module="ingest.demo", peers=(("ingest", ""), ("control", ""))),
    )
}
# Rows of the ports table, where else each listens, and what switches it on.
_FURTHER = (
    ("rtmps", "ingest.rtmps_listen", "ingest.rtmps_certificate"),
    ("srt", "ingest.srt_listen", "ingest.srt"),
    ("whip", "ingest.whip_listen", "ingest.whip"),
    ("push", "ingest.push_listen", "ingest.push"),
)
FULL = ("origin", "control", "ingest", "edge")
BY_NAME = tuple(role.name for role in ROLES.values() if not role.beside and role.name != "demo")
SHORTHAND = ("listen", "upstream", "workers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A listener that people or other machines use. `name`: edge, control, rtmp, ops or origin."""

    name: str
    role: str
    scheme: str
    address: tuple[str, int] | Path

    def url(self, host: str = "127.0.0.1") -> str:
        """`host` stands in where the listener takes any address."""
        if isinstance(self.address, Path):
            return f"unix:{self.address}"
        bound, port = self.address
        shown = (
            host if bound in ("0.0.0.0", "::", "127.0.0.1", "localhost") else f"[{bound}]" if ":" in bound else bound
        )
        return f"{self.scheme}://{shown}:{port}"

    @property
    def near(self) -> tuple[str, int] | Path:
        """Where a process of this machine reaches it."""
        if isinstance(self.address, Path):
            return self.address
        host, port = self.address
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port

    @property
    def for_all(self) -> bool:
        """True if other machines reach it."""
        return not isinstance(self.address, Path) and self.address[0] in ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One process. `alone`: its role has no other worker."""

    role: str
    worker: int
    module: str
    alone: bool
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`roles`: those that were asked for; `specs` has their companions too."""

    home: Home
    settings: Settings
    port_base: int
    specs: tuple[Spec, ...]
    doors: tuple[Door, ...]
    roles: tuple[str, ...] = field(default=())

    def door(self, name: str) -> Door | None:
        return next((door for door in self.doors if door.name == name), None)

    def further(self) -> dict[str, Door]:
        """Listeners of ingest beside its first, by the setting that switches each off."""
        found = {}
        for port, listen, on in _FURTHER if "ingest" in self.roles else ():
            if self.settings.text(on) not in ("", "False"):
                address = _address(self.settings.text(listen), port, self.port_base)
                found[on] = Door(name=port, role="ingest", scheme=PORTS[port].scheme, address=address)
        return found


def shorthand(names: Sequence[str], given: Mapping[str, str | None], table: Mapping[str, Role] = ROLES) -> list[str]:
    """`--listen`, `--upstream`, `--workers` of `up --role R` as NAME=VALUE of that role. Raises SettingsFault."""
    found = []
    for flag, value in given.items():
        if value is None:
            continue
        if len(names) != 1:
            raise SettingsFault([f"--{flag}: give it together with one --role, or use --set NAME=VALUE"])
        setting = str(getattr(table[names[0]], flag))
        if not setting:
            raise SettingsFault([f"--{flag}: {names[0]} has no such setting"])
        found.append(f"{setting}={value}")
    return found


def make(
    home: Home,
    names: Sequence[str],
    settings: Settings,
    *,
    port_base: int = 0,
    config: Path | None = None,
    overrides: Sequence[str] = (),
    table: Mapping[str, Role] = ROLES,
) -> Plan:
    """`settings` are those of `config` with the `overrides` (NAME=VALUE) in force.

    Raises SettingsFault: a role that cannot work alone here, or ports past 65535.
    """
    faults = _faults(names, settings, port_base, table)
    if faults:
        raise SettingsFault(faults)
    common = ["--home", str(home.root), "--port-base", str(port_base)]
    if config is not None:
        common += ["--config", str(config.absolute())]
    for override in overrides:
        common += ["--set", override]
    specs = [
        Spec(
            role=name,
            worker=worker,
            module=table[name].module,
            alone=count == 1,
            arguments=(*common, "--worker", str(worker)),
        )
        for name in with_companions(names, settings, table)
        for count in [_count(table[name], settings)]
        for worker in range(count)
    ]
    doors = [door for name in names if (door := _door(table[name], settings, port_base))]
    ops = PORTS["ops"]
    doors.append(Door(name="ops", role="supervisor", scheme="http", address=(ops.bind, port_number("ops", port_base))))
    return Plan(
        home=home, settings=settings, port_base=port_base, specs=tuple(specs), doors=tuple(doors), roles=tuple(names)
    )


def with_companions(names: Sequence[str], settings: Settings, table: Mapping[str, Role] = ROLES) -> list[str]:
    """The roles that were asked for, and behind each those that are started beside it."""
    found: list[str] = []
    for name in names:
        beside = [role for role in table.values() if role.beside == name and settings.flag(role.on)]
        found += [name, *(role.name for role in beside)]
    return list(dict.fromkeys(found))


def _faults(names: Sequence[str], settings: Settings, port_base: int, table: Mapping[str, Role]) -> list[str]:
    highest = 65535 - max(row.offset for row in PORTS.values())
    found = []
    if port_base and not 1 <= port_base <= highest:
        found.append(f"--port-base: give a number from 1 to {highest}, not {port_base}")
    for name in names:
        for peer, setting in table[name].peers:
            if peer in names or (setting and settings.text(setting)):
                continue
            instead = f", or say where it is: --set {setting}=http://HOST:PORT" if setting else ""
            found.append(f"--role {name} needs the {peer}: add --role {peer}{instead}")
        door = _door(table[name], settings, port_base)
        if _count(table[name], settings) > 1 and (door is None or isinstance(door.address, Path)):
            role = table[name]
            found.append(f"{role.workers}: several workers share {role.listen}: give that as HOST:PORT, or 1 worker")
    return found


def _count(role: Role, settings: Settings) -> int:
    return workers(settings, role.workers) if role.workers else 1


def _door(role: Role, settings: Settings, port_base: int) -> Door | None:
    text = settings.text(role.listen) if role.listen else ""
    if not text and not role.port:
        return None
    scheme = PORTS[role.port].scheme if role.port else "http"
    name = role.port or role.name
    return Door(name=name, role=role.name, scheme=scheme, address=_address(text, role.port, port_base))


def _address(text: str, port: str, port_base: int) -> tuple[str, int] | Path:
    """Where a setting says, or the ports table if it says nothing."""
    if not text:
        return PORTS[port].bind, port_number(port, port_base)
    found = listen_address(text)
    return Path(found) if isinstance(found, str) else found
