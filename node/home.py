"""Where an appliance keeps things, and on which ports and sockets its roles meet."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

# sun_path holds 108 bytes with its closing zero (unix(7)).
_LONGEST_SOCKET = 100


@dataclass(frozen=True, slots=True)
class Port:
    """One row of the ports table. `default` is used when no --port-base is given, `offset` counts from the base."""

    name: str
    default: int
    offset: int
    scheme: str
    bind: str
    what: str


PORTS: dict[str, Port] = {
    port.name: port
    for port in (
        Port("edge", 8080, 0, "http", "0.0.0.0", "viewers: playlists, manifests, segments"),
        Port("control", 8081, 1, "http", "0.0.0.0", "watch and operator pages, admin API"),
        Port("rtmp", 1935, 2, "rtmp", "0.0.0.0", "encoders: RTMP publish"),
        Port("rtmps", 1936, 9, "rtmps", "0.0.0.0", "encoders: RTMP publish over TLS, where it has a certificate"),
        Port("srt", 9000, 6, "srt", "0.0.0.0", "encoders: SRT publish, UDP"),
        Port("push", 8085, 5, "http", "0.0.0.0", "encoders: CMAF, DASH and HLS push"),
        Port("whip", 8087, 7, "http", "0.0.0.0", "encoders and browsers: WHIP offers"),
        Port("whip-media", 8088, 8, "udp", "0.0.0.0", "encoders and browsers: WHIP media (ICE, DTLS-SRTP), UDP"),
        Port("ops", 8083, 3, "http", "127.0.0.1", "this node: health and Prometheus metrics of all its roles"),
    )
}


def port_number(name: str, port_base: int) -> int:
    """The TCP port of one row; port_base 0 means the defaults."""
    row = PORTS[name]
    return port_base + row.offset if port_base else row.default


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds all state of one appliance. Nothing is written outside of it and the socket folder."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Sockets. In the home folder unless its path is too long for a unix socket."""
        inside = self.root / "run"
        if len(os.fsencode(inside)) + len("/control-node.sock") <= _LONGEST_SOCKET:
            return inside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"headwater-{os.getuid()}-{digest}"

    @property
    def admin_token_file(self) -> Path:
        return self.secrets / "admin-token"

    def socket(self, role: str, worker: int = 0, *, door: str = "") -> Path:
        """`{role}-{worker}.sock` is a role's own rim (health, metrics); `door` names a further one."""
        return self.run / (f"{role}-{door}.sock" if door else f"{role}-{worker}.sock")

    def make(self) -> None:
        for folder in (self.root, self.data, self.state, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        for private in (self.secrets, self.run):
            private.mkdir(parents=True, exist_ok=True, mode=0o700)
            if private.stat().st_uid != os.getuid():
                raise PermissionError(f"{private} belongs to another user: remove it or choose another --home")
            private.chmod(0o700)
