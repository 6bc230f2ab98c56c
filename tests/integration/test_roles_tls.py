"""Certificates, TLS and figures: the roles tls_certificate, web_server and monitoring_agent on a real machine."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_host_fixtures import Host, machine, tools
from roles_fixtures import Run, play

__all__ = ["tools"]  # a fixture that is used by being here

pytestmark = [pytest.mark.tofu, pytest.mark.ssh]

ROLES = ("tls_certificate", "web_server", "monitoring_agent")
FILES = "/etc/ssl/tls_certificate/host"


@dataclass(frozen=True)
class Authority:
    """An authority of the test's own."""

    certificate: Path
    key: Path

    def variables(self, **more: object) -> str:
        """What the roles are given: a certificate of this authority, a page over TLS, an agent for all."""
        given = {
            "tls_certificate_source": "own_ca",
            "tls_certificate_authority": self.certificate.read_text(),
            "tls_certificate_authority_key": self.key.read_text(),
            "web_server_tls_certificate": f"{FILES}.crt",
            "web_server_tls_key": f"{FILES}.key",
            "monitoring_agent_address": "0.0.0.0",
            "monitoring_agent_collectors_off": ["wifi"],
        }
        return json.dumps(given | more)


@dataclass(frozen=True)
class Secured:
    """A machine, its authority, and what was said on the way there."""

    host: Host
    authority: Authority
    runs: tuple[Run, ...]


def authority(folder: Path) -> Authority:
    """Make one, as the README of the role says."""
    made = Authority(folder / "authority.crt", folder / "authority.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
         "-subj", "/CN=Authority of the tests", "-addext", "basicConstraints=critical,CA:TRUE",
         "-addext", "keyUsage=critical,keyCertSign,cRLSign",
         "-keyout", str(made.key), "-out", str(made.certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A machine with all three roles on it: foretold, made, made again."""
    own = authority(tmp_path_factory.mktemp("authority"))
    with machine(tmp_path_factory.mktemp("tls"), "tls") as host:
        host.ssh("useradd", "-m", "-s", "/bin/bash", "bob")
        host.ssh("cp -r /root/.ssh /home/bob/.ssh && chown -R bob: /home/bob/.ssh")
        checks = (True, False, False)
        yield Secured(host, own, tuple(play(host, *ROLES, variables=own.variables(), check=c) for c in checks))


def served(host: Host, trusted: Authority) -> tuple[str, bytes]:
    """The page over TLS, and the certificate it was served with, trusted for the sake of the authority alone."""
    context = ssl.create_default_context(cafile=str(trusted.certificate))
    with (
        socket.create_connection((host.address, 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host.address) as secure,
    ):
        certificate = secure.getpeercert(binary_form=True)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    with opener.open(f"https://{host.address}/", timeout=10) as answer:
        return answer.read().decode(), certificate or b""


@pytest.mark.parametrize(("number", "changes"), [(0, True), (1, True), (2, False)])
def test_foretold_made_and_then_left_alone(secured: Secured, number: int, changes: bool) -> None:
    """A check on a fresh host foretells, the first run makes it so, a second run changes nothing."""
    run = secured.runs[number]
    assert run.code == 0, run.text
    assert (run.changed > 0) == changes, run.text


def test_the_page_is_trusted_for_the_sake_of_the_authority(secured: Secured) -> None:
    """A client that knows the authority alone gets the page over TLS, by the machine's address."""
    assert "It works." in served(secured.host, secured.authority)[0]


def test_plain_http_only_redirects(secured: Secured) -> None:
    """The other port serves nothing itself."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            """Do not follow."""

    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(Stay).open(f"http://{secured.host.address}/a?b", timeout=10)
    assert (answer.value.code, answer.value.headers["Location"]) == (301, f"https://{secured.host.address}/a?b")


def test_keys_stay_where_they_belong(secured: Secured) -> None:
    """Only root reads the host's key; the authority's key is neither on the host nor in anything that was said."""
    assert secured.host.ssh("stat", "-c", "%U:%a", f"{FILES}.key").stdout.strip() == "root:600"
    line = secured.authority.key.read_text().splitlines()[1]
    assert secured.host.ssh("grep", "-rqF", f"'{line}'", "/etc", "/root", "/tmp", "/var", check=False).returncode == 1
    assert not [run for run in secured.runs if line in run.text]


def test_the_agent_answers(secured: Secured) -> None:
    """Prometheus would get figures; the collector that was put off gives none."""
    with urllib.request.urlopen(f"http://{secured.host.address}:9100/metrics", timeout=10) as answer:
        figures = answer.read().decode()
    assert "node_memory_MemTotal_bytes" in figures
    assert 'collector="wifi"' not in figures


@pytest.mark.slow
def test_a_dead_agent_is_started_again(secured: Secured) -> None:
    """Running is a part of the state, without systemd, too; a changed setting restarts it."""
    secured.host.ssh("kill $(cat /run/monitoring_agent.pid)")
    assert play(secured.host, "monitoring_agent", variables=secured.authority.variables()).changed == 1
    variables = secured.authority.variables(monitoring_agent_port=9101)
    assert play(secured.host, "monitoring_agent", variables=variables).code == 0
    with urllib.request.urlopen(f"http://{secured.host.address}:9101/metrics", timeout=10) as answer:
        assert answer.status == 200


def test_a_certificate_that_expires_soon_is_renewed_and_put_to_use(secured: Secured) -> None:
    """The role makes a new one, and nginx serves it after its own role ran."""
    before = served(secured.host, secured.authority)[1]
    secured.host.ssh(
        f"openssl req -x509 -new -key {FILES}.key -subj /CN=old -days 5 -out {FILES}.crt 2>/dev/null"
    )  # as old as it would have become
    renewed = play(secured.host, *ROLES[:2], variables=secured.authority.variables())
    assert renewed.code == 0, renewed.text
    after = served(secured.host, secured.authority)[1]
    assert before != after


@pytest.mark.slow
def test_without_root_a_certificate_of_ones_own(secured: Secured) -> None:
    """A user without escalation gets a self-signed certificate for the names asked for, in their home, once."""
    variables = "tls_certificate_names: [web.example, 192.0.2.7]\n"
    first = play(secured.host, "tls_certificate", user="bob", variables=variables)
    assert first.code == 0, first.text
    told = secured.host.ssh(
        "openssl x509 -noout -ext subjectAltName -in .local/share/tls_certificate/host.crt", user="bob"
    )
    assert "DNS:web.example, IP Address:192.0.2.7" in told.stdout
    assert play(secured.host, "tls_certificate", user="bob", variables=variables).changed == 0
    assert "as root" in play(secured.host, "monitoring_agent", user="bob").text


@pytest.mark.slow
def test_a_given_certificate_is_laid_down_and_another_key_refused(secured: Secured, tmp_path: Path) -> None:
    """PEM by reference comes to the host as it is; a key of another certificate changes nothing."""
    given, other = authority(tmp_path), secured.authority
    texts = {"tls_certificate_source": "given", "tls_certificate_name": "given",
             "tls_certificate_given": given.certificate.read_text()}  # fmt: skip
    wrong = other.variables(**texts, tls_certificate_given_key=other.key.read_text())
    refused = play(secured.host, "tls_certificate", variables=wrong)
    assert "not the key of tls_certificate_given" in refused.text
    good = other.variables(**texts, tls_certificate_given_key=given.key.read_text())
    assert [play(secured.host, "tls_certificate", variables=good).changed for _ in (1, 2)] == [2, 0]
    laid = secured.host.ssh("cat", "/etc/ssl/tls_certificate/given.crt").stdout
    assert laid == given.certificate.read_text()


@pytest.mark.parametrize(
    ("role", "variables", "named"),
    [
        ("tls_certificate", "tls_certificate_names: ['a b']", "tls_certificate_names: a b"),
        ("tls_certificate", "tls_certificate_name: ../x", "tls_certificate_name"),
        ("tls_certificate", "tls_certificate_source: own_ca", "own_ca needs tls_certificate_authority"),
        ("web_server", "web_server_tls_certificate: /a.crt", "web_server_tls_key"),
        ("monitoring_agent", "monitoring_agent_collectors_on: ['x --y']", "x --y"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_refused_by_name(secured: Secured, role: str, variables: str, named: str) -> None:
    """A wrong input stops the role with the name of the variable; nothing is changed."""
    run = play(secured.host, role, variables=variables + "\n", check=True)
    assert run.code != 0
    assert named in run.text
    assert run.changed == 0
