"""``http.probe`` against a real server on the loopback address, with and without TLS."""

from __future__ import annotations

import hashlib
import itertools
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from handlers_kit import Lease, context, job
from workers.core.job import BpmnErrorCode, Done, Outcome, Refused
from workers.core.values import now
from workers.handlers.hosts import host_workers

KEYS = itertools.count(1)


class Page(BaseHTTPRequestHandler):
    """One page that names the host it was asked for; everything else is not there."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/" else 404)
        self.end_headers()
        self.wfile.write(f"a &amp; b for {self.headers['Host']}".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and web.example, signed with itself, and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example")])
    known_as = x509.SubjectAlternativeName([x509.DNSName("web.example"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(known_as, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    kind = serialization.PrivateFormat.PKCS8
    text = made.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(text + key.private_bytes(serialization.Encoding.PEM, kind, plain))
    (path.parent / "certificate.pem").write_bytes(text)
    return path


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[int]:
    """A server; gives its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    if certificate:
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(certificate)
        server.socket = secure.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def secure_port(certificate: Path) -> Iterator[int]:
    with serving(certificate) as port:
        yield port


async def probe(folder: Path, **variables: object) -> Outcome:
    """What the worker makes of it; it tries for a second."""
    ctx = context(folder)
    handle = next(w.handler for w in host_workers(ctx) if w.type == "http.probe")
    # Another key each time: a job that comes again gets the result that is recorded.
    return await handle(
        job("http.probe", next(KEYS), environment="local", hosts=["db1"], timeoutSeconds=1, **variables), Lease()
    )


def fingerprint(certificate: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text(certificate))).hexdigest()


def text(certificate: Path) -> str:
    return (certificate.parent / "certificate.pem").read_text()


async def test_a_page_is_found_by_the_text_that_a_reader_sees(tmp_path: Path) -> None:
    """Entities in the page count as what they show; the result has no word on certificates."""
    with serving() as port:
        outcome = await probe(tmp_path, port=port, contains="a & b")
    assert isinstance(outcome, Done)
    assert set(outcome.variables["probe"]) == {"status", "milliseconds", "url"}


async def test_an_authority_makes_a_certificate_trusted(tmp_path: Path, certificate: Path, secure_port: int) -> None:
    """With the authority, as text or by reference, the page counts, and the result says which certificate it was."""
    (tmp_path / "project/secrets").mkdir(parents=True)
    (tmp_path / "project/secrets/ca.crt").write_text(text(certificate))
    for authority in (text(certificate), "secret://file/ca.crt"):
        outcome = await probe(tmp_path, scheme="https", port=secure_port, authority=authority)
        assert isinstance(outcome, Done)
        assert outcome.variables["probe"]["fingerprint"] == fingerprint(certificate)
        assert outcome.variables["probe"]["verified"] is True


async def test_the_name_asked_for_is_the_one_that_is_verified(
    tmp_path: Path, certificate: Path, secure_port: int
) -> None:
    """A server name is asked for, and must be in the certificate."""
    known = {"scheme": "https", "port": secure_port, "authority": text(certificate)}
    good = await probe(tmp_path, serverName="web.example", contains="for web.example", **known)
    assert isinstance(good, Done)
    other = await probe(tmp_path, serverName="other.example", **known)
    assert isinstance(other, Refused)
    assert "other.example" in other.message


async def test_a_fingerprint_pins_the_certificate(tmp_path: Path, certificate: Path, secure_port: int) -> None:
    """The certificate with that fingerprint is trusted without an authority, as openssl prints it too; no other is."""
    digits = fingerprint(certificate).upper()
    printed = ":".join(digits[n : n + 2] for n in range(0, 64, 2))
    assert isinstance(await probe(tmp_path, scheme="https", port=secure_port, fingerprint=printed), Done)
    wrong = await probe(tmp_path, scheme="https", port=secure_port, fingerprint="0" * 64)
    assert isinstance(wrong, Refused)
    assert "the certificate is another one" in wrong.message


async def test_nobody_is_trusted_unless_the_model_says_so(tmp_path: Path, secure_port: int) -> None:
    """A certificate that nothing vouches for fails the probe; ``unverified`` lets it pass, and the result says so."""
    strict = await probe(tmp_path, scheme="https", port=secure_port)
    assert isinstance(strict, Refused)
    assert strict.code is BpmnErrorCode.PROBE_FAILED
    loose = await probe(tmp_path, scheme="https", port=secure_port, unverified=True)
    assert isinstance(loose, Done)
    assert loose.variables["probe"]["verified"] is False


@pytest.mark.parametrize(
    ("variables", "said"),
    [({"path": "/nothing"}, "answered 404"), ({"contains": "c"}, "without the expected text")],
)
async def test_a_wrong_answer_is_the_error_of_the_model(
    tmp_path: Path, variables: dict[str, object], said: str
) -> None:
    """The message says where and what."""
    with serving() as port:
        outcome = await probe(tmp_path, port=port, **variables)
    assert isinstance(outcome, Refused)
    assert said in outcome.message
    assert f"127.0.0.1:{port}" in outcome.message


async def test_an_authority_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    """What is not a certificate never becomes trust in the system's authorities."""
    outcome = await probe(tmp_path, scheme="https", authority="nonsense")
    assert "authority" in str(outcome)
    assert not isinstance(outcome, Done)
