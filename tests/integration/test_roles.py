"""The roles stand alone: on a real machine, over real SSH, with real apt, without the orchestrator."""

from __future__ import annotations

import html
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local_host_fixtures import Host, machine, tools
from roles_fixtures import Run, play

__all__ = ["tools"]  # a fixture that is used by being here

pytestmark = [pytest.mark.tofu, pytest.mark.ssh]

MESSAGE = "Hello {{ lookup('pipe', 'id -un') }} <script>alert(1)</script> & 100%"


@dataclass(frozen=True)
class Configured:
    """A machine, and what was said on the way there."""

    host: Host
    foretold: Run
    first: Run
    second: Run
    checked: Run


def page(host: Host, port: int = 80) -> str:
    """What the machine serves."""
    with urllib.request.urlopen(f"http://{host.address}:{port}/", timeout=10) as answer:
        return answer.read().decode()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A machine on which no role ever succeeds."""
    with machine(tmp_path_factory.mktemp("fresh"), "fresh") as host:
        host.ssh("useradd", "-m", "-s", "/bin/bash", "bob")
        host.ssh("cp -r /root/.ssh /home/bob/.ssh && chown -R bob: /home/bob/.ssh")
        yield host


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    """A machine with both roles on it: foretold, made, made again, checked."""
    with machine(tmp_path_factory.mktemp("roles"), "roles") as host:
        key = host.key.with_suffix(".pub").read_text().strip()
        variables = (
            f"web_server_message: !unsafe {MESSAGE!a}\nos_baseline_timezone: Europe/Amsterdam\n"
            f"os_baseline_users: [{{name: ada, sudo: true, authorized_keys: ['{key}']}}, {{name: bob}}]\n"
        ).replace(f"{MESSAGE!a}", '"' + MESSAGE + '"')
        runs = [
            play(host, "os_baseline", "web_server", variables=variables, check=check)
            for check in (True, False, False, True)
        ]
        yield Configured(host, *runs)


def test_a_first_check_on_a_fresh_host_foretells(configured: Configured) -> None:
    """Check mode works before anything is installed, and says what would be."""
    assert configured.foretold.code == 0, configured.foretold.text
    assert configured.foretold.changed > 0
    assert "To be installed: nginx" in configured.foretold.text


def test_the_first_run_makes_it_so(configured: Configured) -> None:
    """Both roles succeed on a fresh machine and change it."""
    assert configured.first.code == 0, configured.first.text
    assert configured.first.changed > 0


def test_the_second_run_changes_nothing(configured: Configured) -> None:
    """Both roles are idempotent."""
    assert configured.second.code == 0, configured.second.text
    assert configured.second.changed == 0, configured.second.text


def test_a_check_of_a_configured_host_finds_nothing(configured: Configured) -> None:
    """Check mode agrees with what is there."""
    assert configured.checked.code == 0, configured.checked.text
    assert configured.checked.changed == 0, configured.checked.text


def test_the_message_comes_out_as_text(configured: Configured) -> None:
    """Neither a template nor HTML in an input is anything but text on the page."""
    assert html.escape(MESSAGE) in page(configured.host).replace("&#34;", "&quot;").replace("&#39;", "&#x27;")


def test_the_ssh_server_is_hardened(configured: Configured) -> None:
    """What sshd goes by, asked of sshd itself; and it reloaded, for the banner is shown."""
    settings = configured.host.ssh("sshd", "-T").stdout.splitlines()
    wanted = ["passwordauthentication no", "permitrootlogin without-password", "maxauthtries 4", "x11forwarding no"]
    assert [line for line in wanted if line not in settings] == []
    assert "Authorized use only" in configured.host.ssh("true").stderr


def test_accounts_have_what_they_were_given(configured: Configured) -> None:
    """One logs in with the key and becomes root; the other can do neither."""
    assert configured.host.ssh("sudo", "-n", "id", "-u", user="ada").stdout.strip() == "0"
    assert configured.host.ssh("true", user="bob", check=False).returncode == 255
    assert configured.host.ssh("su", "-c", "'sudo -n true'", "bob", check=False).returncode


def test_the_time_zone_and_upgrades_are_set(configured: Configured) -> None:
    """As the system itself reads them."""
    assert configured.host.ssh("readlink", "/etc/localtime").stdout.strip().endswith("Europe/Amsterdam")
    assert 'APT::Periodic::Unattended-Upgrade "1";' in configured.host.ssh("apt-config", "dump").stdout


def test_a_broken_site_never_takes_the_place_of_a_good_one(configured: Configured) -> None:
    """A configuration that nginx refuses fails the role before the file in use is touched; the page stays."""
    live = "/etc/nginx/sites-available/web_server.conf"
    before = configured.host.ssh("sha256sum", live).stdout
    # No input can break it, so the test reaches for a private variable.
    broken = play(configured.host, "web_server", variables="__web_server_home: '/var/www/web_server\"; nonsense \"'\n")
    assert broken.code != 0
    assert "failed to validate" in broken.text
    assert configured.host.ssh("sha256sum", live).stdout == before
    assert "Hello" in page(configured.host)


def test_a_dead_nginx_is_started_again(configured: Configured) -> None:
    """Without systemd, too, running is a part of the state; a check foretells it."""
    configured.host.ssh("kill $(cat /run/nginx.pid)")
    variables = f'web_server_message: !unsafe "{MESSAGE}"\n'
    assert play(configured.host, "web_server", variables=variables, check=True).changed == 1
    assert play(configured.host, "web_server", variables=variables).changed == 1
    assert "Hello" in page(configured.host)


def test_without_root_the_own_part_is_done_and_the_rest_named(configured: Configured) -> None:
    """A user without escalation gets the page from an nginx of theirs, and is told what was skipped."""
    run = play(configured.host, "os_baseline", "web_server", user="ada", variables="web_server_port: '8080'\n")
    assert run.code == 0, run.text
    assert "Skipped, since ada may not become root here" in run.text
    assert "It works." in page(configured.host, 8080)
    again = play(configured.host, "web_server", user="ada", variables="web_server_port: 8080\n")
    assert (again.code, again.changed) == (0, 0), again.text


def test_without_root_and_nginx_the_role_says_so(fresh: Host) -> None:
    """The refusal comes early and says what to do."""
    run = play(fresh, "web_server", user="bob", variables="web_server_port: 8080\n")
    assert run.code != 0
    assert "may not become root" in run.text
    assert run.changed == 0


@pytest.mark.parametrize(
    ("role", "variables", "named"),
    [
        ("web_server", "web_server_port: eighty", "web_server_port"),
        ("web_server", "web_server_port: 70000", "web_server_port: 70000"),
        ("web_server", "web_server_server_name: 'a; include /etc/passwd'", "web_server_server_name"),
        ("os_baseline", "os_baseline_sshd_permit_root_login: maybe", "os_baseline_sshd_permit_root_login"),
        ("os_baseline", "os_baseline_users: [{sudo: true}]", "name"),
        ("os_baseline", "os_baseline_users: [{name: 'a b'}]", "os_baseline_users"),
        ("os_baseline", "os_baseline_packages: [--purge]", "os_baseline_packages"),
        ("os_baseline", "os_baseline_timezone: ../../etc/passwd", "os_baseline_timezone"),
        ("os_baseline", "os_baseline_timezone: Mars/Olympus", "os_baseline_timezone: Mars/Olympus"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_refused_by_name(fresh: Host, role: str, variables: str, named: str) -> None:
    """A wrong input stops the role with the name of the variable; nothing is changed."""
    run = play(fresh, role, variables=f"{variables}\nos_baseline_unattended_upgrades: false\n", check=True)
    assert run.code != 0
    assert named in run.text
