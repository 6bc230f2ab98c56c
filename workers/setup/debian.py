"""The root file system that local hosts are unpacked from: a Debian, made by ``debootstrap``."""

# ruff: noqa: ASYNC240 - a look at the local disk is quicker than a thread

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workers.core.errors import ToolError
from workers.setup.cache import Cache
from workers.setup.commands import run
from workers.setup.progress import human_size

if TYPE_CHECKING:
    from workers.core.settings import Settings
    from workers.setup.progress import Progress

RELEASE = "bookworm"
PACKAGES = ("openssh-server", "python3", "sudo", "ca-certificates", "iproute2")
_REVISION = "1"  # goes up when this file makes another image of the same packages
_APT = Path("/etc/apt")
_APT_SETTINGS = (
    "Acquire::http",
    "Acquire::https",
    "Acquire::Retries",
    "Acquire::ForceIPv4",
    "Acquire::Check-Valid-Until",
)
_USER_LEVEL = {"sshd": "openssh-server", "nginx": "nginx-light"}
_NGINX = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin"
"""Where the role web_server looks for nginx, whatever the user's PATH says."""
_SSHD = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
"""Where the module local_host looks for sshd, after the user's PATH."""
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_CERTIFICATES = Path("/usr/local/share/ca-certificates")


def missing() -> str:
    """Why no image can be made here; empty where it can."""
    if sys.platform != "linux":
        return "not Linux"
    if os.geteuid() != 0:
        return "not root"
    if shutil.which("debootstrap") is None:
        return "no debootstrap (apt-get install debootstrap)"
    if shutil.which("ip") is None:
        return "no ip (apt-get install iproute2)"
    if shutil.which("iptables") is None:  # a machine without a way out cannot install what its roles need
        return "no iptables (apt-get install iptables)"
    if not _KEYRING.exists():  # debootstrap would go on without checking any signature
        return "no keys of Debian (apt-get install debian-archive-keyring)"
    return ""


def user_level_missing() -> dict[str, str]:
    """What a machine that is an sshd of the user lacks here, with its website: Debian packages by program."""
    places = {"nginx": _NGINX, "sshd": os.pathsep.join((os.environ.get("PATH", ""), _SSHD))}
    return {name: package for name, package in _USER_LEVEL.items() if shutil.which(name, path=places[name]) is None}


def host_image(settings: Settings) -> Path:
    """Where the image is, or would be; the name changes with what it is made of."""
    return Cache(settings.cache).path(f"debian/{RELEASE}-{_key()}.tar")


async def ensure_host_image(settings: Settings, progress: Progress) -> Path | None:
    """The archive with the root of a local host; made now if need be (about a minute, 300 MB).

    apt works in it as it does on this machine: with its sources, proxy settings and certificates.

    Args:
        settings: ``cache`` is used.
        progress: told of the build.

    Returns:
        The path of the tar archive, or None where none can be made (see ``missing``); the module ``local_host`` then
        falls back to a user-level sshd.

    Raises:
        ToolError: debootstrap failed.
    """
    image = host_image(settings)
    if missing():  # an image of before is no use without what it takes to start a machine from it
        return None
    if image.exists():
        return image

    async def make(target: Path) -> None:
        step = f"Debian {RELEASE} for local hosts (debootstrap)"
        progress.started(step, None)
        await _build(target)
        progress.finished(step, human_size(target.stat().st_size))

    return await Cache(settings.cache).once(f"debian/{image.name}", make)


async def _build(target: Path) -> None:
    root = target.with_name("root")
    await run(
        [
            *(
                "debootstrap",
                "--variant=minbase",
                "--force-check-gpg",
                f"--keyring={_KEYRING}",
                f"--include={','.join(PACKAGES)}",
            ),
            *(RELEASE, root),
            *_mirror(),
        ]
    )
    await _copy_apt(root)
    await _copy_certificates(root)
    # Keys of its own are made per host; a shared one would let any host pose as any other.
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (root / "run/sshd").mkdir(parents=True, exist_ok=True)
    await run(["chroot", root, "apt-get", "clean"])
    await run(["tar", "--create", "--numeric-owner", "--one-file-system", "--file", target, "--directory", root, "."])


async def _copy_apt(root: Path) -> None:
    """Give the image this machine's Debian sources, where it is the same release, and how it reaches them."""
    settings = [line for line in (await run(["apt-config", "dump"])).splitlines() if line.startswith(_APT_SETTINGS)]
    settings += [f'Acquire::{kind}::Proxy "{url}";' for kind in ("http", "https") if (url := _proxy(kind))]
    (root / "etc/apt/apt.conf.d/90host").write_text("\n".join(settings) + "\n", encoding="utf-8")
    if sources := _debian_sources():
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
    for source in sources:
        shutil.copy2(source, root / "etc/apt/sources.list.d" / source.name.replace("sources.list", "debian.list"))


def _debian_sources() -> list[Path]:
    """This machine's source lists that name the release; those of other makers, with keys of their own, stay out."""
    if not _same_release():
        return []
    files = [_APT / "sources.list", *sorted((_APT / "sources.list.d").glob("*"))]
    named = [file for file in files if file.is_file() and file.suffix in {".list", ".sources"}]
    return [file for file in named if mirror_in(file.read_text(encoding="utf-8"))]


def _proxy(kind: str) -> str:
    return os.environ.get(f"{kind}_proxy") or os.environ.get(f"{kind.upper()}_PROXY") or ""


async def _copy_certificates(root: Path) -> None:
    if not any(_CERTIFICATES.rglob("*.crt")):
        return
    shutil.copytree(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"), dirs_exist_ok=True)
    try:
        await run(["chroot", root, "update-ca-certificates"])
    except ToolError as error:
        raise ToolError(f"The certificates of this machine could not be added to the image: {error.message}") from error


def _mirror() -> tuple[str, ...]:
    """The Debian mirror that this machine uses, so that what works here works there; else debootstrap takes its own."""
    return tuple(mirror_in(file.read_text(encoding="utf-8")) for file in _debian_sources())[:1]


def mirror_in(text: str) -> str:
    """The first mirror of the release itself in an apt source list, of either format; empty if there is none."""
    uris = ""
    for line in map(str.strip, text.splitlines()):
        words = line.split()
        if line.startswith("deb ") and RELEASE in words:
            return words[words.index(RELEASE) - 1]
        if line.lower().startswith("uris:"):
            uris = words[1]
        if line.lower().startswith("suites:") and RELEASE in words and uris:
            return uris
    return ""


def _same_release() -> bool:
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return False
    return f"VERSION_CODENAME={RELEASE}" in text


def _key() -> str:
    content = "\n".join((_REVISION, RELEASE, *PACKAGES))
    return hashlib.sha256(content.encode()).hexdigest()[:12]
