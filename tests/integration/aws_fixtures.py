"""The AWS modules and the tofu that plans and applies them, on copies, without an account."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.aws_provider import AwsProvider

PROJECT: Final = Path(__file__).resolve().parents[2]
TERRAFORM: Final = PROJECT / "terraform"
MODULES: Final = sorted(folder.name for folder in (TERRAFORM / "modules").glob("aws_*"))


@dataclass(frozen=True)
class Root:
    """A folder that tofu runs in.

    Attributes:
        tofu: the program.
        folder: the folder, a copy.
        provider: where the AWS provider comes from.
        plugins: a plugin cache, for providers from the registry.
    """

    tofu: Path
    folder: Path
    provider: AwsProvider
    plugins: Path

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run tofu; what it wrote.

        Raises:
            AssertionError: it ended with another exit status.
        """
        done = subprocess.run(
            [self.tofu, *arguments],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == expect, f"tofu {' '.join(arguments)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        known = {key: value for key, value in os.environ.items() if not key.startswith(("TF_", "AWS_"))}
        extra = {"TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color", "CHECKPOINT_DISABLE": "1"}
        if self.provider.cli_config:
            return {**known, **extra, "TF_CLI_CONFIG_FILE": str(self.provider.cli_config)}
        return {**known, **extra, "TF_PLUGIN_CACHE_DIR": str(self.plugins)}

    def planned(self, *options: str) -> dict[str, Any]:
        """The plan as JSON, saved as the file ``plan``."""
        self.run("plan", "-input=false", "-out=plan", *options)
        shown: dict[str, Any] = json.loads(self.run("show", "-json", "plan"))
        return shown

    def live(self, *options: str) -> dict[str, Any]:
        """Plan, apply, find a second plan empty, destroy, find nothing left; the first plan."""
        plan = self.planned(*options)
        self.run("apply", "-input=false", "plan")
        self.run("plan", "-input=false", "-detailed-exitcode", *options)
        self.run("destroy", "-input=false", "-auto-approve", *options)
        assert self.run("state", "list") == ""
        return plan


def copied(tofu: Path, provider: AwsProvider, folder: str, scratch: Path, plugins: Path) -> Root:
    """A folder of ``terraform/`` in a copy of all of it, with its providers installed."""
    tree = shutil.copytree(TERRAFORM, scratch / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    plugins.mkdir(parents=True, exist_ok=True)
    root = Root(tofu, tree / folder, provider, plugins)
    root.run("init", "-input=false", "-backend=false")
    return root
