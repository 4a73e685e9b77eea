"""Manifests that keep all rules, to be broken by a replacement."""

from __future__ import annotations

from node.probe.mpd import Manifest, manifest, parse

URL = "http://origin.example/vod/a/manifest.mpd"
NS = 'xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013"'

STATIC = f"""<MPD {NS} profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" minBufferTime="PT2S"
 mediaPresentationDuration="PT6S" maxSegmentDuration="PT2S">
 <Period id="0" start="PT0S">
  <AdaptationSet id="0" contentType="video" mimeType="video/mp4" startWithSAP="1">
   <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
   <Representation id="v1" bandwidth="1000" codecs="avc1.42c01e" width="640" height="360">
    <SegmentTemplate timescale="1000" startNumber="0" initialization="$RepresentationID$/init.mp4"
     media="$RepresentationID$/$Number$.m4s">
     <SegmentTimeline>
      <S t="0" d="2000" r="1"/>
      <S d="2000"/>
     </SegmentTimeline>
    </SegmentTemplate>
   </Representation>
  </AdaptationSet>
 </Period>
</MPD>
"""

# At 2026-01-01T00:01:00Z segments 20 to 29 of 2 s are listed, counted from the start of the year.
NOW = 1_767_225_660.0
DYNAMIC = f"""<MPD {NS} profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" minBufferTime="PT2S"
 availabilityStartTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:01:00Z" minimumUpdatePeriod="PT2S"
 timeShiftBufferDepth="PT20S" suggestedPresentationDelay="PT6S" maxSegmentDuration="PT2S">
 <Period id="p0" start="PT0S">
  <AdaptationSet id="0" contentType="video" mimeType="video/mp4">
   <Representation id="v1" bandwidth="1000" codecs="avc1.42c01e">
    <SegmentTemplate timescale="1000" startNumber="20" initialization="init.mp4" media="$Number$.m4s">
     <SegmentTimeline><S t="40000" d="2000" r="9"/></SegmentTimeline>
    </SegmentTemplate>
   </Representation>
  </AdaptationSet>
 </Period>
 <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/time"/>
</MPD>
"""


def made(text: str, *edits: str) -> Manifest:
    """`edits` come in twos: what stands there, and what is to stand there."""
    for old, new in zip(edits[::2], edits[1::2], strict=True):
        assert old in text, old
        text = text.replace(old, new, 1)
    return manifest(parse(text.encode()), URL)
