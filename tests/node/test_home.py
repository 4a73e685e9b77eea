"""The home folder, its sockets and the ports table."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from node.home import PORTS, Home, port_number


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_and_sockets_are_for_the_owner_only(short_path: Path) -> None:
    home = Home(short_path / "home")
    old = os.umask(0)
    try:
        home.make()
        home.make()
    finally:
        os.umask(old)
    assert mode(home.secrets) == mode(home.run) == 0o700
    assert home.socket("origin", door="media") == short_path / "home" / "run" / "origin-media.sock"
    assert home.socket("edge", 3).name == "edge-3.sock"


def test_a_home_that_is_open_to_others_is_closed_again(short_path: Path) -> None:
    home = Home(short_path / "home")
    home.make()
    home.secrets.chmod(0o755)
    home.make()
    assert mode(home.secrets) == 0o700


def test_a_path_too_long_for_a_socket_moves_the_sockets_only(short_path: Path) -> None:
    """unix(7): sun_path holds 108 bytes."""
    home, other = Home(short_path / ("long" * 40)), Home(short_path / ("gone" * 40))
    home.make()
    try:
        longest = home.socket("control", door="node")
        assert len(os.fsencode(longest)) < 104
        assert home.run != other.run, "two homes never share sockets"
        assert home.secrets.is_relative_to(home.root)
        assert mode(home.run) == 0o700
    finally:
        shutil.rmtree(home.run)


@pytest.mark.parametrize("length", range(60, 110, 7))
def test_every_socket_path_can_be_bound(length: int) -> None:
    root = "/tmp/" + "é" * 3 + "x" * length
    assert len(os.fsencode(Home(Path(root)).socket("control", door="node"))) <= 104


def test_ports_count_from_the_base() -> None:
    based = {name: port_number(name, 9000) for name in PORTS}
    assert based | {"edge": 9000, "control": 9001, "rtmp": 9002, "ops": 9003} == based
    assert port_number("rtmp", 0) == 1935
    assert PORTS["ops"].bind == "127.0.0.1", "operations are for this machine"
    for column in ("offset", "default"):
        numbers = [getattr(row, column) for row in PORTS.values()]
        assert len(set(numbers)) == len(numbers)
