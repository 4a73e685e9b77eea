"""Who runs in a home."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from node import running
from node.home import Home
from node.running import Held, Lock, Running


def note(by: int, **role: object) -> Running:
    return Running(pid=by, port_base=0, urls={"ops": "http://127.0.0.1:1"}, roles=[role] if role else [])


def test_nobody_runs_in_a_new_folder(tmp_path: Path) -> None:
    assert running.find(Home(tmp_path / "none")) is None
    assert not (tmp_path / "none").exists(), "looking must not make a home"


def test_an_appliance_is_found_while_it_holds_the_lock(home: Home) -> None:
    note(os.getpid()).write(home)
    assert running.find(home) is None, "what a killed supervisor wrote is stale"
    lock = Lock(running.supervisor_lock(home))
    found = running.find(home)
    assert found is not None and found.urls == {"ops": "http://127.0.0.1:1"}
    lock.release()
    assert running.find(home) is None
    running.forget(home)
    running.forget(home)
    assert running.read(home) is None


def test_a_lock_has_one_holder(home: Home) -> None:
    lock = Lock(running.supervisor_lock(home))
    with pytest.raises(Held):
        Lock(running.supervisor_lock(home))
    lock.release()
    Lock(running.supervisor_lock(home)).release()


async def test_a_lock_is_held_by_the_children_that_inherited_it(home: Home) -> None:
    lock = Lock(running.roles_lock(home))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; sys.stdin.read()", stdin=asyncio.subprocess.PIPE, pass_fds=(lock.fd,)
    )
    lock.release()
    with pytest.raises(Held):
        Lock(running.roles_lock(home))
    assert child.stdin
    child.stdin.close()
    await child.wait()
    Lock(running.roles_lock(home)).release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid":1,"port_base":0,"urls":{},"more":1}'])
def test_a_damaged_note_says_nothing(home: Home, text: str) -> None:
    (home.state / "running.json").write_text(text)
    assert running.read(home) is None


async def test_only_roles_of_this_home_are_left_behind(home: Home) -> None:
    """A pid may belong to somebody else by now."""
    note(1, role="edge", worker=0, pid=os.getpid()).write(home)
    assert running.left_behind(home) == []
    words = ["-c", "import sys; sys.stdin.read()", "--home", str(home.root), "--worker", "0"]
    child = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=asyncio.subprocess.PIPE)
    note(1, role="edge", worker=0, pid=child.pid).write(home)
    try:
        async with asyncio.timeout(5):  # until exec has happened
            while running.left_behind(home) != [child.pid]:
                await asyncio.sleep(0.01)
    finally:
        child.kill()
        await child.wait()
    assert running.left_behind(home) == []
