"""Rules of DASH segments beside what the manifest says of them (ISO/IEC 23009-1 6.3; DASH-IF timing 18)."""

from __future__ import annotations

from collections.abc import Iterator

from node.probe import boxes
from node.probe.mpd import Node, Representation, Slot
from node.probe.rules import Finding
from node.probe.segments import Look
from node.probe.sidx import Sidx

_SLACK_S = 0.0015


def init_segment(found: boxes.Init, one: Representation, url: str) -> Iterator[Finding]:
    if not found.boxes or found.boxes[0] != "ftyp" or not found.tracks or not found.has_mvex:
        said = f"boxes {' '.join(found.boxes)}, {'mvex' if found.has_mvex else 'no mvex'}"
        yield Finding("dash-init", url, 0, said)
    yield from codec(found, one)


def codec(found: boxes.Init, one: Representation) -> Iterator[Finding]:
    said = [text.strip().lower() for text in one.said("codecs").split(",") if text.strip()]
    for track in found.tracks.values():
        family = track.codec.partition(".")[0].lower()
        if said and not any(text.partition(".")[0] == family for text in said):
            yield Finding("dash-codecs", one.period.manifest.url, one.node.line, ",".join(said), track.codec)
        elif said and track.codec.lower() not in said:
            yield Finding("codecs-differ", one.period.manifest.url, one.node.line, ",".join(said), track.codec)


def fragment(found: boxes.Fragments, url: str) -> Iterator[Finding]:
    if not found.runs or "mdat" not in found.boxes:
        yield Finding("dash-moof", url, 0, f"boxes {' '.join(found.boxes[:8])}", "moof and mdat")
    elif any(run.tfdt is None for run in found.runs):
        yield Finding("dash-moof", url, 0, "a traf without tfdt")
    elif any(run.outside for run in found.runs):
        yield Finding("dash-moof", url, 0, "sample data behind the segment's end")


def segment(seen: Look, slot: Slot, one: Representation) -> Iterator[Finding]:
    """Explicit times are exact to a sample; @duration leaves half a segment (timing model 18.4)."""
    url, scale = one.period.manifest.url, one.timescale
    lasts = slot.duration / scale
    slack = (seen.grain if one.timeline is not None else lasts / 2) + _SLACK_S
    off = seen.presented - slot.time / scale
    if abs(off) > slack:
        yield Finding("segment-time", url, slot.line, f"{slot.number} of {one.id}: {off:+.4f} s", f"{slot.time}")
    if one.timeline is not None and abs(seen.seconds - lasts) > slack:
        said = f"{slot.number} of {one.id} lasts {seen.seconds:g} s"
        yield Finding("segment-duration", url, slot.line, said, f"{lasts:g} s")
    if one.said("startWithSAP") in ("1", "2") and seen.handler == "vide" and not seen.sync:
        yield Finding("dash-sap", url, slot.line, f"{slot.number} of {one.id} starts with another sample")


def index(found: Sidx, one: Representation, node: Node) -> Iterator[Finding]:
    url = one.period.manifest.url
    if found.nested or not found.entries:
        yield Finding("sidx", url, node.line, "references to other sidx" if found.nested else "no references")
    elif one.said("startWithSAP") in ("1", "2") and not all(sap for _, _, sap in found.entries):
        yield Finding("sidx", url, node.line, "subsegments that start without SAP")
    said = node.get("timescale")
    if said and int(said) != found.timescale:
        yield Finding("sidx", url, node.line, f"timescale {said}", f"{found.timescale}")
