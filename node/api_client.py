"""Control's admin API from the command line: standard library only, so that a command starts at once.

Problems (RFC 9457) become a sentence. A file is streamed from disk with a Content-Length, never read into memory.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

from node import running
from node.command import Fault
from node.home import Home

_BLOCK = 1 << 20
# An upload is answered when the origin has indexed it; a film that is no MP4 is remuxed before that.
_ANSWER_S = 3600.0

Progress = Callable[[int, int], None]


class Api:
    """`base` is control's URL, `token` the admin token: it goes into the request's header and nowhere else."""

    def __init__(self, base: str, token: str) -> None:
        self._base = urlsplit(base)
        self._token = token

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, value: Any) -> Any:
        body = json.dumps(value).encode()
        return self._ask("POST", path, body, {"Content-Type": "application/json"})

    def post_bytes(self, path: str, body: bytes) -> Any:
        """POST what is small enough to be held."""
        return self._ask("POST", path, body, {"Content-Type": "application/octet-stream"})

    def put_bytes(self, path: str, body: bytes) -> Any:
        return self._ask("PUT", path, body, {"Content-Type": "application/octet-stream"})

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path)

    def upload(self, path: str, query: dict[str, str], files: Sequence[Path], progress: Progress) -> Any:
        """POST the bytes of files, one behind the other. `progress(sent, total)` is called as they go.

        Raises Fault, OSError for a file.
        """
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(file.open("rb")) for file in files]
            sizes = [os.fstat(file.fileno()).st_size for file in opened]
            words = list(query.items())
            if len(files) == 1:
                words.append(("filename", files[0].name))
            else:
                words += [("file", f"{size}:{file.name}") for size, file in zip(sizes, files, strict=True)]
            fields = {"Content-Type": "application/octet-stream", "Content-Length": str(sum(sizes))}
            return self._ask("POST", f"{path}?{urlencode(words)}", _Counted(opened, sum(sizes), progress), fields)

    def _ask(self, method: str, path: str, body: Any = None, fields: dict[str, str] | None = None) -> Any:
        link = http.client.HTTPConnection(
            self._base.hostname or "127.0.0.1", self._base.port or 80, timeout=_ANSWER_S, blocksize=_BLOCK
        )
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", **(fields or {})}
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused early: the answer says why
                link.request(method, path, body=body, headers=headers)
            answer = link.getresponse()
            raw = answer.read()
        except TimeoutError as fault:
            raise Fault(f"control at {self._base.geturl()} took longer than {_ANSWER_S:g} s: see its log") from fault
        except (OSError, http.client.HTTPException) as fault:
            raise Fault(f"control at {self._base.geturl()} does not answer ({fault}): is the appliance up?") from fault
        finally:
            link.close()
        return _value(answer.status, answer.reason, raw)


class _Counted:
    """Files one behind the other, that tell how much of them was read."""

    def __init__(self, files: Sequence[IO[bytes]], total: int, progress: Progress) -> None:
        self._files, self._total, self._progress = list(files), total, progress
        self._sent = 0

    def read(self, size: int = -1) -> bytes:
        block = b""
        while self._files and not (block := self._files[0].read(size)):
            del self._files[0]
        self._sent += len(block)
        self._progress(self._sent, self._total)
        return block


def of_home(home: Home) -> Api:
    """The API of the appliance that runs in this home. Raises Fault that says how to start it."""
    found = running.find(home)
    if found is None:
        raise Fault(f"no appliance runs in {home.root}: start it with headwater up --home {home.root}")
    if "control" not in found.urls:
        raise Fault(f"the appliance in {home.root} runs without control: ask the box that runs it")
    try:
        token = home.admin_token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise Fault(
            f"cannot read the admin token {home.admin_token_file}: use the user who runs the appliance"
        ) from fault
    return Api(found.urls["control"], token)


def segment(text: str) -> str:
    """One element of a path, percent-encoded."""
    return quote(text, safe="")


def _value(status: int, reason: str, raw: bytes) -> Any:
    try:
        value = json.loads(raw) if raw else None
    except ValueError:
        value = None
    if status < 400:
        return value
    if isinstance(value, dict) and value.get("detail"):
        request = str(value.get("instance", "")).rpartition(":")[2]
        raise Fault(str(value["detail"]) + (f" (request {request})" if status >= 500 and request else ""))
    raise Fault(f"control answered {status} {reason}")
