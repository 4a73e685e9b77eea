"""Is an address free, and if not, who listens there: asked before roles start, so that the answer names the culprit."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp (proc_net_tcp.txt in the kernel's documentation)


def fault_at(host: str, port: int, *, udp: bool = False) -> str | None:
    """Why nobody can listen on host:port now, or None if one can.

    SO_REUSEPORT stays off, so that a port which another appliance's edge shares among its workers counts as taken.
    """
    sort = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=sort)[0]
    except socket.gaierror as fault:
        return f"cannot listen on {host}:{port}: {host} is no address of this machine ({fault.strerror})"
    with socket.socket(family, kind, proto) as probe:
        if not udp:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            if not udp:
                probe.listen(1)
        except OSError as fault:
            by = f" by {who}" if (who := who_listens(port, udp=udp)) else ""
            return f"cannot listen on {host}:{port}: {os.strerror(fault.errno or 0).lower()}{by}"
    return None


def who_listens(port: int, *, udp: bool = False) -> str:
    """`nginx (pid 812)`, or an empty text if it cannot be known (another user's process)."""
    inodes = {
        f"socket:[{fields[9]}]"
        for table in (("udp", "udp6") if udp else ("tcp", "tcp6"))
        for fields in _rows(Path(f"/proc/net/{table}"))
        if (udp or fields[3] == _LISTENING) and int(fields[1].rpartition(":")[2], 16) == port
    }
    if not inodes:
        return ""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and inodes & _open_files(process):
            return f"{_called(process)} (pid {process.name})"
    return ""


def lan_address() -> str:
    """This machine's address towards the world, empty if it has none. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737): routed like any far address
        except OSError:
            return ""
        address = str(probe.getsockname()[0])
    return "" if address.startswith(("127.", "0.")) else address


def _rows(table: Path) -> list[list[str]]:
    try:
        return [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []


def _open_files(process: Path) -> set[str]:
    found = set()
    try:
        for entry in os.scandir(process / "fd"):
            found.add(os.readlink(entry.path))
    except OSError:
        pass  # ended meanwhile, or another user's
    return found


def _called(process: Path) -> str:
    """A Python module by its name, anything else by the name of its program."""
    try:
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        if module := re.search(r" -m ([\w.]+)", command):
            return f"python -m {module[1]}"
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"
