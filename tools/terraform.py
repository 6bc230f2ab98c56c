"""Check the Terraform modules with the tofu or terraform that the workers use.

Usage: ``python tools/terraform.py`` checks the format of everything under ``terraform/`` and validates each folder
that has ``.tf`` files. It works on a copy, so that nothing is written into the tree. Where the AWS provider cannot be
had, folders that need it are skipped with the reason; with ``CI`` set that is a failure.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
OWN_MODULE = re.compile(r'^\s*source\s*=\s*"(\.\.?/[^"]+)"', re.MULTILINE)
sys.path.insert(0, str(PROJECT))

from tools.aws_provider import ensure_aws_provider  # noqa: E402
from workers.core.errors import MissingToolError, SluisError  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.setup import Quiet, Tofu, ensure_tofu  # noqa: E402


def main() -> int:
    """Check everything; 0 where all is well."""
    try:
        tofu = asyncio.run(ensure_tofu(Settings(), Quiet()))
    except SluisError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{tofu.flavor} {tofu.version}")
    failures = run(tofu, PROJECT / "terraform", "fmt", "-check", "-diff", "-recursive")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(PROJECT / "terraform", Path(scratch) / "terraform", ignore=_generated))
        failures += _validate(tofu, copy)
    return min(failures, 1)


def _validate(tofu: Tofu, tree: Path) -> int:
    folders = sorted({file.parent for file in tree.rglob("*.tf")})
    aws = {folder for folder in folders if _needs_aws(folder)}
    try:
        for_aws = replace(tofu, cli_config=ensure_aws_provider(Settings()).cli_config) if aws else tofu
    except MissingToolError as error:
        print(f"{len(aws)} folders skipped. {error}", file=sys.stderr)
        return int(bool(os.environ.get("CI"))) + sum(
            _valid(tofu, folder, tree) for folder in folders if folder not in aws
        )
    return sum(_valid(for_aws if folder in aws else tofu, folder, tree) for folder in folders)


def _needs_aws(folder: Path) -> bool:
    """Whether a folder, or a module of ours that it calls, names the AWS provider."""
    text = "\n".join(file.read_text() for file in folder.glob("*.tf"))
    if "hashicorp/aws" in text or 'provider "aws"' in text:
        return True
    return any(_needs_aws((folder / source).resolve()) for source in OWN_MODULE.findall(text))


def _valid(tofu: Tofu, folder: Path, tree: Path) -> int:
    print(f"validate {folder.relative_to(tree.parent)}", flush=True)
    return run(tofu, folder, "init", "-backend=false", "-input=false", "-no-color", quiet=True) or run(
        tofu, folder, "validate", "-no-color", quiet=True
    )


def run(tofu: Tofu, folder: Path, *arguments: str, quiet: bool = False) -> int:
    """Run tofu in a folder; with ``quiet``, show its output only when it fails."""
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    environment["TF_CLI_CONFIG_FILE"] = str(tofu.cli_config or os.devnull)
    done = subprocess.run(
        [str(tofu.path), *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode or not quiet:
        print(done.stdout, end="", flush=True)
    return int(done.returncode != 0)


def _generated(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == ".terraform" or name.startswith("terraform.tfstate")]


if __name__ == "__main__":
    sys.exit(main())
