"""`headwater probe URL`: what a presentation is, and which rules it breaks."""

from __future__ import annotations

import argparse
import asyncio
from urllib.parse import urlsplit

from node.command import FAILED, OK, UNUSABLE, Fault, print_json


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="an HLS playlist or a DASH manifest, http or https")
    parser.add_argument(
        "--seconds", type=float, default=20.0, metavar="N", help="how long to follow a live presentation (20)"
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--segments", type=int, default=2, metavar="N", help="segments to read at either end of a rendition (2)"
    )
    chosen.add_argument("--all-segments", action="store_true", help="read every segment")


def run(given: argparse.Namespace) -> int:
    """0: no MUST is violated. 1: some are. 2: it cannot be probed."""
    if urlsplit(given.url).scheme not in ("http", "https"):
        raise Fault(f"{given.url} is no http or https address", UNUSABLE)
    if given.seconds < 0 or given.segments < 0:
        raise Fault("--seconds and --segments take 0 or more", UNUSABLE)
    from node.clock import SystemClock
    from node.probe.result import as_json, lines
    from node.probe.visit import Unprobed, probe

    count = -1 if given.all_segments else given.segments
    try:
        result = asyncio.run(probe(given.url, SystemClock(), seconds=given.seconds, count=count))
    except Unprobed as fault:
        raise Fault(str(fault), UNUSABLE) from fault
    if given.json:
        print_json(as_json(result))
    else:
        for line in lines(result):
            print(line)
    return FAILED if result.musts else OK
