"""The security audit: every scanner and every trial of rights in one run, as ``results/audit.json``.

Usage: ``python tools/audit.py``. A row says what was asked, with what, how much was looked at, how many findings there
are and how many exceptions stand in the sources with their reason. ``make results`` publishes it. Ends with 1 where
there is a finding. What asks a server on the internet (known holes in packages, the image) runs on GitHub.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tools import scan  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.core.values import now  # noqa: E402
from workers.setup import Quiet  # noqa: E402
from workers.setup.checkov import ensure_checkov  # noqa: E402

TARGET: Final = PROJECT / "results" / "audit.json"
BIN: Final = Path(sys.executable).parent
TRIALS: Final = {
    "Do people and machines get what their role forbids?": ("tests/unit/test_web_access.py",),
    "Does an approval let anything else be applied?": (
        "tests/property/test_approvals_guard_holds.py",
        "tests/unit/test_approvals_guard.py",
        "tests/unit/test_approvals_eyes.py",
    ),
    "Can an approval be had by the engine's own API?": ("tests/acceptance/test_approval_attacks.py",),
    "Does a secret get into any output?": ("tests/property/test_execution_redaction.py",),
    "Does an input become code?": (
        "tests/property/test_execution_rendering.py",
        "tests/integration/test_execution_inputs.py",
    ),
}
"""What is tried by tests, and by which."""


@dataclass(frozen=True)
class Row:
    """One part of the audit.

    Attributes:
        question: what was asked.
        tool: with what.
        looked_at: how much of what.
        findings: how many things are wrong.
        exceptions: how many stand in the sources as right, each with its reason.
    """

    question: str
    tool: str
    looked_at: str
    findings: int
    exceptions: int


def history() -> Row:
    """Secrets in any commit."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = ("git", "--no-banner", "--redact", "--report-format", "json", "--report-path", str(report), ".")
        said = run(sys.executable, "tools/gotool.py", "gitleaks", *words, errors=subprocess.STDOUT)
        found = json.loads(report.read_text(encoding="utf-8"))
    commits = re.search(r"\d+ commits", said)
    looked_at = commits[0] if commits else "nothing that it told of"
    return Row("Is there a secret in the history?", "gitleaks", looked_at, len(found), 0)


def terraform() -> Row:
    """Terraform against Checkov's rules."""
    words = asyncio.run(ensure_checkov(Settings(), Quiet()))
    options = ("--framework", "terraform", "--compact", "--skip-download", "--output", "json")
    found = json.loads(run(*words, "--directory", str(scan.TERRAFORM), *options, variables=scan.VARIABLES))
    summary = found["summary"]
    checks = summary["passed"] + summary["failed"] + summary["skipped"]
    problems = summary["failed"] + len(list(scan.skips_without_reason(scan.TERRAFORM)))
    return Row("Is the Terraform configured safely?", "Checkov", f"{checks} checks", problems, summary["skipped"])


def workflows() -> Row:
    """The workflows of GitHub Actions."""
    files = sorted((PROJECT / ".github").rglob("*.yml"))
    found = json.loads(run(BIN / "zizmor", "--offline", "--quiet", "--format", "json", ".github"))
    return Row(
        "Can a workflow be misused?", "zizmor", f"{len(files)} files", len(found), marks(files, r"zizmor: ignore\[")
    )


def image() -> Row:
    """The Dockerfile."""
    file = PROJECT / "Dockerfile"
    found = json.loads(run(BIN / "hadolint", "--format", "json", str(file)))
    return Row("Is the image built well?", "hadolint", "1 file", len(found), marks([file], r"hadolint ignore="))


def code() -> Row:
    """Python against the rules of bandit."""
    files = sorted((PROJECT / "workers").rglob("*.py"))
    found = json.loads(run(BIN / "ruff", "check", "--select", "S", "--output-format", "json", "workers"))
    # pyproject.toml says why tools are started at all; whether by a shell, the other rules say.
    started = [one for one in found if one["code"] in ("S603", "S607")]
    excepted = marks(files, r"noqa:[^\n]*\bS\d{3}") + len(started)
    words = "Does the code do what is dangerous?"
    return Row(words, "Ruff, rules of bandit", f"{len(files)} files", len(found) - len(started), excepted)


def tried(question: str, files: Iterable[str]) -> Row:
    """What tests try, as counted by pytest."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        run(BIN / "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *files)
        [suite] = ET.parse(report).getroot().iter("testsuite")
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    # A test that was left out has shown nothing.
    wrong = counts["failures"] + counts["errors"] + counts["skipped"]
    return Row(question, "our own tests", f"{counts['tests']} tests", wrong, 0)


def marks(files: Iterable[Path], pattern: str) -> int:
    """How often a mark of an exception stands in files."""
    return sum(len(re.findall(pattern, file.read_text(encoding="utf-8"))) for file in files)


def run(*words: str | Path, variables: dict[str, str] | None = None, errors: int | None = None) -> str:
    """What a program printed, whatever it ended with: a finding is no failure here.

    Args:
        words: the command.
        variables: more environment variables.
        errors: where its standard error goes, as for `subprocess.run`.
    """
    done = subprocess.run(
        [str(word) for word in words], cwd=PROJECT, env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def main() -> int:
    """Look, try, write it down; 1 where something was found."""
    rows = []
    for part in (history, terraform, workflows, image, code):
        rows.append(part())
        say(rows[-1])
    for question, files in TRIALS.items():
        rows.append(tried(question, files))
        say(rows[-1])
    found: dict[str, Any] = {"started": now().isoformat(), "rows": [asdict(row) for row in rows]}
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(any(row.findings for row in rows))


def say(row: Row) -> None:
    """Print a row."""
    print(f"{row.question:52} {row.looked_at:14} findings {row.findings}, exceptions {row.exceptions}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
