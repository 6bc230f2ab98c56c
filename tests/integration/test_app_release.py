"""The role app_release by itself: on a real machine, over real SSH, with an application that really runs."""

from __future__ import annotations

import hashlib
import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from backports import tarfile

from local_host_fixtures import Host, machine, tools
from test_roles import Run, play

__all__ = ["tools"]  # a fixture that is used by being here

pytestmark = [pytest.mark.tofu, pytest.mark.ssh]

SERVE = """
import os
from http.server import HTTPServer, SimpleHTTPRequestHandler
HTTPServer(("", int(os.environ["PORT"])), SimpleHTTPRequestHandler).serve_forever()
"""


@dataclass(frozen=True)
class Shop:
    """An application's releases, and the machine that they are brought to."""

    host: Host
    user: str = "root"
    port: int = 8080
    home: str = "/srv/shop"

    def archive(self, version: str, *, well: bool = True) -> Path:
        """A release that serves itself; one that is not well lacks the page that says so."""
        path = self.host.key.parent / f"shop-{version}-{well}.tar.gz"
        if path.exists():  # packed again, gzip would give it another digest
            return path
        files = {"shop/serve.py": SERVE, "shop/greeting": f"from {version}\n"}
        if well:
            files["shop/health"] = f"shop {version}\n"
        with tarfile.open(path, "w:gz") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        return path

    def release(self, version: str, *, well: bool = True, check: bool = False, archive: Path | None = None,
                **more: object) -> Run:  # fmt: skip
        """Run the role."""
        path = archive or self.archive(version, well=well)
        variables: dict[str, object] = {
            "app_release_name": "shop", "app_release_version": version, "app_release_artifact": str(path),
            "app_release_sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "app_release_strip": 1,
            "app_release_command": ["python3", "serve.py"], "app_release_port": self.port,
            "app_release_health_path": "/health", "app_release_health_contains": f"shop {version}",
            "app_release_health_seconds": 10, **more,
        }  # fmt: skip
        text = "".join(f"{name}: {value!r}\n" for name, value in variables.items())
        return play(self.host, "app_release", user=self.user, variables=text, check=check)

    def page(self, path: str = "greeting") -> str:
        """What the application serves; the status where that is not 200."""
        try:
            address = f"http://{self.host.address}:{self.port}/{path}"
            with urllib.request.urlopen(address, timeout=10) as answer:
                return answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            return str(error.code)
        except urllib.error.URLError:
            return "no answer"

    def link(self, name: str) -> str:
        """Where a link leads; empty where there is none."""
        return self.host.ssh("readlink", f"{self.home}/{name}", user=self.user, check=False).stdout.strip()

    def releases(self) -> list[str]:
        """The releases on the machine."""
        return self.host.ssh("ls", f"{self.home}/releases", user=self.user).stdout.split()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A machine for the shop, and a user on it who may not become root."""
    with machine(tmp_path_factory.mktemp("release"), "release") as host:
        host.ssh("useradd", "-m", "-s", "/bin/bash", "bob")
        host.ssh("cp -r /root/.ssh /home/bob/.ssh && chown -R bob: /home/bob/.ssh")
        yield Shop(host)


def good(run: Run) -> Run:
    """The run, which went well."""
    assert run.code == 0, run.text
    return run


def test_the_life_of_an_application(shop: Shop) -> None:
    """Foretold, released, released again without a change, replaced, taken back, and taken back once without effect."""
    assert "To be unpacked: shop 1.0" in good(shop.release("1.0", check=True)).text
    assert shop.page() == "no answer"
    assert good(shop.release("1.0")).changed > 0
    assert shop.page() == "from 1.0"
    assert good(shop.release("1.0")).changed == 0
    assert good(shop.release("1.0", check=True)).changed == 0

    good(shop.release("1.1"))
    assert (shop.page(), shop.link("current"), shop.link("previous")) == ("from 1.1", "releases/1.1", "releases/1.0")
    assert shop.host.ssh("stat", "-c", "%U", "/srv/shop/releases/1.1/serve.py").stdout.strip() == "root"
    assert shop.host.ssh("pgrep", "-u", "shop", "-f", "serve.py").stdout.split()

    back = {"app_release_state": "rolled_back", "app_release_artifact": "", "app_release_sha256": ""}
    assert good(shop.release("1.1", **back, check=True)).changed > 0
    good(shop.release("1.1", **back))
    assert (shop.page(), shop.link("current"), shop.link("previous")) == ("from 1.0", "releases/1.0", "")
    assert good(shop.release("1.1", **back)).changed == 0

    broken = shop.release("2.0", well=False)
    assert broken.code != 0
    assert "2.0 did not become well" in broken.text
    assert "current is 1.0" in broken.text
    assert (shop.page(), shop.link("current")) == ("from 1.0", "releases/1.0")

    for version in ("1.2", "1.3", "1.4"):
        good(shop.release(version, app_release_keep=2))
    assert shop.releases() == ["1.3", "1.4"]
    assert good(shop.release("1.4", app_release_keep=2)).changed == 0

    shop.host.ssh("kill $(cat /srv/shop/pid)")
    assert good(shop.release("1.4")).changed == 1
    assert shop.page() == "from 1.4"


@pytest.mark.slow
def test_a_version_never_changes(shop: Shop) -> None:
    """The same version with another content is refused, and what runs goes on."""
    good(shop.release("1.4"))
    other = shop.release("1.4", archive=shop.archive("9.9"))
    assert other.code != 0
    assert "with another content" in other.text
    assert shop.page() == "from 1.4"


@pytest.mark.slow
def test_an_archive_that_is_not_the_one_named_is_not_unpacked(shop: Shop) -> None:
    """The digest is read on the host before anything is taken apart."""
    run = shop.release("3.0", app_release_sha256="a" * 64)
    assert run.code != 0
    assert "app_release_sha256" in run.text
    assert "3.0" not in shop.releases()


@pytest.mark.slow
def test_each_release_keeps_its_command_and_environment(shop: Shop) -> None:
    """An earlier release runs as it did, with texts in the environment that stay texts."""
    serve = ["sh", "-c", 'echo "$GREETING" > "$APP_DATA/said"; exec python3 serve.py']
    text = "it's {{ 6*7 }} $(id) `id`"
    unsafe = {"app_release_environment": {"GREETING": "X"}}
    good(shop.release("4.0", app_release_command=serve, **unsafe))
    run = play(shop.host, "app_release", variables=_with_unsafe(shop, "4.1", serve, text))
    good(run)
    assert shop.host.ssh("cat", "/srv/shop/data/said").stdout.strip() == text
    good(shop.release("4.1", app_release_state="rolled_back", app_release_command=serve))
    assert shop.host.ssh("cat", "/srv/shop/data/said").stdout.strip() == "X"
    assert shop.page() == "from 4.0"


def _with_unsafe(shop: Shop, version: str, command: list[str], text: str) -> str:
    path = shop.archive(version)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return (
        f"app_release_name: shop\napp_release_version: '{version}'\napp_release_artifact: {path}\n"
        f"app_release_sha256: {digest}\napp_release_strip: 1\napp_release_command: {command!r}\n"
        f'app_release_environment: {{GREETING: !unsafe "{text}"}}\n'
    )


@pytest.mark.slow
def test_a_first_release_that_fails_leaves_nothing_running(shop: Shop) -> None:
    """Where nothing was current before, nothing is afterwards; saying so for the way back changes nothing more."""
    other = {"app_release_name": "stall", "app_release_port": 8090}
    run = shop.release("1.0", well=False, **other)
    assert run.code != 0
    assert "current is nothing" in run.text
    assert shop.host.ssh("readlink", "/srv/stall/current", check=False).returncode
    assert shop.host.ssh("pgrep", "-u", "stall", check=False).returncode
    assert good(shop.release("1.0", **other, app_release_state="rolled_back")).changed == 0
    good(shop.release("1.1", **other))
    good(shop.release("1.1", **other, app_release_state="rolled_back"))
    assert shop.host.ssh("pgrep", "-u", "stall", check=False).returncode


@pytest.mark.slow
def test_files_that_something_else_serves_need_no_command(shop: Shop) -> None:
    """Without a command there is no process, no account and no question."""
    files = {"app_release_name": "site", "app_release_command": [], "app_release_health_path": ""}
    good(shop.release("1", **files))
    assert shop.host.ssh("cat", "/srv/site/current/greeting").stdout.strip() == "from 1"
    assert shop.host.ssh("id", "site", check=False).returncode
    assert good(shop.release("1", **files)).changed == 0


@pytest.mark.slow
def test_without_root_all_of_it_happens_in_the_users_home(shop: Shop) -> None:
    """Release, repetition, replacement and way back in the present user's name."""
    mine = Shop(shop.host, "bob", 8091, "/home/bob/.local/share/shop")
    good(mine.release("1.0"))
    assert good(mine.release("1.0")).changed == 0
    good(mine.release("1.1"))
    assert (mine.page(), mine.link("previous")) == ("from 1.1", "releases/1.0")
    assert mine.host.ssh("pgrep", "-u", "bob", "-f", "serve.py").stdout.split()
    good(mine.release("1.1", app_release_state="rolled_back"))
    assert mine.page() == "from 1.0"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"app_release_name": "../etc"}, "app_release_name"),
        ({"app_release_name": "root"}, "app_release_name"),
        ({"app_release_account": "root"}, "app_release_account"),
        ({"app_release_sha256": "abc"}, "app_release_sha256"),
        ({"app_release_port": 80}, "app_release_port"),
        ({"app_release_health_path": "health"}, "app_release_health_path"),
        ({"app_release_environment": {"A B": "x"}}, "app_release_environment"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_wrong_inputs_are_refused_by_name(shop: Shop, wrong: dict[str, object], named: str) -> None:
    """The role stops with the name of the variable, before anything is changed."""
    run = shop.release("5.0", check=True, **wrong)
    assert run.code != 0
    assert named in run.text
    assert run.changed == 0


@pytest.mark.slow
def test_a_version_that_would_leave_the_folder_is_refused(shop: Shop) -> None:
    """A path is no version."""
    run = shop.release("5.0", check=True, app_release_version="../../etc")
    assert run.code != 0
    assert "app_release_version" in run.text
