"""Check the Helm chart: generated files, lint, its own tests, and what it renders against Kubernetes' schemas.

Everything is rendered with each file of ``helm/sluis/ci``. Objects of operators (KEDA, External Secrets, Prometheus)
have no schema in Kubernetes; the chart's own tests look at those.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "helm" / "sluis"
VERSIONS = ("1.31", "1.37")
OPERATORS = ("keda.sh/", "external-secrets.io/", "monitoring.coreos.com/")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One of our own scripts."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Helm, or a word that there is none."""
    return run("tools/gotool.py", "helm", *arguments)


def refused(manifest: dict[str, Any]) -> list[str]:
    """Why an object is none that Kubernetes takes, in the oldest and the newest version that is served."""
    name = f"{manifest['kind']}/{manifest['metadata']['name']}"
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{name} ({version}): {error.message}")
    return found


def rendered(values: Path) -> tuple[list[dict[str, Any]], str]:
    """The objects of one values file, and what helm had to say."""
    done = helm("template", "test", CHART, "--values", values)
    if done.returncode:
        return [], done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found], ""


def checked(values: Path) -> list[str]:
    """What is wrong with what one values file gives."""
    lint = helm("lint", CHART, "--strict", "--values", values)
    if lint.returncode:
        return [lint.stdout + lint.stderr]
    manifests, said = rendered(values)
    own = [found for found in manifests if not found["apiVersion"].startswith(OPERATORS)]
    return [said] if said else [problem for found in own for problem in refused(found)]


def main() -> int:
    """Check all; 1 where something is wrong."""
    wrong = [line for line in run("tools/chart.py", "--check").stdout.splitlines() if line]
    there = helm("version")
    if there.returncode == 0 and not there.stdout:
        print(there.stderr, file=sys.stderr)
        return 0
    if there.returncode:
        wrong.append(there.stderr)
    else:
        for values in sorted((CHART / "ci").glob("*.yaml")):
            wrong += [f"{values.name}: {problem}" for problem in checked(values)]
        suites = run("tools/gotool.py", "helm-unittest", "--strict", CHART)
        wrong += [suites.stdout + suites.stderr] if suites.returncode else []
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
