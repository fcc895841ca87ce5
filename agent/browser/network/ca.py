"""A throw-away certificate authority, trusted by the one Chromium that is told its leaf key's fingerprint."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import ssl
import tempfile
from pathlib import Path
from typing import cast

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID


class CertificateAuthority:
    """Issues a certificate for any host, all for one leaf key, as a server's TLS context.

    ``folder`` receives ``ca.pem``, the authority's certificate, and ``leaf-key.pem``, both of mode 0600; the
    authority's own private key stays in memory. Nothing is added to a system store.
    """

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA(organization_name="tallyhost throw-away CA")
        self._certificate = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        signer = serialization.load_pem_private_key(self._authority.private_key_pem.bytes(), None)
        self._signer = cast("ec.EllipticCurvePrivateKey", signer)
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.certificate_path = folder / "ca.pem"
        self._key_path = folder / "leaf-key.pem"
        _write_private(self.certificate_path, self._authority.cert_pem.bytes())
        _write_private(
            self._key_path,
            self._leaf_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )

    @property
    def spki_fingerprint(self) -> str:
        """Base64 of SHA-256 of the leaf key: value of Chromium's ``--ignore-certificate-errors-spki-list``."""
        public = self._leaf_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(hashlib.sha256(public).digest()).decode("ascii")

    def trust(self, context: ssl.SSLContext) -> None:
        """Make a client's ``context`` trust this authority."""
        self._authority.configure_trust(context)

    def server_context(self, host: str) -> ssl.SSLContext:
        """The TLS context that answers for ``host`` (a name, or an IP address without brackets); kept once made."""
        context = self._contexts.get(host)
        if context is None:
            context = self._contexts[host] = self._new_context(host)
        return context

    def _new_context(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".pem") as leaf:
            leaf.write(self._issue(host).public_bytes(serialization.Encoding.PEM))
            leaf.flush()
            context.load_cert_chain(leaf.name, self._key_path)
        return context

    def _issue(self, host: str) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._certificate.subject)
            .public_key(self._leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._certificate.not_valid_before_utc)
            .not_valid_after(self._certificate.not_valid_after_utc)
            .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._signer.public_key()), critical=False
            )
            .sign(self._signer, hashes.SHA256())
        )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
