"""The rules that `headwater probe` knows, as a table, and what a broken one leaves behind.

RFC 8216bis is draft-pantos-hls-rfc8216bis-22. A rule of Apple's HLS Authoring Specification is never more than a
SHOULD here: it binds who wants to be played by Apple's devices. DASH-IF timing: the restricted timing model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    MUST = "MUST"
    SHOULD = "SHOULD"


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    level: Level
    section: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule is broken. `line` counts from 1; 0: the object as a whole."""

    rule: str
    url: str
    line: int
    seen: str
    expected: str = ""


_M, _S = Level.MUST, Level.SHOULD
_ROWS = (
    # Text
    Rule("text-encoding", _M, "RFC 8216bis 4.1", "UTF-8 in NFC, no byte order mark, no control characters"),
    Rule("text-space", _M, "RFC 8216bis 4.1", "no white space around a tag or a URI line"),
    Rule("first-line", _M, "RFC 8216bis 4.4.1.1", "the first line is #EXTM3U"),
    Rule("playlist-kind", _M, "RFC 8216bis 4.1", "tags of media and of multivariant playlists are never mixed"),
    Rule("tag-once", _M, "RFC 8216bis 4.4", "a tag that describes the whole playlist occurs once"),
    Rule("attribute-syntax", _M, "RFC 8216bis 4.2", "attributes are NAME=value parted by commas, without white space"),
    Rule("attribute-once", _M, "RFC 8216bis 4.2", "an attribute occurs once in a tag"),
    Rule("attribute-type", _M, "RFC 8216bis 4.2", "a value is spelt as its attribute's type asks"),
    Rule("attribute-missing", _M, "RFC 8216bis 4.4", "a tag has the attributes that it needs"),
    Rule("version-needed", _M, "RFC 8216bis 8", "EXT-X-VERSION is not lower than what the playlist uses"),
    Rule("version-high", _S, "RFC 8216bis 6.2.1", "EXT-X-VERSION is not higher than what the playlist uses"),
    Rule("define", _M, "RFC 8216bis 4.4.2.3", "EXT-X-DEFINE has one of NAME, IMPORT, QUERYPARAM and a new name"),
    # One media playlist
    Rule("target-missing", _M, "RFC 8216bis 4.4.3.1", "a media playlist has EXT-X-TARGETDURATION of 1 or more"),
    Rule("target-exceeded", _M, "RFC 8216bis 4.4.3.1", "no EXTINF, rounded, is over the target duration"),
    Rule("extinf-missing", _M, "RFC 8216bis 4.4.4.1", "each segment has an EXTINF that is a number"),
    Rule("sequence-place", _M, "RFC 8216bis 4.4.3.2", "EXT-X-MEDIA-SEQUENCE stands before the first segment"),
    Rule(
        "discontinuity-sequence-place",
        _M,
        "RFC 8216bis 4.4.3.3",
        "EXT-X-DISCONTINUITY-SEQUENCE stands before the first segment and any EXT-X-DISCONTINUITY",
    ),
    Rule("skip-boundary", _M, "RFC 8216bis 4.4.3.8", "CAN-SKIP-UNTIL is at least six target durations"),
    Rule("skip-dateranges", _M, "RFC 8216bis 4.4.3.8", "CAN-SKIP-DATERANGES stands only beside CAN-SKIP-UNTIL"),
    Rule("hold-back", _M, "RFC 8216bis 4.4.3.8", "HOLD-BACK is at least three target durations"),
    Rule("part-hold-back", _M, "RFC 8216bis 4.4.3.8", "with parts, PART-HOLD-BACK is there, two part targets or more"),
    Rule("part-hold-back-low", _S, "RFC 8216bis 4.4.3.8", "PART-HOLD-BACK is at least three part targets"),
    Rule("part-inf", _M, "RFC 8216bis 4.4.3.7", "a playlist with parts has EXT-X-PART-INF"),
    Rule("part-long", _M, "RFC 8216bis 4.4.4.9", "no part lasts longer than the part target"),
    Rule("part-short", _M, "RFC 8216bis 4.4.4.9", "a part that others follow lasts 85 % of the part target"),
    Rule("part-sum", _M, "RFC 8216bis 3.2", "the parts of a segment last as long as the segment"),
    Rule("part-head", _M, "RFC 8216bis 4.4.4.9", "what holds for a segment stands before its first part"),
    Rule("part-old", _S, "RFC 8216bis 6.2.2", "parts are listed only within three target durations of the end"),
    Rule("hint-once", _S, "RFC 8216bis 6.2.6", "there is one EXT-X-PRELOAD-HINT of a type"),
    Rule("hint-ended", _M, "RFC 8216bis 4.4.5.3", "a playlist with EXT-X-ENDLIST has no preload hint"),
    Rule("hint-missing", _M, "RFC 8216bis B.1", "a live low-latency playlist hints its next part"),
    Rule("date-low-latency", _M, "RFC 8216bis B.1", "a low-latency playlist has EXT-X-PROGRAM-DATE-TIME"),
    Rule("date-live", _S, "Apple HLS Authoring 8.4", "a live playlist has EXT-X-PROGRAM-DATE-TIME"),
    Rule("date-syntax", _M, "RFC 8216bis 4.4.4.6", "EXT-X-PROGRAM-DATE-TIME is ISO 8601 with a time zone"),
    Rule("date-order", _M, "RFC 8216bis 6.2.1", "dates go on with the segments' durations, unless discontinuous"),
    Rule("key", _M, "RFC 8216bis 4.4.4.4", "EXT-X-KEY: URI unless NONE, nothing beside NONE, an IV where allowed"),
    Rule("byterange", _M, "RFC 8216bis 4.4.4.2", "a range without offset goes on in the resource before it"),
    Rule("daterange-date", _M, "RFC 8216bis 4.4.5.1", "a playlist with EXT-X-DATERANGE has a program date"),
    Rule("daterange", _M, "RFC 8216bis 4.4.5.1", "a date range ends after it starts, and its attributes agree"),
    Rule("skip-unasked", _M, "RFC 8216bis 6.2.5.1", "a playlist that was not asked as a delta has no EXT-X-SKIP"),
    Rule("start-live", _S, "RFC 8216bis 4.4.2.2", "EXT-X-START is not within three target durations of a live end"),
    Rule("window-short", _S, "Apple HLS Authoring 8.11", "no removal leaves a live playlist less than six segments"),
    # The multivariant playlist
    Rule("variant-uri", _M, "RFC 8216bis 4.4.6.2", "EXT-X-STREAM-INF is followed by a URI line"),
    Rule("group-missing", _M, "RFC 8216bis 4.4.6.2.1", "a group that a variant names is there"),
    Rule("group-name", _M, "RFC 8216bis 4.4.6.1.1", "the NAMEs in a group differ"),
    Rule("group-default", _M, "RFC 8216bis 4.4.6.1.1", "a group has at most one DEFAULT=YES"),
    Rule("group-autoselect", _M, "RFC 8216bis 4.4.6.1.1", "AUTOSELECT members differ in what tells them apart"),
    Rule("group-members", _M, "RFC 8216bis 4.4.6.1.1", "groups of one type have the same members"),
    Rule("rendition-uri", _M, "RFC 8216bis 4.4.6.1", "subtitles have a URI, closed captions have INSTREAM-ID and none"),
    Rule("rendition-default", _M, "RFC 8216bis 4.4.6.1", "DEFAULT=YES goes with AUTOSELECT=YES"),
    Rule("rendition-forced", _M, "RFC 8216bis 4.4.6.1", "FORCED stands only with subtitles"),
    Rule("captions-none", _M, "RFC 8216bis 4.4.6.2", "CLOSED-CAPTIONS=NONE on one variant is on all of them"),
    Rule("score", _M, "RFC 8216bis 4.4.6.2", "SCORE is on all variants or on none"),
    Rule("session-data", _M, "RFC 8216bis 4.4.6.4", "EXT-X-SESSION-DATA has VALUE or URI, and is unique"),
    Rule("session-key", _M, "RFC 8216bis 4.4.6.5", "EXT-X-SESSION-KEY never says NONE"),
    Rule("pathway", _M, "RFC 8216bis 4.4.6.6", "the pathway of EXT-X-CONTENT-STEERING is a variant's"),
    Rule("iframe-playlist", _M, "RFC 8216bis 4.4.6.3", "an I-frame variant's playlist has EXT-X-I-FRAMES-ONLY"),
    Rule("variant-codecs", _S, "Apple HLS Authoring 9.1", "a variant has CODECS"),
    Rule("variant-resolution", _S, "Apple HLS Authoring 9.2", "a variant with video has RESOLUTION"),
    Rule("variant-average", _S, "Apple HLS Authoring 9.14", "a variant has AVERAGE-BANDWIDTH"),
    Rule("variant-frame-rate", _S, "Apple HLS Authoring 9.15", "a variant with video has FRAME-RATE"),
    Rule("variant-independent", _S, "Apple HLS Authoring 9.11", "independent segments are declared"),
    Rule("bandwidth", _M, "RFC 8216bis 4.4.6.2", "BANDWIDTH is not lower than the measured peak"),
    Rule("codecs-missing", _M, "RFC 8216bis 4.4.6.2", "CODECS names every format in the variant and its groups"),
    Rule("codecs-differ", _S, "RFC 6381 3.3", "profile and level in CODECS are those of the init segment"),
    Rule("resolution-differs", _S, "RFC 8216bis 4.4.6.2", "RESOLUTION is the picture's size"),
    # Renditions beside one another
    Rule("together-target", _M, "RFC 8216bis 6.2.4", "all renditions have one target duration"),
    Rule("together-type", _M, "RFC 8216bis 6.2.4", "all renditions have one playlist type"),
    Rule("together-control", _M, "RFC 8216bis 6.2.4", "EXT-X-SERVER-CONTROL is the same in all media playlists"),
    Rule("together-date", _M, "RFC 8216bis 6.2.4", "program dates are in all media playlists or in none"),
    Rule("together-discontinuity", _M, "RFC 8216bis 6.2.4", "one moment has one discontinuity sequence number"),
    Rule("together-time", _M, "RFC 8216bis 6.2.4", "media times and dates fit together across renditions"),
    Rule("report-missing", _M, "RFC 8216bis B.1", "a low-latency playlist reports on every other rendition"),
    Rule("report-ahead", _M, "RFC 8216bis 4.4.5.4", "what a rendition report names last is there"),
    # A playlist over time
    Rule("reload-sequence", _M, "RFC 8216bis 6.2.2", "the media sequence number never goes back"),
    Rule("reload-discontinuity", _M, "RFC 8216bis 6.2.2", "a segment keeps its discontinuity sequence number"),
    Rule("reload-target", _M, "RFC 8216bis 6.2.1", "the target duration never changes"),
    Rule("reload-segment", _M, "RFC 8216bis 6.2.1", "a listed segment keeps its URI, duration, date and tags"),
    Rule("reload-part", _M, "RFC 8216bis 6.2.1", "a listed part keeps its URI and duration"),
    Rule("reload-end", _M, "RFC 8216bis 6.2.1", "nothing is taken away at the end"),
    Rule("reload-removed", _M, "RFC 8216bis 6.2.1", "a VOD or EVENT playlist keeps its segments"),
    Rule("reload-ended", _M, "RFC 8216bis 6.2.1", "after EXT-X-ENDLIST nothing is added"),
    Rule("reload-short", _M, "RFC 8216bis 6.2.2", "no removal leaves less than three target durations"),
    Rule("reload-late", _M, "RFC 8216bis 6.2.1", "a new segment is listed within 1.5 target durations"),
    Rule("hint-kept", _M, "RFC 8216bis 4.4.5.3", "what was hinted comes under the hinted URI"),
    Rule("hint-served", _M, "RFC 8216bis 6.2.6", "a hinted part can be asked for at once, and comes"),
    Rule("block-answer", _M, "RFC 8216bis 6.2.5.2", "a blocking reload is answered with what was asked for, or later"),
    Rule("block-part-alone", _M, "RFC 8216bis 6.2.5.2", "_HLS_part without _HLS_msn is answered 400"),
    Rule("block-far", _S, "RFC 8216bis 6.2.5.2", "_HLS_msn more than two beyond the last is answered 400"),
    Rule("block-long", _S, "RFC 8216bis 6.2.5.2", "a blocking reload is answered within three target durations"),
    Rule("delta-equal", _M, "RFC 8216bis 6.2.5.1", "a delta update, filled up, is the full playlist"),
    Rule("delta-boundary", _M, "RFC 8216bis 6.2.5.1", "a delta skips only segments beyond the skip boundary"),
    # Segments
    Rule("listed-served", _M, "RFC 8216bis 6.2.1", "what is listed can be fetched"),
    Rule("map-missing", _M, "RFC 8216bis 3.1.2", "a segment in fragmented MP4 has an EXT-X-MAP"),
    Rule("init-ftyp", _M, "RFC 8216bis 3.1.2", "an init segment has ftyp with iso6 or a later brand"),
    Rule("init-moov", _M, "RFC 8216bis 3.1.2", "an init segment has a moov with a trak for each track, and mvex"),
    Rule("init-samples", _M, "RFC 8216bis 3.1.2", "an init segment has empty sample tables, and no media data"),
    Rule("init-duration", _M, "RFC 8216bis 3.1.2", "durations in mvhd and tkhd of an init segment are 0"),
    Rule("moof", _M, "RFC 8216bis 3.1.2", "a segment is made of moof and mdat, whole and with data inside of it"),
    Rule("moof-track", _M, "RFC 8216bis 3.1.2", "a fragment's tracks are those of its init segment"),
    Rule("moof-tfdt", _M, "RFC 8216bis 3.1.2", "each traf has a tfdt"),
    Rule("moof-base", _M, "RFC 8216bis 3.1.2", "data offsets count from the moof"),
    Rule("extinf-differs", _M, "RFC 8216bis 4.4.4.1", "EXTINF is the duration of the segment's samples"),
    Rule("part-differs", _M, "RFC 8216bis 4.4.4.9", "DURATION is the duration of the part's samples"),
    Rule("media-jump", _M, "RFC 8216bis 3", "a segment goes on where the one before ended, unless discontinuous"),
    Rule("sync-first", _M, "RFC 8216bis 4.4.2.1", "with EXT-X-INDEPENDENT-SEGMENTS each starts with a sync sample"),
    Rule("sync-first-video", _S, "Apple HLS Authoring 7.4", "a video segment starts with an IDR"),
    Rule("part-sync", _M, "RFC 8216bis 4.4.4.9", "a part with INDEPENDENT=YES holds a sync sample"),
    Rule("part-samples", _M, "RFC 8216bis 3.2", "the parts of a segment together hold its samples"),
    Rule("date-media", _M, "RFC 8216bis 4.4.4.6", "dates go with media time within a run"),
    Rule("ts-packets", _M, "RFC 8216bis 3.1.1", "a transport stream is whole packets of one program, with PAT and PMT"),
    Rule("audio-timestamp", _M, "RFC 8216bis 3.1.3", "packed audio starts with the ID3 timestamp"),
    Rule("key-octets", _M, "RFC 8216bis 5.1", "a key file of the format identity has 16 octets"),
    Rule("cipher-blocks", _M, "RFC 8216bis 4.4.4.4", "AES-128: whole segments in CBC mode, padded by PKCS #7"),
    Rule("webvtt-header", _M, "RFC 8216bis 3.1.4", "a WebVTT segment starts with its header"),
    Rule("bitrate-tag", _M, "RFC 8216bis 4.4.4.8", "EXT-X-BITRATE is within 10 % of the segment's rate"),
    # HTTP
    Rule("playlist-type", _M, "RFC 8216bis 4", "a playlist has the media type or the file name of one"),
    Rule("media-type", _S, "Apple HLS Authoring 10.4", "a segment has the media type of its format"),
    Rule("cors", _S, "Fetch 3.2", "a browser page of another origin may read the answer"),
    Rule(
        "cache-media", _S, "RFC 8216bis B.1", "init segments, segments and parts may be cached for six target durations"
    ),
    Rule("cache-playlist", _S, "RFC 8216bis B.1", "a live playlist is cached no longer than its kind allows"),
    Rule("redirect-media", _S, "Apple HLS Authoring 8.18", "media is not redirected"),
    Rule("gzip", _S, "Apple HLS Authoring 10.1", "a playlist over 4 kB comes compressed to who accepts it"),
    # DASH: the manifest
    Rule("mpd-xml", _M, "ISO/IEC 23009-1 5.2", "a manifest is well-formed XML with the root MPD of its namespace"),
    Rule("mpd-order", _M, "ISO/IEC 23009-1 5.2", "elements come in the schema's order"),
    Rule("mpd-attribute", _M, "ISO/IEC 23009-1 5.3", "elements have the attributes that they need, well spelt"),
    Rule("mpd-static", _M, "DASH-IF timing 8", "a static presentation has a known end"),
    Rule("mpd-dynamic", _M, "DASH-IF timing 13.1", "a dynamic manifest has availabilityStartTime and UTCTiming"),
    Rule("mpd-publish", _M, "ISO/IEC 23009-1 5.3.1.2", "a dynamic manifest has publishTime"),
    Rule("mpd-ids", _M, "DASH-IF timing 13.6", "in a dynamic manifest Periods and AdaptationSets have ids"),
    Rule("representation-id", _M, "ISO/IEC 23009-1 5.3.5.2", "ids of Representations are unique in a Period"),
    Rule("period-start", _M, "DASH-IF timing 8", "Periods follow one another and last longer than nothing"),
    Rule("addressing", _M, "DASH-IF timing 11", "an AdaptationSet has one way of addressing, with its timescale"),
    Rule("availability-place", _M, "DASH-IF timing 13.3", "availability attributes do not differ by Representation"),
    Rule("template", _M, "ISO/IEC 23009-1 5.3.9.4.4", "a template has known identifiers, and Number or Time"),
    Rule("timeline", _M, "ISO/IEC 23009-1 5.3.9.6", "each S has a duration, times never go back"),
    Rule("timeline-gap", _M, "DASH-IF timing 9.2", "segments of a Period have neither gap nor overlap"),
    Rule("timeline-cover", _M, "DASH-IF timing 9.2", "segments cover their Period"),
    Rule("max-segment", _M, "ISO/IEC 23009-1 5.3.1.2", "no segment is longer than maxSegmentDuration"),
    Rule("protection-kid", _M, "DASH-IF Security 5", "the mp4protection descriptor has its scheme and default_KID"),
    Rule("delay", _M, "DASH-IF timing 13.5", "suggestedPresentationDelay lies within the time shift buffer"),
    Rule("clock", _M, "DASH-IF timing 13.1", "a clock of UTCTiming can be asked, and tells the time"),
    # DASH: segments
    Rule("segment-served", _M, "DASH-IF timing 13.3", "a segment that the manifest announces can be fetched"),
    Rule("segment-time", _M, "ISO/IEC 23009-1 5.3.9.6", "a segment's media time is the one that the manifest says"),
    Rule("segment-duration", _M, "DASH-IF timing 18.3", "a segment lasts as long as the manifest says"),
    Rule("dash-codecs", _M, "ISO/IEC 23009-1 5.3.7.2", "@codecs names the format of the init segment"),
    Rule("dash-init", _M, "ISO/IEC 23009-1 6.3.3", "an initialization segment has ftyp, moov and mvex"),
    Rule("dash-moof", _M, "ISO/IEC 23009-1 6.3.4", "a media segment is whole movie fragments with tfdt"),
    Rule("dash-sap", _M, "ISO/IEC 23009-1 5.3.7.2", "with @startWithSAP a segment starts with a sync sample"),
    Rule("sidx", _M, "DASH-IF timing 18.1", "an indexed track has one sidx that refers to media only"),
    Rule("mpd-type", _S, "ISO/IEC 23009-1 C.1", "a manifest has the type application/dash+xml"),
    # DASH: updates
    Rule("update-identity", _M, "DASH-IF timing 13.6", "an update keeps start, ids and order of what stays"),
    Rule("update-publish", _M, "ISO/IEC 23009-1 5.4.1", "publishTime rises when the manifest changes, never falls"),
    Rule("update-segment", _M, "DASH-IF timing 13.6.3", "a segment keeps its number, time and duration"),
    Rule(
        "update-late", _S, "DASH-IF timing 13.6.1", "a manifest that is fetched in its period has the newest segments"
    ),
)
RULES: dict[str, Rule] = {row.id: row for row in _ROWS}


def count(findings: Iterable[Finding], level: Level) -> int:
    return sum(RULES[finding.rule].level is level for finding in findings)
