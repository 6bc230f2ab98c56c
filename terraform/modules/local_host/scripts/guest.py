"""The first process of a machine: enters new namespaces, becomes the root of a Debian, runs sshd, reaps.

It is started with a clean environment. Its settings come as one JSON line on standard input, the word to go on as a
second one; where its maker dies before that, it ends, and the kernel takes the namespaces with it.
"""

import contextlib
import ctypes
import json
import os
import socket
import stat
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import IO, Any

# Numbers from <linux/sched.h>, <sys/mount.h> and <linux/prctl.h>; Python 3.11 has no names for them.
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MNT_DETACH, PR_CAPBSET_DROP = 2, 24
# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_ADMIN, NET_RAW, SYS_CHROOT,
# SYS_NICE, AUDIT_WRITE, AUDIT_CONTROL, SETFCAP (capabilities(7)). Not among them: modules, clock, devices, mounts,
# looking into other processes: nothing by which a role meant for the machine would change its host.
KEPT_CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 8, 10, 12, 13, 18, 23, 29, 30, 31}
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
READ_ONLY = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs")
SSHD_SETTINGS = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowAgentForwarding no
X11Forwarding no
UseDNS no
"""

NAMESPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET

libc = ctypes.CDLL(None, use_errno=True)


def init() -> None:
    """Become the first process of a new machine; returns only in the process that started it."""
    settings = json.loads(sys.stdin.readline())
    report = os.fdopen(settings["report"], "w")
    os.set_inheritable(report.fileno(), False)
    _check(libc.unshare(NAMESPACES), "unshare")
    if pid := os.fork():
        _say(report, {"pid": pid})
        return
    if sys.stdin.readline() != "go\n":
        os._exit(1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    try:
        _enter_root(settings)
        _say(report, {"host_keys": _prepare(settings)})
    except BaseException as reason:  # noqa: BLE001 - whatever it is, the maker has to hear of it
        _say(report, {"error": f"{type(reason).__name__}: {reason}"})
        os._exit(1)
    report.close()
    _drop_capabilities()
    _serve()


def refusal() -> str:
    """Why the kernel gives no namespaces here, as in a container without privileges; empty where it does. Tried."""
    if pid := os.fork():
        number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return f"the kernel refuses namespaces: {os.strerror(number)}" if number else ""
    os._exit(ctypes.get_errno() if libc.unshare(NAMESPACES) else 0)


def _enter_root(settings: dict[str, Any]) -> None:
    place = Path(settings["place"])
    name_servers = _name_servers()
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    root = _root(place, settings["lower"])
    _mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mount("sysfs", f"{root}/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    _mount("tmpfs", f"{root}/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    _make_devices(f"{root}/dev")
    for path in READ_ONLY:
        if Path(root + path).exists():
            _mount(root + path, root + path, None, MS_BIND | MS_REC)
            _mount(None, root + path, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    os.chdir(root)
    _check(libc.pivot_root(b".", b"."), "pivot_root")
    _check(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    socket.sethostname(settings["hostname"])
    _write("/etc/resolv.conf", name_servers, 0o644)


def _root(place: Path, lower: str) -> str:
    """The machine's file system: the shared image below, its own layer above; a copy where that cannot be."""
    root, upper, work = (str(place / part) for part in ("root", "upper", "work"))
    for path in (root, upper, work):
        Path(path).mkdir(mode=0o755)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    try:
        _mount("overlay", root, "overlay", 0, options)
    except OSError as reason:  # no overlayfs, an upper layer on another overlayfs, a comma or colon in the path
        print(f"the image is copied: {reason}", flush=True)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{lower}/.", root], check=True)
        _mount(root, root, None, MS_BIND)
    return root


def _make_devices(dev: str) -> None:
    _mount("tmpfs", dev, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755")
    os.umask(0)
    for name, (major, minor) in DEVICES.items():
        os.mknod(f"{dev}/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))
    os.umask(0o022)
    for name in ("pts", "shm"):
        Path(dev, name).mkdir()
    _mount("devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")
    _mount("tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        Path(dev, name).symlink_to(target)


def _prepare(settings: dict[str, Any]) -> list[str]:
    """Make this machine differ from all others of its image; returns its public host keys."""
    name = settings["hostname"]
    _write("/etc/hostname", f"{name}\n", 0o644)
    _write("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n", 0o644)
    _write("/etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
    _write("/root/.ssh/authorized_keys", settings["authorized_key"] + "\n", 0o600)
    Path("/root/.ssh").chmod(0o700)
    for path in Path("/etc/ssh").glob("ssh_host_*"):
        path.unlink()
    _write("/etc/ssh/sshd_config.d/50-local-host.conf", SSHD_SETTINGS, 0o600)
    key = "/etc/ssh/ssh_host_ed25519_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    subprocess.run(["/usr/sbin/sshd", "-t"], check=True)
    return [" ".join(Path(f"{key}.pub").read_text().split()[:2])]


def _serve() -> None:
    """Keep sshd running and take in every process that has lost its parent."""
    sshd = None
    while True:
        if sshd is None:
            sshd = os.posix_spawn("/usr/sbin/sshd", ["/usr/sbin/sshd", "-D", "-e"], dict(os.environ))
        if os.wait()[0] == sshd:
            sshd = None
            time.sleep(1)


def _name_servers() -> str:
    """The host's resolver settings; those of systemd-resolved's upstream where the host asks itself."""
    shown = ""
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        with contextlib.suppress(OSError):
            lines = Path(path).read_text().splitlines()
            usable = [line for line in lines if not line.startswith(("nameserver 127.", "nameserver ::1"))]
            shown = "\n".join(usable) + "\n"
            if any(line.startswith("nameserver") for line in usable):
                return shown
    return shown


def _drop_capabilities() -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in set(range(last + 1)) - KEPT_CAPABILITIES:
        _check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "prctl")


def _write(path: str, text: str, mode: int) -> None:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # it may be a link that leads elsewhere
    target.write_text(text)
    target.chmod(mode)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind)]
    _check(libc.mount(*texts, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _say(report: IO[str], what: dict[str, Any]) -> None:
    report.write(json.dumps(what) + "\n")
    report.flush()
