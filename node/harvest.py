"""`headwater channel harvest`: a film of what a channel of the appliance that runs in a home sent."""

from __future__ import annotations

import argparse
from typing import Any

from node import api_client
from node.api_client import segment
from node.command import home_of


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--start", required=True, metavar="TIME", help="such as 2026-11-21T14:05:00Z")
    parser.add_argument("--end", required=True, metavar="TIME", help="the film lasts to the segment that holds it")
    parser.add_argument("--title", default="", help="what people read; without it: the channel's and the start")


def run(given: argparse.Namespace) -> dict[str, Any]:
    """The asset, as the API says it."""
    api = api_client.of_home(home_of(given))
    wanted = {"start": given.start, "end": given.end} | ({"title": given.title} if given.title else {})
    found: dict[str, Any] = api.post(f"/api/v1/channels/{segment(given.channel)}/harvest", wanted)
    return found
