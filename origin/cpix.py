"""CPIX 2.3 documents as SPEKE v2 has them: what is asked of a key server, and what it answers. Pure.

DASH-IF, "Content Protection Information Exchange Format" 2.3; "Secure Packager and Encoder Key Exchange" API 2.0.

The request names the keys that are wanted by ids that are made here, what each is for (a sort of track, a crypto
period), and the DRM systems that want to be told something. The answer is the same document filled in: values of keys,
in the clear or under a document key that only the holder of our private key can read (4.3.2 of CPIX), and what
manifests and playlists are to say. An answer is judged as a whole: what is missing or odd is a ValueError that says so.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from packager.cenc import ContentKey, Signal
from packager.methods import Method

MOST_OCTETS = 8 << 20
_LONGEST_SIGNAL = 64 << 10
CPIX, PSKC = "urn:dashif:org:cpix", "urn:ietf:params:xml:ns:keyprov:pskc"
_DS, _ENC = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/04/xmlenc#"
_SPACES = {"cpix": CPIX, "pskc": PSKC, "ds": _DS, "enc": _ENC}
_OAEP = f"{_ENC}rsa-oaep-mgf1p"
_MACS = {
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256": hashlib.sha256,
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha384": hashlib.sha384,
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512": hashlib.sha512,
}
_TRACKS = {"video": ("VIDEO", "VideoFilter"), "audio": ("AUDIO", "AudioFilter")}
SYSTEMS = {
    "widevine": "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
    "playready": "9a04f079-9840-4286-ab92-e65be0885f95",
    "fairplay": "94ce86fb-07ff-4f43-adb8-93d2fa968ca2",
}
_KEY, _SESSION_KEY = "#EXT-X-KEY:", "#EXT-X-SESSION-KEY:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One key: its id, the kind of track and the crypto period that it is for, and the IV of cbcs (empty in cenc)."""

    kid: bytes
    kind: str
    period: int
    iv: bytes = b""


def request(
    content: str, method: Method, wanted: Sequence[Wanted], systems: Sequence[str], certificate: bytes = b""
) -> bytes:
    """The document that is posted. `certificate`: DER, for which the answer is to be ciphered; empty: in the clear."""
    root = ET.Element("cpix:CPIX", {f"xmlns:{prefix}": space for prefix, space in _SPACES.items()})
    root.set("contentId", content)
    root.set("version", "2.3")
    if certificate:
        key = ET.SubElement(
            ET.SubElement(ET.SubElement(root, "cpix:DeliveryDataList"), "cpix:DeliveryData"), "cpix:DeliveryKey"
        )
        data = ET.SubElement(key, "ds:X509Data")
        ET.SubElement(data, "ds:X509Certificate").text = base64.b64encode(certificate).decode()
    keys = ET.SubElement(root, "cpix:ContentKeyList")
    for row in wanted:
        key = ET.SubElement(keys, "cpix:ContentKey", kid=_text(row.kid), commonEncryptionScheme=method)
        if row.iv:
            key.set("explicitIV", base64.b64encode(row.iv).decode())
    listed = ET.SubElement(root, "cpix:DRMSystemList")
    for row in wanted:
        for name in systems:
            _system(listed, row, name, method)
    periods = sorted({row.period for row in wanted})
    if len(periods) > 1 or periods[0]:
        container = ET.SubElement(root, "cpix:ContentKeyPeriodList")
        for period in periods:
            ET.SubElement(container, "cpix:ContentKeyPeriod", id=f"period-{period}", index=str(period))
    rules = ET.SubElement(root, "cpix:ContentKeyUsageRuleList")
    for row in wanted:
        track, usage = _TRACKS[row.kind]
        rule = ET.SubElement(rules, "cpix:ContentKeyUsageRule", kid=_text(row.kid), intendedTrackType=track)
        if len(periods) > 1 or periods[0]:
            ET.SubElement(rule, "cpix:KeyPeriodFilter", periodId=f"period-{row.period}")
        ET.SubElement(rule, f"cpix:{usage}")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _system(listed: ET.Element, row: Wanted, name: str, method: Method) -> None:
    """One DRM system and one key: empty elements are what the server is to fill in."""
    system = ET.SubElement(listed, "cpix:DRMSystem", kid=_text(row.kid), systemId=SYSTEMS[name])
    if name != "fairplay":  # which has no pssh, and no place in DASH
        ET.SubElement(system, "cpix:PSSH")
        ET.SubElement(system, "cpix:ContentProtectionData")
    if method is Method.CBCS:
        for playlist in ("media", "master"):
            ET.SubElement(system, "cpix:HLSSignalingData", playlist=playlist)


def answer(body: bytes, wanted: Sequence[Wanted], private_key: RSAPrivateKey | None = None) -> dict[bytes, ContentKey]:
    """The keys that were wanted, by id. Raises ValueError with what is wrong; no key is ever in it."""
    root = _parsed(body)
    secret = _Delivery(root, private_key)
    given: dict[bytes, ET.Element] = {}
    for element in root.iterfind("cpix:ContentKeyList/cpix:ContentKey", _SPACES):
        given[_id(element.get("kid", ""))] = element
    signals: dict[bytes, list[Signal]] = {}
    for element in root.iterfind("cpix:DRMSystemList/cpix:DRMSystem", _SPACES):
        signals.setdefault(_id(element.get("kid", "")), []).append(_signal(element))
    found = {}
    for row in wanted:
        key = given.get(row.kid)
        if key is None:
            raise ValueError(f"it has no key {_text(row.kid)}")
        value = secret.value(key.find("cpix:Data/pskc:Secret", _SPACES))
        iv = _octets(key.get("explicitIV", "")) or row.iv
        if len(value) != 16 or len(iv) not in (0, 16) or (row.iv and not iv):
            raise ValueError(f"key {_text(row.kid)} is not of 16 octets with an IV of 16")
        found[row.kid] = ContentKey(kid=row.kid, key=value, iv=iv, signals=tuple(signals.get(row.kid, ())))
    return found


def _parsed(body: bytes) -> ET.Element:
    """Without declarations: no entity is ever expanded."""
    try:
        text = body.decode()
        if "<!DOCTYPE" in text:
            raise ValueError("it declares a document type")
        root = ET.fromstring(text)
    except (UnicodeDecodeError, ET.ParseError) as fault:
        raise ValueError(f"it is no XML in UTF-8: {fault}") from None
    if root.tag != _cpix("CPIX"):
        raise ValueError("it is no CPIX document")
    return root


class _Delivery:
    """How the values of keys are ciphered, if they are (CPIX 4.3.2; RFC 6030 6)."""

    def __init__(self, root: ET.Element, private_key: RSAPrivateKey | None) -> None:
        self._document_key = self._mac_key = b""
        self._mac = ""
        data = root.find("cpix:DeliveryDataList/cpix:DeliveryData", _SPACES)
        if data is None:
            return
        document = data.find("cpix:DocumentKey/cpix:Data/pskc:Secret/pskc:EncryptedValue", _SPACES)
        if document is None:
            return
        if private_key is None:
            raise ValueError("its keys are ciphered, and there is no private key to read them with")
        self._document_key = _unwrapped(document, private_key)
        if (method := data.find("cpix:MACMethod", _SPACES)) is not None:
            self._mac = method.get("Algorithm", "")
            key = method.find("cpix:Key", _SPACES)
            if self._mac not in _MACS or key is None:
                raise ValueError("its MAC method is not known")
            self._mac_key = _unwrapped(key, private_key)

    def value(self, secret: ET.Element | None) -> bytes:
        """The octets of a pskc:Secret. Raises ValueError."""
        if secret is None:
            raise ValueError("a key has no value")
        plain = secret.findtext("pskc:PlainValue", None, _SPACES)
        if plain is not None:
            return _octets(plain)
        ciphered = secret.find("pskc:EncryptedValue", _SPACES)
        if ciphered is None or not self._document_key:
            raise ValueError("a key has no value that can be read")
        octets = _cipher_value(ciphered)
        if self._mac:
            stated = _octets(secret.findtext("pskc:ValueMAC", "", _SPACES))
            made = hmac.new(self._mac_key, octets, _MACS[self._mac]).digest()
            if not hmac.compare_digest(stated, made):
                raise ValueError("a key's MAC does not fit it")
        algorithm = _algorithm(ciphered)
        if algorithm not in (f"{_ENC}aes128-cbc", f"{_ENC}aes192-cbc", f"{_ENC}aes256-cbc") or len(octets) < 32:
            raise ValueError("a key is ciphered in a way that is not known")
        chain = Cipher(algorithms.AES(self._document_key), modes.CBC(octets[:16])).decryptor()
        unpadder = PKCS7(128).unpadder()
        try:
            return unpadder.update(chain.update(octets[16:]) + chain.finalize()) + unpadder.finalize()
        except ValueError:
            raise ValueError("a key cannot be deciphered") from None


def _unwrapped(value: ET.Element, private_key: RSAPrivateKey) -> bytes:
    if _algorithm(value) != _OAEP:
        raise ValueError("its document key is ciphered in a way that is not known")
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    try:
        return private_key.decrypt(_cipher_value(value), oaep)
    except ValueError:
        raise ValueError("its document key is not for our private key") from None


def _algorithm(value: ET.Element) -> str:
    method = value.find("enc:EncryptionMethod", _SPACES)
    return method.get("Algorithm", "") if method is not None else ""


def _cipher_value(value: ET.Element) -> bytes:
    return _octets(value.findtext("enc:CipherData/enc:CipherValue", "", _SPACES))


def _signal(element: ET.Element) -> Signal:
    """What a DRM system says. Raises ValueError for what cannot stand in a manifest or playlist."""
    lines: Mapping[str, list[str]] = {"media": [], "master": []}
    for data in element.iterfind("cpix:HLSSignalingData", _SPACES):
        # without an attribute it is that of media playlists (CPIX 2.3, HLSSignalingData)
        place = data.get("playlist", "media")
        if place in lines:
            lines[place] += _lines(_octets(data.text or ""), _KEY if place == "media" else _SESSION_KEY)
    return Signal(
        system=_id(element.get("systemId", "")),
        pssh=_pssh(_octets(element.findtext("cpix:PSSH", "", _SPACES))),
        manifest=_elements(_octets(element.findtext("cpix:ContentProtectionData", "", _SPACES))),
        media=tuple(lines["media"]),
        master=tuple(lines["master"]),
    )


def _lines(octets: bytes, start: str) -> list[str]:
    found = [line.strip() for line in _readable(octets).splitlines() if line.strip()]
    if not all(line.startswith(start) and line.isprintable() for line in found):
        raise ValueError(f"its HLS signalling has lines other than {start}...")
    return found


def _elements(octets: bytes) -> tuple[str, ...]:
    """XML elements in a row, each as a text of its own."""
    text = _readable(octets)
    if not text.strip():
        return ()
    if "<!" in text:
        raise ValueError("its ContentProtection data has declarations")
    try:
        root = ET.fromstring(f"<all>{text}</all>")
    except ET.ParseError:
        raise ValueError("its ContentProtection data is no XML") from None
    return tuple(ET.tostring(child, encoding="unicode").strip() for child in root)


def _readable(octets: bytes) -> str:
    if len(octets) > _LONGEST_SIGNAL:
        raise ValueError("its signalling is too long")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise ValueError("its signalling is no UTF-8") from None


def _pssh(octets: bytes) -> bytes:
    whole = len(octets) <= _LONGEST_SIGNAL and int.from_bytes(octets[:4], "big") == len(octets)
    if octets and not (whole and octets[4:8] == b"pssh"):
        raise ValueError("a pssh in it is no box")
    return octets


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise ValueError("a value in it is no base64") from None


def _id(text: str) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise ValueError("an id in it is no UUID") from None


def _text(kid: bytes) -> str:
    return str(uuid.UUID(bytes=kid))


def _cpix(name: str) -> str:
    return f"{{{CPIX}}}{name}"
