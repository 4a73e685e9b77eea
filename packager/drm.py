"""What playlists and manifests say of protection, so that a player finds key ids and where to ask for keys.

HLS: EXT-X-KEY (RFC 8216bis 4.4.4.4). KEYFORMAT `org.w3.clearkey` with the key id in a data URI is how hls.js knows
ClearKey; in the format `identity` the URI leads to the key itself.
DASH: ContentProtection (ISO/IEC 23009-1 5.8.4.1; 23001-7 section 11; DASH-IF IOP part 6): the scheme with its key id,
and ClearKey where it is on, or else the W3C common system with its pssh, which names the keys of all crypto periods:
players of ClearKey ask for no more than they were told of at first (docs/decisions/0010-key-rotation.md). The licence
server is named only by an absolute URL: players take another one as relative to their page.
"""

from __future__ import annotations

import base64
import uuid
from xml.etree import ElementTree as ET

from base.uris import key_uri
from packager.cenc import ContentKey, Signal
from packager.cenc_boxes import common_pssh
from packager.hls_tags import Tag, attributes, quoted
from packager.methods import Method
from packager.protect import Protection

# Prefixes that a manifest with `content_protection` in it declares.
NAMESPACES = {"xmlns:cenc": "urn:mpeg:cenc:2013", "xmlns:dashif": "https://dashif.org/CPS"}
_METHOD = {Method.CENC: "SAMPLE-AES-CTR", Method.CBCS: "SAMPLE-AES"}
_MOST_KIDS = 1000  # of one kind of track: 16 octets each. Later ones are found in their fragments.
_PSSH = "{urn:mpeg:cenc:2013}pssh"
# DRM systems as @value names them, by their ids (dashif.org/identifiers/content_protection)
SYSTEM_NAMES = {
    bytes.fromhex("edef8ba979d64acea3c827dcd51d21ed"): "Widevine",
    bytes.fromhex("9a04f07998404286ab92e65be0885f95"): "MSPR 2.0",
    bytes.fromhex("94ce86fb07ff4f43adb893d2fa968ca2"): "FairPlay",
}
_MP4_PROTECTION = "urn:mpeg:dash:mp4protection:2011"
_COMMON = "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
_CLEARKEY = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"


def key_tags(protection: Protection, kind: str) -> dict[int, str]:
    """The EXT-X-KEY tags of a track of this kind, by the number of the segment in front of which each stands."""
    periods = protection.periods.of_segment or (0,)
    return {
        number: _key_tag(protection, protection.key(kind, number))
        for number, period in enumerate(periods)
        if number == 0 or period != periods[number - 1]
    }


def session_keys(protection: Protection) -> list[str]:
    """The EXT-X-SESSION-KEY lines of the multivariant playlist (4.4.6.5): what key servers said for it."""
    keys = [key for kind in sorted(protection.keys) for key in protection.keys[kind][:1]]
    return list(dict.fromkeys(line for key in keys for signal in key.signals for line in signal.master))


def _key_tag(protection: Protection, key: ContentKey | None) -> str:
    if key is None:
        return attributes(Tag.KEY, METHOD="NONE")
    signalled = [line for signal in key.signals for line in signal.media]
    if signalled and not protection.clearkey:
        return "\n".join(signalled)
    return "\n".join((*signalled, _own_tag(protection, key)))


def _own_tag(protection: Protection, key: ContentKey) -> str:
    if protection.method.key_by_uri:
        return attributes(
            Tag.KEY,
            METHOD="AES-128" if protection.method is Method.AES_128 else "SAMPLE-AES",
            URI=quoted(key_uri(key.kid)),
            IV=f"0x{key.iv.hex().upper()}" if key.iv else None,  # 4.2: a hexadecimal-sequence has capitals
        )
    kid = base64.b64encode(key.kid).decode()
    return attributes(
        Tag.KEY,
        METHOD=_METHOD[protection.method],
        URI=quoted(f"data:;base64,{kid}"),
        KEYFORMAT=quoted("org.w3.clearkey"),
        KEYFORMATVERSIONS=quoted("1"),
    )


def content_protection(protection: Protection, kind: str) -> list[ET.Element]:
    """The descriptors of an adaptation set of this kind."""
    kid = protection.first_key(kind).kid
    scheme = ET.Element("ContentProtection", schemeIdUri=_MP4_PROTECTION, value=protection.method)
    # the octets in the order of tenc, not as PlayReady orders them
    scheme.set("cenc:default_KID", str(uuid.UUID(bytes=kid)))
    systems = [_system(signal) for signal in protection.first_key(kind).signals]
    kids = [key.kid for key in protection.keys[kind][:_MOST_KIDS]]
    if protection.clearkey and len(kids) == 1:
        clearkey = ET.Element("ContentProtection", schemeIdUri=_CLEARKEY, value="ClearKey1.0")
        if protection.licence_url:
            ET.SubElement(clearkey, "dashif:Laurl", licenseType="EME-1.0").text = protection.licence_url
        return [scheme, *systems, clearkey]
    if systems and len(kids) == 1:
        return [scheme, *systems]
    # Never beside ClearKey: dash.js takes both for one system, and hands the pssh over as if it were a list of key ids.
    common = ET.Element("ContentProtection", schemeIdUri=_COMMON, value="cenc")
    ET.SubElement(common, "cenc:pssh").text = base64.b64encode(common_pssh(kids)).decode()
    return [scheme, *systems, common]


def _system(signal: Signal) -> ET.Element:
    """The descriptor of a DRM system (DASH-IF IOP part 6), with what its key server wants to stand in it."""
    element = ET.Element("ContentProtection", schemeIdUri=f"urn:uuid:{uuid.UUID(bytes=signal.system)}")
    if name := SYSTEM_NAMES.get(signal.system):
        element.set("value", name)
    element.extend(ET.fromstring(text) for text in signal.manifest)
    if signal.pssh and element.find(_PSSH) is None:
        ET.SubElement(element, "cenc:pssh").text = base64.b64encode(signal.pssh).decode()
    return element
