"""A key server after the text of SPEKE v2 and CPIX 2.3, in a thread of its own: real HTTP, keys that follow from ids.

Written apart from the product: it reads requests with lxml and says what is wrong with them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from lxml import etree

NS = {
    "cpix": "urn:dashif:org:cpix",
    "pskc": "urn:ietf:params:xml:ns:keyprov:pskc",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "enc": "http://www.w3.org/2001/04/xmlenc#",
}
WIDEVINE = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
FAIRPLAY = "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"
_TEXT = "application/xml"


def key_of(kid: str) -> bytes:
    return hashlib.sha256(b"content key of " + kid.encode()).digest()[:16]


def pssh_of(system: str, kid: str) -> bytes:
    body = bytes(4) + bytes.fromhex(system.replace("-", "")) + (16).to_bytes(4, "big")
    body += bytes.fromhex(kid.replace("-", ""))
    return (8 + len(body)).to_bytes(4, "big") + b"pssh" + body


def uuid_of(kid: bytes) -> str:
    """A key id as documents and manifests spell it."""
    return str(uuid.UUID(bytes=kid))


class KeyServer:
    """`status`: what it answers with; `same_key`: all keys are one; `ciphered` follows from the request."""

    def __init__(self, authorization: str = "") -> None:
        self.authorization = authorization
        self.status = 200
        self.same_key = False
        self.spoil: bytes | None = None
        self.requests: list[bytes] = []
        self.wrong: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, said = outer.answer(body, dict(self.headers.items()))
                self.send_response(status)
                self.send_header("Content-Type", _TEXT)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/speke/v2/keys"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        self.requests.append(body)
        named = {name.lower(): value for name, value in headers.items()}
        if named.get("authorization", "") != self.authorization:
            return 401, b"<no/>"
        if named.get("x-speke-version") != "2.0" or named.get("content-type") != _TEXT:
            self.wrong.append(f"headers {sorted(named)}")
            return 400, b"<bad/>"
        if self.status != 200:
            return self.status, b"<no/>"
        if self.spoil is not None:
            return 200, self.spoil
        root = etree.fromstring(body)
        self._check(root)
        return (200, self._filled(root)) if not self.wrong else (400, "; ".join(self.wrong).encode())

    def _check(self, root: Any) -> None:
        """What the SPEKE v2 text demands of a request."""
        kids = [key.get("kid") for key in root.iterfind("cpix:ContentKeyList/cpix:ContentKey", NS)]
        rules = root.findall("cpix:ContentKeyUsageRuleList/cpix:ContentKeyUsageRule", NS)
        periods = {p.get("id") for p in root.iterfind("cpix:ContentKeyPeriodList/cpix:ContentKeyPeriod", NS)}
        named = {f.get("periodId") for f in root.iterfind(".//cpix:KeyPeriodFilter", NS)}
        order = [etree.QName(child).localname for child in root]
        lists = ["DeliveryData", "ContentKey", "DRMSystem", "ContentKeyPeriod", "ContentKeyUsageRule"]
        for holds, what in (
            (root.tag == f"{{{NS['cpix']}}}CPIX" and root.get("version") == "2.3", "CPIX of version 2.3"),
            (bool(root.get("contentId")), "a contentId"),
            (bool(kids) and len(set(kids)) == len(kids), "key ids that differ"),
            ([rule.get("kid") for rule in rules] == kids, "a usage rule for each key"),
            ({rule.get("intendedTrackType") for rule in rules} <= {"VIDEO", "AUDIO"}, "intendedTrackType"),
            (periods == named, "filters that name the periods"),
            ({s.get("kid") for s in root.iterfind(".//cpix:DRMSystem", NS)} <= set(kids), "systems of these keys"),
            (order == [f"{name}List" for name in lists if f"{name}List" in order], "lists in the order of the schema"),
        ):
            if not holds:
                self.wrong.append(what)

    def _filled(self, root: Any) -> bytes:
        certificate = root.findtext(".//ds:X509Certificate", None, NS)
        document_key, mac_key = os.urandom(32), os.urandom(64)
        if certificate:
            _deliver(root, certificate, document_key, mac_key)
        for key in root.iterfind("cpix:ContentKeyList/cpix:ContentKey", NS):
            value = key_of("all" if self.same_key else key.get("kid"))
            secret = _grown(key, "cpix:Data", "pskc:Secret")
            if certificate:
                octets = _ciphered(document_key, value)
                _encrypted(secret, "http://www.w3.org/2001/04/xmlenc#aes256-cbc", octets)
                mac = hmac.new(mac_key, octets, hashlib.sha512).digest()
                _grown(secret, "pskc:ValueMAC").text = base64.b64encode(mac).decode()
            else:
                _grown(secret, "pskc:PlainValue").text = base64.b64encode(value).decode()
        for system in root.iterfind("cpix:DRMSystemList/cpix:DRMSystem", NS):
            _signal(system)
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _signal(system: Any) -> None:
    kid, name = system.get("kid"), system.get("systemId")
    box = base64.b64encode(pssh_of(name, kid)).decode()
    for element in system:
        match etree.QName(element).localname:
            case "PSSH":
                element.text = box
            case "ContentProtectionData":
                element.text = _text(f'<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">{box}</cenc:pssh>')
            case "HLSSignalingData":
                tag = {"media": "EXT-X-KEY", "master": "EXT-X-SESSION-KEY"}[element.get("playlist")]
                uri = f"skd://{kid}" if name == FAIRPLAY else f"data:text/plain;base64,{box}"
                form = "com.apple.streamingkeydelivery" if name == FAIRPLAY else f"urn:uuid:{name}"
                element.text = _text(f'#{tag}:METHOD=SAMPLE-AES,URI="{uri}",KEYFORMAT="{form}",KEYFORMATVERSIONS="1"')


def _deliver(root: Any, certificate: str, document_key: bytes, mac_key: bytes) -> None:
    public = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    assert isinstance(public, RSAPublicKey)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    delivery = root.find("cpix:DeliveryDataList/cpix:DeliveryData", NS)
    document = _grown(delivery, "cpix:DocumentKey")
    document.set("Algorithm", "http://www.w3.org/2001/04/xmlenc#aes256-cbc")
    wrapped = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
    _encrypted(_grown(document, "cpix:Data", "pskc:Secret"), wrapped, public.encrypt(document_key, oaep))
    method = _grown(delivery, "cpix:MACMethod")
    method.set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512")
    _fill(_grown(method, "cpix:Key"), wrapped, public.encrypt(mac_key, oaep))


def _ciphered(key: bytes, value: bytes) -> bytes:
    iv, padder = os.urandom(16), PKCS7(128).padder()
    chain = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + chain.update(padder.update(value) + padder.finalize())


def _encrypted(secret: Any, algorithm: str, octets: bytes) -> None:
    _fill(_grown(secret, "pskc:EncryptedValue"), algorithm, octets)


def _fill(value: Any, algorithm: str, octets: bytes) -> None:
    _grown(value, "enc:EncryptionMethod").set("Algorithm", algorithm)
    _grown(value, "enc:CipherData", "enc:CipherValue").text = base64.b64encode(octets).decode()


def _grown(parent: Any, *names: str) -> Any:
    for name in names:
        prefix, local = name.split(":")
        parent = etree.SubElement(parent, f"{{{NS[prefix]}}}{local}")
    return parent


def _text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
