"""An appliance of small roles, as an operator meets it: what it says, what it survives, how it ends."""

import asyncio
import json
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from node import running
from node.home import PORTS, Home
from tests.node.conftest import free_port_base, until_gone

# Three processes do where the roles do not matter: starting one is what takes the time here.
SMALL = ("--json", "--role", "origin", "--role", "edge", "--set", "edge.workers=2")
SMALL_ROLES = {"origin-0", "pictures-0", "edge-0", "edge-1"}


async def fetch(url: str) -> Any:
    def get() -> Any:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.loads(answer.read())

    return await asyncio.to_thread(get)


async def test_the_ready_line_says_where_everything_is(appliances: Any, home: Home) -> None:
    base = free_port_base()
    box = await appliances("--json", base=base)
    assert await box.ready() == {
        "ready": True,
        "edge": f"http://127.0.0.1:{base}",
        "control": f"http://127.0.0.1:{base + 1}",
        "rtmp": f"rtmp://127.0.0.1:{base + 2}",
        "ops": f"http://127.0.0.1:{base + 3}",
        "home": str(home.root),
        "admin_token": "a" * 32,
        "pid": box.process.pid,
    }
    for url in (f"http://127.0.0.1:{base}", f"http://127.0.0.1:{base + 1}", f"http://127.0.0.1:{base + 3}"):
        assert (await fetch(f"{url}/healthz"))["state"] == "ok"
    began = time.monotonic()
    box.gets(signal.SIGTERM)
    assert await box.ends() == 0
    assert time.monotonic() - began < 5
    assert box.said[-2:] == ["stopping", "stopped"]
    assert len(box.printed) == 1, "one JSON line on standard output, everything else on standard error"
    assert running.find(home) is None and not (home.state / "running.json").exists()


async def test_people_see_progress_and_a_table(appliances: Any, home: Home) -> None:
    box = await appliances()
    await box.says("Ctrl-C stops")
    text = "\n".join(box.printed)
    for words in ("origin ready", "edge ready", "/live  channel studio, stream key k-e-y", str(home.root)):
        assert words in text
    box.gets(signal.SIGINT)
    assert await box.ends() == 0
    assert "Traceback" not in "\n".join(box.said + box.printed)


async def test_ingest_ends_before_the_origin(appliances: Any, home: Home) -> None:
    box = await appliances("--json", "--demo")
    await box.ready()
    box.gets(signal.SIGTERM)
    await box.ends()
    ended = (home.data / "ended").read_text().split()
    assert sorted(ended) == sorted(["demo", "ingest", "control", "edge", "remux", "pictures", "origin"])
    assert (ended[0], ended[-1]) == ("demo", "origin")


async def test_a_role_that_hangs_is_killed_within_five_seconds(appliances: Any) -> None:
    box = await appliances(*SMALL, manners={"origin": "hangs"})
    await box.ready()
    pids = list(box.role_pids().values())
    began = time.monotonic()
    box.gets(signal.SIGTERM)
    assert await box.ends() == 0
    assert time.monotonic() - began < 5
    await until_gone(pids, within_s=1)


async def test_a_second_ctrl_c_ends_it_at_once(appliances: Any) -> None:
    box = await appliances(*SMALL, "--set", "drain.seconds=60", manners={"origin": "hangs"})
    await box.ready()
    edge = box.role_pids()["edge-0"]
    box.gets(signal.SIGINT)
    box.gets(signal.SIGINT)  # as timeout(1) does: still the first wish
    await until_gone([edge])
    assert "stopping at once" not in box.said
    async with asyncio.timeout(5):
        while "stopping at once" not in box.said:
            box.gets(signal.SIGINT)
            await asyncio.sleep(0.1)
    assert await box.ends(within_s=2) == 1


async def test_a_role_that_is_killed_comes_back_and_it_is_said_and_counted(appliances: Any) -> None:
    box = await appliances(*SMALL)
    ops = (await box.ready())["ops"]
    before = box.role_pids()
    os.kill(before["edge-1"], signal.SIGKILL)
    await box.says("edge-1 died (signal 9 (SIGKILL)), restarting in 0.2 s")
    async with asyncio.timeout(15):
        while [line for line in box.said if "edge-1 ready" in line][1:] == []:
            await asyncio.sleep(0.02)
    after = box.role_pids()
    assert {name for name in SMALL_ROLES if before[name] != after[name]} == {"edge-1"}
    roles = {role["name"]: role for role in (await fetch(f"{ops}/status"))["roles"]}
    assert (roles["edge-1"]["restarts"], roles["edge-1"]["state"]) == (1, "ready")
    assert roles["edge-0"]["restarts"] == 0


async def test_a_killed_supervisor_takes_its_roles_along_and_a_new_start_works(appliances: Any) -> None:
    base = free_port_base()
    box = await appliances(*SMALL, base=base)
    await box.ready()
    pids = list(box.role_pids().values())
    box.gets(signal.SIGKILL)
    again = await appliances(*SMALL, base=base)
    assert (await again.ready())["edge"] == f"http://127.0.0.1:{base}"
    await until_gone(pids, within_s=0.5)
    assert set(again.role_pids()) == SMALL_ROLES


async def test_roles_that_a_killed_supervisor_left_hanging_are_killed(appliances: Any) -> None:
    base = free_port_base()
    box = await appliances("--json", "--role", "origin", base=base, manners={"origin": "hangs"})
    await box.ready()
    left = box.role_pids()["origin-0"]
    box.gets(signal.SIGKILL)
    again = await appliances("--json", "--role", "origin", "--set", "drain.seconds=0", base=base)
    await again.says(f"killing process {left}")
    await again.ready()


async def test_a_kill_of_everything_is_followed_by_a_clean_start(appliances: Any) -> None:
    base = free_port_base()
    box = await appliances(*SMALL, base=base)
    await box.ready()
    box.gets(signal.SIGKILL)
    for pid in box.role_pids().values():
        os.kill(pid, signal.SIGKILL)
    again = await appliances(*SMALL, base=base)
    assert (await again.ready())["ready"] is True


async def test_a_taken_port_of_a_further_protocol_is_named_before_anything_starts(appliances: Any) -> None:
    base = free_port_base()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", base + PORTS["srt"].offset))
        box = await appliances("--json", base=base)
        assert await box.ends() == 2
    assert f"(pid {os.getpid()})" in box.said[-1] and "switch off ingest.srt" in box.said[-1]
    assert not [line for line in box.said if " ready " in line]


async def test_a_second_start_in_the_same_home_is_refused(appliances: Any, home: Home) -> None:
    box = await appliances("--json", "--role", "origin")
    await box.ready()
    second = await appliances("--json", "--role", "origin")
    assert await second.ends() == 2
    assert f"an appliance runs in {home.root} already" in second.said[-1]
    assert f"kill {box.process.pid}" in second.said[-1]
    assert running.find(home) is not None


async def test_two_homes_run_side_by_side(appliances: Any, short_path: Path) -> None:
    one = await appliances("--json", "--role", "origin", base=free_port_base())
    await one.ready()
    other = await appliances("--json", "--role", "origin", base=free_port_base(), at=Home(short_path / "other"))
    ready = await other.ready()
    assert ready["home"] == str(short_path / "other")
    assert ready["edge"] is None and ready["admin_token"] is None


async def test_a_taken_port_is_named_with_who_has_it(appliances: Any) -> None:
    base = free_port_base()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base + 1))
        taken.listen()
        box = await appliances("--json", base=base)
        assert await box.ends() == 2
    assert f"control: cannot listen on 0.0.0.0:{base + 1}: address already in use by" in box.said[-1]
    assert f"(pid {os.getpid()})" in box.said[-1]
    assert "--port-base N" in box.said[-1]
    assert box.printed == []


async def test_a_role_that_cannot_use_what_it_is_given_ends_the_start(appliances: Any) -> None:
    box = await appliances("--json", "--role", "origin", manners={"origin": "unusable"})
    assert await box.ends(within_s=20) == 2
    assert box.said[-1] == "headwater: origin: cannot use disk 7"
    assert not [line for line in box.said if "restarting" in line]


async def test_a_role_that_breaks_at_start_is_tried_three_times_and_its_last_lines_are_shown(appliances: Any) -> None:
    box = await appliances("--json", "--role", "origin", manners={"origin": "crashes"})
    assert await box.ends(within_s=25) == 2
    assert len([line for line in box.said if "restarting in" in line]) == 2
    assert "origin cannot be started (exit code 1). It said last:" in "\n".join(box.said)
    assert box.said[-1].strip() == "RuntimeError: no such luck"


async def test_a_stop_while_it_starts_is_a_clean_end(appliances: Any) -> None:
    box = await appliances("--json", "--role", "origin")
    await box.says("starting")
    async with asyncio.timeout(10):
        while not (box.home.state / "running.json").exists():
            await asyncio.sleep(0.01)
    box.gets(signal.SIGTERM)
    assert await box.ends() == 0
    assert box.printed == []


async def test_the_terminals_ctrl_c_does_not_reach_the_roles(appliances: Any) -> None:
    """A terminal signals the foreground process group: the roles are in groups of their own."""
    box = await appliances(*SMALL)
    await box.ready()
    groups = {os.getpgid(pid) for pid in box.role_pids().values()}
    assert os.getpgid(box.process.pid) not in groups
    assert len(groups) == len(SMALL_ROLES)


@pytest.mark.parametrize("flag", ["--verbose"])
async def test_verbose_shows_the_roles_logs(appliances: Any, flag: str) -> None:
    box = await appliances("--json", "--role", "origin", flag, manners={"origin": "unusable"})
    await box.ends(within_s=20)
    assert any(line.startswith('origin: {"role": "origin"') for line in box.said)
