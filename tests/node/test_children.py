"""A child process: its log, its end, and what becomes of it without a supervisor."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from node.children import Child, command
from tests.node.conftest import until_gone


async def start(tmp_path: Path, code: str, lines: list[str] | None = None, keep_open: tuple[int, ...] = ()) -> Child:
    return await Child.start(
        [sys.executable, "-c", code],
        tmp_path / "role-0.log",
        on_line=lines.append if lines is not None else None,
        keep_open=keep_open,
    )


async def test_both_streams_are_kept_to_the_last_line(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr, flush=True); sys.exit(3)"
    child = await start(tmp_path, code, lines)
    assert await child.wait() == 3
    assert lines == child.tail == ["out", "err"]
    assert (tmp_path / "role-0.log").read_text() == "out\nerr\n"


async def test_a_megabyte_of_log_is_not_lost(tmp_path: Path) -> None:
    child = await start(
        tmp_path, "import sys; sys.stdout.write('x' * 99 + '\\n'); sys.stdout.write(('y' * 99 + '\\n') * 20000)"
    )
    await child.wait()
    assert (tmp_path / "role-0.log").stat().st_size == 100 * 20001


async def test_a_signal_is_told_by_its_number(tmp_path: Path) -> None:
    child = await start(tmp_path, "import time; time.sleep(60)")
    assert child.alive
    child.signal(signal.SIGKILL)
    assert await child.wait() == -9
    assert not child.alive
    child.signal(signal.SIGKILL)  # too late: nothing happens


async def test_a_child_that_left_a_process_behind_has_ended(tmp_path: Path) -> None:
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True)"
    child = await start(tmp_path, code)
    try:
        async with asyncio.timeout(5):
            assert await child.wait() == 0
    finally:
        os.kill(int(child.tail[0]), signal.SIGKILL)


async def test_a_child_stands_in_a_group_of_its_own_and_inherits_nothing_else(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as kept, (tmp_path / "other").open("w") as other:
        code = "import os; print(os.getpgid(0) == os.getpid(), sorted(int(fd) for fd in os.listdir('/proc/self/fd')))"
        child = await start(tmp_path, code, keep_open=(kept.fileno(),))
        await child.wait()
        group, _, files = child.tail[0].partition(" ")
        assert group == "True"
        assert set(eval(files)) >= {0, 1, 2, kept.fileno()}
        assert other.fileno() not in eval(files)


async def test_its_standard_input_ends_with_the_supervisor(tmp_path: Path) -> None:
    """The supervisor is killed; its child notices, though nobody told it."""
    code = f"""
import asyncio, sys
from pathlib import Path
from node.children import Child

async def main():
    child = await Child.start([sys.executable, "-c", "import sys; sys.stdin.read()"], Path({str(tmp_path / "log")!r}))
    print(child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert supervisor.stdout
    pid = int(await supervisor.stdout.readline())
    os.kill(pid, 0)
    supervisor.kill()
    await supervisor.wait()
    await until_gone([pid], within_s=5)


async def test_what_cannot_be_spawned_is_an_oserror(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        await Child.start([str(tmp_path / "nothing")], tmp_path / "log")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= before + 1


async def test_a_folder_where_the_operator_stands_is_not_our_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edge.py").write_text("print('not ours')")
    monkeypatch.chdir(tmp_path)
    child = await Child.start(command("edge", ["--help"]), tmp_path / "log")
    await child.wait()
    assert "not ours" not in child.tail
