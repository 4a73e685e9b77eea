from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingest.rtmps import Certificate
from tests.kit.encoder import Encoder
from tests.kit.ingesting import KEY, free_port, ingesting


def issues(name: str, chain: Path, key: Path) -> None:
    """A certificate that signs itself, for `name`."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=3650))
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    chain.write_bytes(certificate.public_bytes(pem))


async def name_at(port: int) -> str:
    """The name in the certificate that is shown at a port."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(20):
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
    found = x509.load_der_x509_certificate(shown).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value)


async def until_named(port: int, name: str) -> None:
    async with asyncio.timeout(30):
        while await name_at(port) != name:
            await asyncio.sleep(0.1)


async def test_an_encoder_publishes_over_tls_and_the_certificate_is_renewed_under_it(tmp_path: Path) -> None:
    chain, key, port = tmp_path / "chain.pem", tmp_path / "key.pem", free_port()
    issues("one", chain, key)
    settings: dict[str, str | int | bool] = {
        "ingest.rtmps_certificate": str(chain),
        "ingest.rtmps_key": str(key),
        "ingest.rtmps_listen": f"127.0.0.1:{port}",
    }
    async with ingesting(settings=settings) as role:
        async with Encoder(f"rtmps://127.0.0.1:{port}/live/{KEY}", keyframe_s=1):
            await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 1)
            assert await name_at(port) == "one"
            issues("two", chain, key)
            await until_named(port, "two")
            chain.write_text("no certificate")
            closed = len(role.origin.numbers("v1"))
            await role.origin.until(lambda: len(role.origin.numbers("v1")) > closed + 2)
            assert await name_at(port) == "two", "what cannot be read does not take the place of what could"
        assert role.ctx.metrics.value("ingest_offers", outcome="admitted") == 1


async def test_a_record_that_was_forged_ends_its_connection_alone(tmp_path: Path) -> None:
    chain, key, port = tmp_path / "chain.pem", tmp_path / "key.pem", free_port()
    issues("one", chain, key)
    settings: dict[str, str | int | bool] = {
        "ingest.rtmps_certificate": str(chain),
        "ingest.rtmps_key": str(key),
        "ingest.rtmps_listen": f"127.0.0.1:{port}",
    }
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, found: faults.append(found))
    async with ingesting(settings=settings):
        await until_named(port, "one")
        await asyncio.to_thread(_forges, port)
        await until_named(port, "one")
    assert faults == []


def _forges(port: int) -> None:
    """Shake hands, then send a record that no key has sealed, and read until the connection ends."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    shaken = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))
    shaken.sendall(b"\x03")
    with socket.socket(fileno=shaken.detach()) as bare, contextlib.suppress(ConnectionError):
        bare.settimeout(20)
        bare.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        while bare.recv(4096):
            pass


async def test_the_port_is_closed_without_a_certificate() -> None:
    port = free_port()
    async with ingesting(settings={"ingest.rtmps_listen": f"127.0.0.1:{port}"}):
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)


def test_a_key_that_does_not_fit_is_refused_and_the_old_pair_stays(tmp_path: Path) -> None:
    chain, key, other = tmp_path / "chain.pem", tmp_path / "key.pem", tmp_path / "other.pem"
    issues("one", chain, key)
    certificate = Certificate(chain, key)
    assert certificate.refresh()
    assert not certificate.refresh(), "nothing changed"
    issues("two", chain, other)
    with pytest.raises(ssl.SSLError):
        certificate.refresh()
    key.write_bytes(other.read_bytes())
    assert certificate.refresh()


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issues("one", chain, key)
    chain.write_bytes(chain.read_bytes() + key.read_bytes())
    assert Certificate(chain, None).refresh()


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(FileNotFoundError):
        Certificate(Path("/nowhere/chain.pem"), None).refresh()
