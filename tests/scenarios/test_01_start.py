"""An appliance starts, says where it is, and stops."""

import subprocess
import time
import urllib.request

from tests.kit.appliance import COMMAND, Appliance


def test_it_starts_answers_everywhere_and_stops() -> None:
    with Appliance() as box:
        assert set(box.url) >= {"edge", "control", "rtmp", "ops"}
        assert box.ask("ops", "/healthz")["state"] == "ok"
        with urllib.request.urlopen(box.url["control"] + "/") as page:
            assert b"<html" in page.read().lower()
        token = box.token
        assert box.command("version")["version"]
        began = time.monotonic()
        assert box.stop() == 0
        assert time.monotonic() - began < 6

        took = []
        while min(took, default=9) >= 5 and len(took) < 3:  # a machine that is busy with something else may try again
            box.stop()
            began = time.monotonic()
            box.start()
            took.append(time.monotonic() - began)
        assert min(took) < 5, f"a second start answers within 5 s, not {took}"
        assert box.token == token


def test_a_second_appliance_in_the_same_home_is_refused(box: Appliance) -> None:
    done = subprocess.run(
        [str(COMMAND), "up", "--home", str(box.home), f"--port-base={box.port_base + 100}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "runs in" in done.stderr and "another --home" in done.stderr


def test_no_secret_reaches_a_log(box: Appliance) -> None:
    made = box.command("channel", "create", "secretive")
    key = made["publish"]["key"]
    logs = "".join(path.read_text(errors="replace") for path in (box.home / "logs").glob("*"))
    assert logs
    assert key not in logs and box.token not in logs


def test_an_appliance_whose_supervisor_was_killed_starts_again() -> None:
    with Appliance() as box:
        assert box.process is not None
        box.process.kill()
        box.process.wait()
        box.process = None
        box.start()
        assert box.ask("ops", "/healthz")["state"] == "ok"
