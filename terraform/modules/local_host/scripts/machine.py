"""A machine in namespaces of its own: chosen where it can be had, made, stopped."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import guest
import network
from records import HostError, Place, Plan, Record, locked, wait_until

NEEDED = ("ip", "nsenter", "tar")
READY_SECONDS = 30.0
ROOT_HINT = 'As root, ask for the kind "user_sshd" only where roles may change this very host.'
ASKED_FOR = "asked for"
POSSIBLE = "Linux, root and an image are there"


def choose(kind: str, image: str | None) -> dict[str, str]:
    """What would be made, why, and what stands against it."""
    wanted = image or os.environ.get("SLUIS_HOST_IMAGE", "")
    hindrance = _hindrance(wanted)
    made = "user_sshd" if kind == "user_sshd" or (kind == "auto" and hindrance) else "namespaces"
    problem = hindrance if kind == "namespaces" else ""
    if kind == "auto" and hindrance and (os.geteuid() == 0 or (wanted and not Path(wanted).is_file())):
        # A path that leads nowhere is a mistake, and an sshd of root would let roles change this very host: no reason
        # for quietly making the lesser kind.
        problem = f"{hindrance}. {ROOT_HINT}" if os.geteuid() == 0 else hindrance
    if made == "user_sshd":
        return {"kind": made, "image": "", "reason": hindrance if kind == "auto" else ASKED_FOR, "problem": problem}
    return {"kind": made, "image": wanted, "reason": POSSIBLE, "problem": problem}


def reason(plan: Plan) -> str:
    """Why a machine is of its kind: because it had to be, or because it was asked for."""
    chosen = choose("auto", plan.image or None)
    return chosen["reason"] if chosen["kind"] == plan.kind else ASKED_FOR


def create(plan: Plan, place: Place, program: Path) -> Record:
    """Make the machine and wait until its sshd answers.

    Raises:
        HostError: The machine said why it could not start, or did not answer in time.
    """
    record = place.write(
        Record(
            generation=plan.generation,
            kind=plan.kind,
            name=plan.name,
            image=plan.image,
            user="root",
            authorized_key=plan.authorized_key,
        )
    )
    lower = _unpacked(Path(plan.image))
    go, report, settings = _start_init(plan, place, lower, program)
    with go, report:
        go.write(json.dumps(settings) + "\n")
        go.flush()
        record = place.write(record.with_process(_heard(report)["pid"]))
        with network.exclusive():
            net = network.allocate(plan.subnet)
            record = place.write(replace(record, address=net.address, port=22, link=net.link))
            record = replace(record, network=network.connect(net, record.pid))
        go.write("go\n")
        go.flush()
        record = place.write(replace(record, host_keys=tuple(_heard(report)["host_keys"])))
    if (
        not wait_until(lambda: record.answers() or not record.owns_process(), READY_SECONDS)
        or not record.owns_process()
    ):
        raise HostError(f"{plan.name}: its sshd does not answer at {record.address}")
    return record


def stop(record: Record) -> None:
    """End all processes of the machine (with its first one the kernel ends the rest) and disconnect it."""
    record.kill()
    if record.link:
        with network.exclusive():
            network.disconnect(record.link)


def _hindrance(image: str) -> str:
    if sys.platform != "linux":
        return "namespaces need Linux"
    if os.geteuid():
        return "namespaces need root"
    if not image:
        return "no image: neither the input image nor SLUIS_HOST_IMAGE is set"
    if not Path(image).is_file():
        return f"image {image}: no such file"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [tool for tool in NEEDED if not shutil.which(tool, path=path)]
    return f"not on PATH: {', '.join(missing)}" if missing else guest.refusal()


def _unpacked(image: Path) -> Path:
    """The image's content: unpacked once, beside the archive, for all machines, and never written to."""
    about = image.stat()
    key = hashlib.sha256(f"{about.st_size}/{about.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = image.with_name(f"{image.name}.unpacked")
    folder.mkdir(mode=0o700, exist_ok=True)  # closed, for there are programs in it that run as root for anybody
    with locked(folder / "lock"):
        if not (folder / key).is_dir():
            draft = folder / f"{key}.partial"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o755)
            _unpack(image, draft)
            draft.rename(folder / key)
    return folder / key


def _unpack(image: Path, target: Path) -> None:
    done = subprocess.run(
        ["tar", "-xpf", str(image), "-C", str(target), "--numeric-owner"], capture_output=True, text=True, check=False
    )
    if done.returncode or not (target / "usr/sbin/sshd").exists():
        shutil.rmtree(target)
        raise HostError(f"image {image}: {done.stderr.strip()[-300:] or 'no Debian root with openssh-server in it'}")
    target.chmod(0o755)  # whatever the archive or the umask said: the root of a machine is open to its users


def _start_init(plan: Plan, place: Place, lower: Path, program: Path) -> tuple[IO[str], IO[str], dict[str, Any]]:
    """Start the first process, detached, with a clean environment; it waits for what is written to it."""
    go_end, go = os.pipe()
    report, report_end = os.pipe()
    settings = {
        "authorized_key": plan.authorized_key,
        "hostname": plan.hostname,
        "lower": str(lower),
        "place": str(place.path),
        "report": report_end,
    }
    with (place.path / "console.log").open("ab") as log:
        # It detaches itself by a fork; what is started here ends at once.
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(program), "init"],
            stdin=go_end,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=(report_end,),
            start_new_session=True,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
    process.returncode = 0  # nobody waits for it here
    os.close(go_end)
    os.close(report_end)
    return os.fdopen(go, "w"), os.fdopen(report), settings


def _heard(report: IO[str]) -> dict[str, Any]:
    """The next line that the first process says."""
    said: dict[str, Any] = json.loads(report.readline() or "{}")
    if not said or "error" in said:
        raise HostError(said.get("error", "the machine's first process ended without a word"))
    return said
