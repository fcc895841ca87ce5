from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from agent.browser.network.ca import CertificateAuthority


async def presented(authority: CertificateAuthority, host: str) -> x509.Certificate:
    """The certificate a client accepts for ``host``, full verification on."""

    def ignore(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    trust = ssl.create_default_context()
    authority.trust(trust)
    server = await asyncio.start_server(ignore, "127.0.0.1", 0, ssl=authority.server_context(host))
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=host)
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
    return x509.load_der_x509_certificate(der)


def fingerprint(certificate: x509.Certificate) -> str:
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


@pytest.mark.parametrize("host", ["shop.test", "127.0.0.1", "::1"])
async def test_the_certificate_of_a_host_verifies_and_has_the_announced_key(tmp_path: Path, host: str) -> None:
    authority = CertificateAuthority(tmp_path)
    assert fingerprint(await presented(authority, host)) == authority.spki_fingerprint


async def test_all_hosts_share_one_key_but_not_the_certificate(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    shop, news = await presented(authority, "shop.test"), await presented(authority, "news.test")
    assert fingerprint(shop) == fingerprint(news)
    assert shop.serial_number != news.serial_number


def test_the_context_of_a_host_is_made_once(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    assert authority.server_context("shop.test") is authority.server_context("shop.test")
    assert authority.server_context("shop.test") is not authority.server_context("news.test")


def test_files_on_disk_are_private_and_lack_the_key_of_the_authority(tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    authority = CertificateAuthority(folder)
    authority.server_context("shop.test")
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "ca.pem": 0o600,
        "leaf-key.pem": 0o600,
    }
    ca = x509.load_pem_x509_certificate(authority.certificate_path.read_bytes())
    key = load_pem_private_key((folder / "leaf-key.pem").read_bytes(), None)
    assert key.public_key() != ca.public_key()


def test_every_authority_is_new(tmp_path: Path) -> None:
    first = CertificateAuthority(tmp_path)
    second = CertificateAuthority(tmp_path)
    assert first.spki_fingerprint != second.spki_fingerprint
