"""Run a checking tool that is a Go program: from PATH, from the cache, or built once from its Go module.

    python tools/gotool.py helm lint helm/sluis

The versions and checksums are those of ``tools/<name>/go.sum``; the cache is ``SLUIS_CACHE``, keyed by version. Where a
tool can be neither found nor built, the check is left out with a word, and on CI it is a failure.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from workers.core.errors import SluisError  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.setup import golang  # noqa: E402
from workers.setup.cache import Cache  # noqa: E402

# A server that does not know its version is refused by every chart that asks for one.
FLAGS = {"kube-apiserver": ("-ldflags=-X k8s.io/component-base/version.gitVersion={version}",)}

ON_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def package(name: str) -> tuple[str, str]:
    """The import path of a tool's program and its version, from its ``go.mod``."""
    text = (ROOT / "tools" / name / "go.mod").read_text(encoding="utf-8")
    path = re.search(r"^tool (\S+)$", text, re.MULTILINE)
    if path is None:
        raise SluisError(f"tools/{name}/go.mod names no tool.")
    modules = dict(re.findall(r"^(?:require)?\s+(\S+) (v\S+)(?: // indirect)?$", text, re.MULTILINE))
    module = max((m for m in modules if path[1].startswith(m)), key=len)
    return path[1], modules[module]


async def ensure(name: str) -> Path:
    """The program; built now where the cache has none.

    Raises:
        MissingToolError: there is no Go.
        ToolError: the build failed.
    """
    path, version = package(name)

    async def make(target: Path) -> None:
        print(f"{name} {version}: built from its Go module, once per machine …", file=sys.stderr, flush=True)
        flags = [flag.format(version=version) for flag in FLAGS.get(name, ())]
        await golang.build(name, path, target, *flags)

    return await Cache(Settings().cache).once(f"go/{name}-{version}/{name}", make)


def main(arguments: list[str]) -> int:
    """Run the tool with the rest of the arguments."""
    name, *rest = arguments
    try:
        program = asyncio.run(ensure(name))
    except SluisError as error:
        found = shutil.which(name)
        if found is None:
            print(f"{name} is not here, so this is not checked: {error}", file=sys.stderr)
            return 4 if ON_CI else 0
        program = Path(found)
    return subprocess.run([program, *rest], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
