"""HLS tags as a table: where each may stand, how often, and the types of its attributes (RFC 8216bis 4.2, 4.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# 4.2; `dec` is decimal-floating-point, `sdec` its signed form.
TYPES: dict[str, re.Pattern[str]] = {
    "int": re.compile(r"[0-9]{1,20}"),
    "hex": re.compile(r"0[xX][0-9A-F]+"),
    "dec": re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+"),
    "sdec": re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
    "str": re.compile(r'"[^"\r\n]+"'),
    "empty": re.compile(r'"[^"\r\n]*"'),  # a string that may be empty
    "enum": re.compile(r'[^",\s]+'),
    "size": re.compile(r"[0-9]+x[0-9]+"),
    "yes": re.compile(r"YES"),
    "bool": re.compile(r"YES|NO"),
    "stable": re.compile(r'"[A-Za-z0-9+/=._-]+"'),
    "pathway": re.compile(r'"[A-Za-z0-9._-]+"'),
    "range": re.compile(r'"[0-9]+(@[0-9]+)?"'),
    "from": re.compile(r'"[0-9]+@[0-9]+"'),
    "captions": re.compile(r'NONE|"[^"\r\n]+"'),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One row. `place`: any, media, or multivariant. `attributes`: name -> type, with ! where it is needed."""

    section: str
    place: str = "any"
    once: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)


_KEY = {"METHOD": "enum!", "URI": "str", "IV": "hex", "KEYFORMAT": "str", "KEYFORMATVERSIONS": "str"}
_VARIANT = {
    "BANDWIDTH": "int!",
    "AVERAGE-BANDWIDTH": "int",
    "SCORE": "dec",
    "CODECS": "str",
    "SUPPLEMENTAL-CODECS": "str",
    "RESOLUTION": "size",
    "HDCP-LEVEL": "enum",
    "ALLOWED-CPC": "str",
    "VIDEO-RANGE": "enum",
    "REQ-VIDEO-LAYOUT": "str",
    "STABLE-VARIANT-ID": "stable",
    "VIDEO": "str",
    "PATHWAY-ID": "pathway",
}

SHAPES: dict[str, Shape] = {
    "EXTM3U": Shape("4.4.1.1", once=True),
    "EXT-X-VERSION": Shape("4.4.1.2", once=True),
    "EXT-X-INDEPENDENT-SEGMENTS": Shape("4.4.2.1", once=True),
    "EXT-X-START": Shape("4.4.2.2", once=True, attributes={"TIME-OFFSET": "sdec!", "PRECISE": "bool"}),
    "EXT-X-DEFINE": Shape(
        "4.4.2.3", attributes={"NAME": "str", "VALUE": "empty", "IMPORT": "str", "QUERYPARAM": "str"}
    ),
    "EXT-X-TARGETDURATION": Shape("4.4.3.1", "media", once=True),
    "EXT-X-MEDIA-SEQUENCE": Shape("4.4.3.2", "media", once=True),
    "EXT-X-DISCONTINUITY-SEQUENCE": Shape("4.4.3.3", "media", once=True),
    "EXT-X-ENDLIST": Shape("4.4.3.4", "media", once=True),
    "EXT-X-PLAYLIST-TYPE": Shape("4.4.3.5", "media", once=True),
    "EXT-X-I-FRAMES-ONLY": Shape("4.4.3.6", "media", once=True),
    "EXT-X-PART-INF": Shape("4.4.3.7", "media", once=True, attributes={"PART-TARGET": "dec!"}),
    "EXT-X-SERVER-CONTROL": Shape(
        "4.4.3.8",
        "media",
        once=True,
        attributes={
            "CAN-SKIP-UNTIL": "dec",
            "CAN-SKIP-DATERANGES": "yes",
            "HOLD-BACK": "dec",
            "PART-HOLD-BACK": "dec",
            "CAN-BLOCK-RELOAD": "yes",
        },
    ),
    "EXTINF": Shape("4.4.4.1", "media"),
    "EXT-X-BYTERANGE": Shape("4.4.4.2", "media"),
    "EXT-X-DISCONTINUITY": Shape("4.4.4.3", "media"),
    "EXT-X-KEY": Shape("4.4.4.4", "media", attributes=_KEY),
    "EXT-X-MAP": Shape("4.4.4.5", "media", attributes={"URI": "str!", "BYTERANGE": "from"}),
    "EXT-X-PROGRAM-DATE-TIME": Shape("4.4.4.6", "media"),
    "EXT-X-GAP": Shape("4.4.4.7", "media"),
    "EXT-X-BITRATE": Shape("4.4.4.8", "media"),
    "EXT-X-PART": Shape(
        "4.4.4.9",
        "media",
        attributes={"URI": "str!", "DURATION": "dec!", "INDEPENDENT": "yes", "BYTERANGE": "range", "GAP": "yes"},
    ),
    "EXT-X-DATERANGE": Shape(
        "4.4.5.1",
        "media",
        attributes={
            "ID": "str!",
            "CLASS": "str",
            "START-DATE": "str",
            "CUE": "str",
            "END-DATE": "str",
            "DURATION": "dec",
            "PLANNED-DURATION": "dec",
            "SCTE35-CMD": "hex",
            "SCTE35-OUT": "hex",
            "SCTE35-IN": "hex",
            "END-ON-NEXT": "yes",
        },
    ),
    "EXT-X-SKIP": Shape(
        "4.4.5.2",
        "media",
        once=True,
        attributes={"SKIPPED-SEGMENTS": "int!", "RECENTLY-REMOVED-DATERANGES": "empty"},
    ),
    "EXT-X-PRELOAD-HINT": Shape(
        "4.4.5.3",
        "media",
        attributes={"TYPE": "enum!", "URI": "str!", "BYTERANGE-START": "int", "BYTERANGE-LENGTH": "int"},
    ),
    "EXT-X-RENDITION-REPORT": Shape(
        "4.4.5.4", "media", attributes={"URI": "str!", "LAST-MSN": "int", "LAST-PART": "int"}
    ),
    "EXT-X-MEDIA": Shape(
        "4.4.6.1",
        "multivariant",
        attributes={
            "TYPE": "enum!",
            "URI": "str",
            "GROUP-ID": "str!",
            "LANGUAGE": "str",
            "ASSOC-LANGUAGE": "str",
            "NAME": "str!",
            "STABLE-RENDITION-ID": "stable",
            "DEFAULT": "bool",
            "AUTOSELECT": "bool",
            "FORCED": "bool",
            "INSTREAM-ID": "str",
            "BIT-DEPTH": "int",
            "SAMPLE-RATE": "int",
            "CHARACTERISTICS": "str",
            "CHANNELS": "str",
        },
    ),
    "EXT-X-STREAM-INF": Shape(
        "4.4.6.2",
        "multivariant",
        attributes={
            **_VARIANT,
            "FRAME-RATE": "dec",
            "AUDIO": "str",
            "SUBTITLES": "str",
            "CLOSED-CAPTIONS": "captions",
        },
    ),
    "EXT-X-I-FRAME-STREAM-INF": Shape("4.4.6.3", "multivariant", attributes={**_VARIANT, "URI": "str!"}),
    "EXT-X-SESSION-DATA": Shape(
        "4.4.6.4",
        "multivariant",
        attributes={"DATA-ID": "str!", "VALUE": "str", "URI": "str", "FORMAT": "enum", "LANGUAGE": "str"},
    ),
    "EXT-X-SESSION-KEY": Shape("4.4.6.5", "multivariant", attributes=_KEY),
    "EXT-X-CONTENT-STEERING": Shape(
        "4.4.6.6", "multivariant", once=True, attributes={"SERVER-URI": "str!", "PATHWAY-ID": "pathway"}
    ),
}
