"""The demo process: for each demo channel, encodes in step with the wall clock and publishes like a session."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

import structlog

from base.desired import ChannelSpec, Desired
from ingest.channel import Channel
from ingest.demo.encoder import DemoEncoder
from ingest.demo.picture import RATE
from ingest.grid import Grid
from ingest.intake import Run
from ingest.publisher import Publisher, origin_client
from node import web as rim
from node.process import Context
from node.sync import DesiredState

log = structlog.get_logger("demo")

FRAME_MS = 1000 // RATE
# An encoder this far behind the clock (a suspended machine) leaves a gap rather than run after it.
_MOST_BEHIND_MS = 2000


async def run(ctx: Context) -> None:
    """Publish every demo channel until told to stop."""
    client, base = origin_client(ctx.upstream("ingest.origin", ctx.home.socket("origin", door="media")))
    async with client:
        desired = DesiredState(ctx, ctx.upstream("ingest.control", ctx.home.socket("control", door="node")))
        playing: dict[tuple[str, str], tuple[ChannelSpec, asyncio.Task[None]]] = {}
        channels: dict[tuple[str, str], Channel] = {}

        def channel(spec: ChannelSpec) -> Channel:
            publisher = Publisher(
                channel=spec.channel,
                edition=spec.edition,
                client=client,
                base=base,
                clock=ctx.clock,
                metrics=ctx.metrics,
                tasks=ctx.tasks,
            )
            return Channel(spec, publisher)

        def follow(state: Desired) -> None:
            wanted = {(spec.channel, spec.edition): spec for spec in state.channels if spec.demo}
            for gone in [which for which, (spec, _) in playing.items() if wanted.get(which) != spec]:
                playing.pop(gone)[1].cancel()
            for which, spec in wanted.items():
                if which not in playing:
                    found = channels.setdefault(which, channel(spec))
                    found.spec = spec
                    playing[which] = spec, ctx.tasks.start(publish(ctx, found), f"demo {spec.channel}")

        async with rim.serving(ctx, rim.make_app(ctx), []):
            desired.on_change(follow)
            following = ctx.tasks.start(desired.run(), "desired state")
            await ctx.stopping.wait()
            following.cancel()
            for _, task in playing.values():
                task.cancel()
            if playing:
                await asyncio.wait([task for _, task in playing.values()])
            seconds = ctx.settings.number("drain.seconds")
            await asyncio.gather(*(found.publisher.flush(seconds) for found in channels.values()))


async def publish(ctx: Context, channel: Channel) -> None:
    """One demo channel until cancelled; then its open segments are closed and queued."""
    session = secrets.token_hex(8)
    channel.open_session(session, ctx.clock.now_ms())
    log.info("demo.begins", channel=channel.spec.channel, session=session)
    try:
        while True:
            await _run(ctx, channel)
            log.warning("demo.behind", channel=channel.spec.channel)
    finally:
        channel.close_run()


async def _run(ctx: Context, channel: Channel) -> None:
    """Encode frame after frame from the next grid cell on; returns if the clock has run away."""
    loop = asyncio.get_running_loop()
    grid_ms = channel.spec.segment_ms
    with ThreadPoolExecutor(1, "demo") as thread:
        encoder = await loop.run_in_executor(thread, DemoEncoder, grid_ms)
        k = ctx.clock.now_ms() // FRAME_MS + 1
        while not encoder.is_cell_start(k):
            k += 1
        await channel.take(
            Run(
                formats=encoder.formats, grid=Grid(grid_ms=grid_ms, interval_ms=grid_ms, frame_ms=FRAME_MS), jumped=True
            )
        )
        while True:
            early = k * FRAME_MS - ctx.clock.now_ms()
            if early < -_MOST_BEHIND_MS:
                return
            if early > 0:  # a clock that was stepped back does not stop the picture
                await asyncio.sleep((early if early <= grid_ms + FRAME_MS else FRAME_MS) / 1000)
            for stamped in await loop.run_in_executor(thread, encoder.frame, k):
                await channel.take(stamped)
            k += 1
