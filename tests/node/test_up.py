"""`headwater up` with the product's own roles, and how its command line becomes a plan."""

import argparse
import asyncio
import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from node import up
from node.home import Home
from node.settings import SettingsFault
from tests.node.conftest import free_port_base, headwater, until_gone


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    up.options(parser)
    return parser.parse_args(words)


async def status_of(url: str) -> int:
    def get() -> int:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)

    return await asyncio.to_thread(get)


async def test_a_box_starts_survives_deaths_and_ends(appliances: Any, home: Home) -> None:
    base = free_port_base()
    box = await appliances("--json", base=base, real=True)
    ready = await box.ready()
    assert (ready["edge"], ready["rtmp"]) == (f"http://127.0.0.1:{base}", f"rtmp://127.0.0.1:{base + 2}")
    assert ready["admin_token"] == home.admin_token_file.read_text().strip()
    assert await status_of(ready["control"] + "/") == 200
    assert await status_of(ready["ops"] + "/healthz") == 200

    second = await appliances("--json", base=base, real=True)
    assert await second.ends() == 2
    assert "already" in second.said[-1]

    code, out, _ = await headwater("channel", "create", "news", "--home", str(home.root), "--json")
    assert code == 0
    made = json.loads(out)
    assert up.stream_keys(home)["news"] == made["publish"]["key"]
    assert made["publish"]["url"] == ready["rtmp"] + "/live"
    assert made["publish"]["whip"].endswith("/whip/news")

    for name in ("origin-0", "edge-0"):
        os.kill(box.role_pids()[name], signal.SIGKILL)
        await box.says(f"{name.removesuffix('-0')} died (signal 9 (SIGKILL)), restarting")
    async with asyncio.timeout(30):
        while (await headwater("status", "--home", str(home.root)))[0] != 0:
            pass

    pids = list(box.role_pids().values())
    box.gets(signal.SIGKILL)
    again = await appliances("--json", base=base, real=True)
    assert (await again.ready())["admin_token"] == ready["admin_token"]
    await until_gone(pids, within_s=0.5)
    assert up.stream_keys(home)["news"] == made["publish"]["key"], "nothing is lost"

    began = time.monotonic()
    again.gets(signal.SIGTERM)
    assert await again.ends() == 0
    assert time.monotonic() - began < 5
    said = "\n".join([*box.said, *again.said, *again.printed[1:]])
    assert ready["admin_token"] not in said and made["publish"]["key"] not in said
    for log in home.logs.iterdir():
        text = log.read_text()
        assert ready["admin_token"] not in text and made["publish"]["key"] not in text, log.name


async def test_an_edge_alone_serves_from_an_origin_elsewhere(appliances: Any, short_path: Path) -> None:
    origin_base, edge_base = free_port_base(), 0
    where = f"127.0.0.1:{origin_base}"
    origin = await appliances("--json", "--role", "origin", "--listen", where, base=origin_base, real=True)
    assert (await origin.ready())["origin"] == f"http://{where}"
    edge_base = free_port_base()
    edge = await appliances(
        *("--json", "--role", "edge", "--upstream", f"http://{where}", "--listen", f"127.0.0.1:{edge_base}"),
        base=edge_base,
        at=Home(short_path / "edge"),
        real=True,
    )
    ready = await edge.ready()
    assert (ready["edge"], ready["control"], ready["admin_token"]) == (f"http://127.0.0.1:{edge_base}", None, None)
    with pytest.raises(urllib.error.HTTPError) as refused:
        await status_of(ready["edge"] + "/vod/nothing/multivariant.m3u8")
    assert refused.value.code == 404, "the origin's answer, through the edge"
    refused.value.close()


def test_the_command_line_and_the_file_become_one_plan(tmp_path: Path, home: Home) -> None:
    config = tmp_path / "s.toml"
    config.write_text('[edge]\nworkers = 3\nmemory = "64M"\n')
    plan = up.make_plan(given("--config", str(config), "--set", "edge.workers=1", "--demo"), home)
    assert plan.roles == ("origin", "control", "ingest", "edge", "demo")
    assert (plan.settings.number("edge.workers"), plan.settings.text("edge.memory")) == (1, "64M")
    assert plan.settings.flag("control.demo")
    assert "control.demo=1" in plan.specs[1].arguments


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "edge.wrokers=1"], "did you mean edge.workers"),
        (["--role", "edge"], "--role edge needs the origin"),
        (["--listen", "0.0.0.0:80"], "give it together with one --role"),
        (["--role", "origin", "--demo"], "--role demo needs the ingest"),
    ],
)
def test_a_command_line_that_cannot_work_is_refused(words: list[str], sentence: str, home: Home) -> None:
    with pytest.raises(SettingsFault, match=sentence):
        up.make_plan(given(*words), home)


def test_stream_keys_that_cannot_be_read_are_none(home: Home) -> None:
    assert up.stream_keys(home) == {}
    for text in ("", "{", "[]", "null"):
        (home.secrets / "stream-keys.json").write_text(text)
        assert up.stream_keys(home) == {}
