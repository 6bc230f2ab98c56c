"""The steps of a Dockerfile, read and run without Docker: each stage in a root of its own, made by debootstrap.

Enough of the language for our own file; an instruction that is not known is an error, so that nothing is left out.
What a base image brings is stood in for: Debian's by debootstrap of the same release, Go's by that and this machine's.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_SHELL = re.compile(r"\$\{?(\w+)\}?")
_NOTED = {"LABEL", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass
class Stage:
    """One stage.

    Attributes:
        image: what it begins with.
        name: by which later stages take from it; empty for the last.
        steps: its instructions with their arguments.
    """

    image: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        """The argument of the last such instruction; empty where there is none."""
        return next((text for name, text in reversed(self.steps) if name == instruction), "")

    def environment(self) -> dict[str, str]:
        """The variables that the image sets."""
        found: dict[str, str] = {}
        for name, text in self.steps:
            if name == "ENV":
                found |= dict(word.split("=", 1) for word in shlex.split(text))
        return found

    def command(self, instruction: str) -> list[str]:
        """ENTRYPOINT, CMD, or the command of HEALTHCHECK, in the form that is a list."""
        text = self.last(instruction)
        return json.loads(text[text.index("[") :]) if "[" in text else []


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile.

    Raises:
        ValueError: an instruction that is not known.
    """
    stages: list[Stage] = []
    for line in _lines(path.read_text()):
        name, _, text = line.partition(" ")
        if name == "FROM":
            words = text.split()
            stages.append(Stage(words[0], words[2] if len(words) > 2 else ""))
        elif name in {"RUN", "COPY", "ENV", "WORKDIR"} | _NOTED:
            stages[-1].steps.append((name, text.strip()))
        else:
            raise ValueError(f"{name} is not known: {line}")
    return stages


def _lines(text: str) -> Iterator[str]:
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    yield from (line.strip() for line in kept.replace("\\\n", " ").splitlines() if line.strip())


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether .dockerignore keeps a path out; the last pattern that fits decides."""
    out = False
    for pattern in patterns:
        keeps_out, shape = not pattern.startswith("!"), pattern.lstrip("!")
        parts = path.split("/")
        heads = ("/".join(parts[: count + 1]) for count in range(len(parts)))
        if any(
            fnmatch.fnmatchcase(head, shape) or fnmatch.fnmatchcase(f"./{head}", shape.replace("**/", "*/"))
            for head in heads
        ):
            out = keeps_out
    return out


@dataclass(frozen=True)
class Builder:
    """Runs stages.

    Args:
        context: the folder that COPY takes from.
        folder: where the roots are made.
        base: an archive with Debian's root.
    """

    context: Path
    folder: Path
    base: Path

    def build(self, stages: Sequence[Stage]) -> Path:
        """Run every stage; the root of the last."""
        roots: dict[str, Path] = {}
        for number, stage in enumerate(stages):
            root = self.folder / f"root{number}"
            root.mkdir(parents=True)
            subprocess.run(["tar", "--extract", "--file", self.base, "--directory", root], check=True)
            roots[stage.name or "last"] = root
            self._run_stage(stage, root, roots)
        return roots["last"]

    def _run_stage(self, stage: Stage, root: Path, roots: Mapping[str, Path]) -> None:
        environment, folder = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "/"
        binds: tuple[str, ...] = ()
        if stage.image.startswith("golang:"):
            lent = _go()
            binds = tuple(lent.values())
            environment |= lent | {"PATH": f"{lent['GOROOT']}/bin:{environment['PATH']}", "HOME": "/root"}
        for name, text in stage.steps:
            if name == "ENV":
                environment |= dict(word.split("=", 1) for word in shlex.split(text))
            elif name == "WORKDIR":
                folder = text
                (root / text.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif name == "COPY":
                self._copy(text, root, folder, roots)
            elif name == "RUN":
                with inside(root, binds) as run:
                    run(["/bin/sh", "-c", f"cd {folder} && {text}"], environment)

    def _copy(self, text: str, root: Path, folder: str, roots: Mapping[str, Path]) -> None:
        words = text.split()
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else ""
        *sources, target = words
        patterns = (
            [] if stage else [p for p in (self.context / ".dockerignore").read_text().split("\n") if p and p[0] != "#"]
        )
        for source in sources:
            origin = roots[stage] / source.lstrip("/") if stage else self.context / source
            if not stage and ignored(source, patterns):
                raise ValueError(f".dockerignore keeps {source} out, which COPY takes")
            goal = root / os.path.join(folder, target).lstrip("/")  # noqa: PTH118 - an absolute target wins
            if origin.is_dir():
                skip = shutil.ignore_patterns("__pycache__", "*.pyc", ".terraform")
                shutil.copytree(origin, goal, symlinks=True, dirs_exist_ok=True, ignore=skip)
            else:
                goal = goal / origin.name if target.endswith("/") else goal
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin, goal)


def _go() -> dict[str, str]:
    """Where this machine has Go, and what it has downloaded and compiled already."""
    names = ("GOROOT", "GOMODCACHE", "GOCACHE")
    shown = subprocess.run(["go", "env", *names], capture_output=True, text=True, check=True).stdout
    return dict(zip(names, shown.split(), strict=True))


@contextmanager
def inside(root: Path, binds: Sequence[str] = (), *, user: str = "0:0", frozen: bool = False):
    """A way to run programs in a root, in namespaces of their own. What the machine's network needs is lent to it.

    Args:
        root: the root file system.
        binds: folders of this machine that it sees.
        user: uid:gid.
        frozen: nothing can be written but /data, /tmp and /dev/shm.
    """
    lent = root / "run" / "lent.crt"
    lent.parent.mkdir(exist_ok=True)
    shutil.copyfile(AUTHORITIES, lent)
    shutil.copyfile("/etc/resolv.conf", root / "etc" / "resolv.conf")
    shutil.copyfile("/etc/hosts", root / "etc" / "hosts")

    def run(argv: Sequence[str], environment: Mapping[str, str], seconds: float = 1500) -> str:
        done = subprocess.run(
            command(root, argv, binds, user=user, frozen=frozen), env=lend(environment), capture_output=True, text=True,
            check=False, timeout=seconds,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(argv)[:300]}: {(done.stdout + done.stderr)[-3000:]}"
        return done.stdout

    try:
        yield run
    finally:
        lent.unlink(missing_ok=True)


def lend(environment: Mapping[str, str]) -> dict[str, str]:
    """The image's variables, and what this machine adds so that the network can be used."""
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy") or key == "GOPROXY"}
    authorities = dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), "/run/lent.crt")
    return {**kept, **authorities, **environment}


def command(
    root: Path, argv: Sequence[str], binds: Sequence[str] = (), *, user: str = "0:0", frozen: bool = False
) -> list[str]:
    """The command line of a program in a root. Its mounts end with it."""
    lines = [f"mount --rbind {root} {root}", f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
    for bind in binds:
        (root / bind.lstrip("/")).mkdir(parents=True, exist_ok=True)
        lines.append(f"mount --bind {bind} {root}{bind}")
    if frozen:
        lines += [
            f"mount -t tmpfs -o mode=0700,uid=10001,gid=10001 data {root}/data",
            f"mount -t tmpfs -o mode=1777 tmp {root}/tmp",
            f"mount -o remount,bind,ro {root}",
        ]
    words = shlex.join(["/usr/sbin/chroot", f"--userspec={user}", str(root), *argv])
    script = " && ".join([*lines, f"exec {words}"])
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]
