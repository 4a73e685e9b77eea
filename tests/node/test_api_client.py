"""Control's API from the command line: what is sent, and what a refusal becomes."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from node import api_client, running
from node.api_client import Api
from node.command import Fault
from node.home import Home

TOKEN = "t" * 32


class Server(BaseHTTPRequestHandler):
    """Answers what `said` of its server holds, and notes what came."""

    server: Any

    def _answer(self) -> None:
        status, fields, body, read_all = self.server.said
        length = int(self.headers.get("Content-Length", 0))
        size = len(self.rfile.read(length)) if read_all else 0
        self.server.came.append((self.command, self.path, dict(self.headers), size))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if not read_all:
            self.close_connection = True

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    made.came, made.said = [], (200, {}, b"{}", True)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def api(server: Any) -> Api:
    return Api(f"http://127.0.0.1:{server.server_address[1]}", TOKEN)


def test_every_call_shows_the_token(server: Any, api: Api) -> None:
    server.said = (200, {}, b'{"channels": []}', True)
    assert api.get("/api/v1/channels") == {"channels": []}
    (method, path, fields, _) = server.came[0]
    assert (method, path, fields["Authorization"]) == ("GET", "/api/v1/channels", f"Bearer {TOKEN}")


def test_an_answer_without_a_body_is_none(server: Any, api: Api) -> None:
    server.said = (204, {}, b"", True)
    assert api.delete("/api/v1/channels/x") is None


def test_several_files_are_one_body(server: Any, api: Api, tmp_path: Path) -> None:
    files = [tmp_path / "1080p.mp4", tmp_path / "a b.m4a"]
    for file, size in zip(files, (3 << 20, 5), strict=True):
        file.write_bytes(os.urandom(size))
    steps: list[tuple[int, int]] = []
    api.upload("/api/v1/assets", {"title": "Tour"}, files, lambda sent, total: steps.append((sent, total)))
    (_, path, _, size) = server.came[0]
    assert path == "/api/v1/assets?title=Tour&file=3145728%3A1080p.mp4&file=5%3Aa+b.m4a"
    assert size == (3 << 20) + 5 and steps[-1] == (size, size)


def test_a_file_is_streamed_with_its_length(server: Any, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "film & co.mp4"
    file.write_bytes(os.urandom(3 << 20))
    steps: list[tuple[int, int]] = []
    api.upload("/api/v1/assets", {}, [file], lambda sent, total: steps.append((sent, total)))
    (method, path, fields, size) = server.came[0]
    assert (method, path, size) == ("POST", "/api/v1/assets?filename=film+%26+co.mp4", 3 << 20)
    assert fields["Content-Length"] == str(3 << 20) and "Transfer-Encoding" not in fields
    assert steps[-1] == (3 << 20, 3 << 20) and len(steps) >= 3


def test_a_refusal_in_the_middle_of_a_file_is_told_in_its_words(server: Any, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    with file.open("wb") as opened:
        opened.truncate(200 << 20)
    problem = {"type": "urn:headwater:problem:too-large", "status": 413, "detail": "the disk has 3 GB left"}
    server.said = (413, {"Content-Type": "application/problem+json"}, json.dumps(problem).encode(), False)
    with pytest.raises(Fault) as refused:
        api.upload("/api/v1/assets", {}, [file], lambda sent, total: None)
    # The kernel may drop the answer with the reset that follows it: then the sentence is that nobody answered.
    assert "the disk has 3 GB left" in str(refused.value) or "does not answer" in str(refused.value)


def test_a_fault_of_ours_is_told_with_its_request_id(server: Any, api: Api) -> None:
    problem = {"status": 500, "detail": "look for this request id in the log", "instance": "urn:headwater:request:ab12"}
    server.said = (500, {}, json.dumps(problem).encode(), True)
    with pytest.raises(Fault, match=r"look for this request id in the log \(request ab12\)"):
        api.get("/")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
def test_a_refusal_of_another_form_is_told_by_its_status(server: Any, api: Api, body: bytes) -> None:
    server.said = (502, {}, body, True)
    with pytest.raises(Fault, match="control answered 502"):
        api.get("/")


def test_nobody_there_is_told_with_what_to_do() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Fault, match=rf"http://127\.0\.0\.1:{port} does not answer .* is the appliance up\?"):
        Api(f"http://127.0.0.1:{port}", TOKEN).get("/")


def test_the_appliance_of_a_home_is_found_or_it_is_said_how_to_start_it(home: Home) -> None:
    with pytest.raises(
        Fault, match=rf"no appliance runs in {home.root}: start it with headwater up --home {home.root}"
    ):
        api_client.of_home(home)
    lock = running.Lock(running.supervisor_lock(home))
    try:
        running.Running(pid=1, port_base=0, urls={"edge": "http://127.0.0.1:1"}).write(home)
        with pytest.raises(Fault, match="runs without control"):
            api_client.of_home(home)
        running.Running(pid=1, port_base=0, urls={"control": "http://127.0.0.1:1"}).write(home)
        with pytest.raises(Fault, match="cannot read the admin token"):
            api_client.of_home(home)
        home.admin_token_file.write_text(f"{TOKEN}\n")
        assert isinstance(api_client.of_home(home), Api)
    finally:
        lock.release()


def test_a_name_cannot_leave_its_place_in_a_path() -> None:
    assert api_client.segment("../x?y") == "..%2Fx%3Fy"
