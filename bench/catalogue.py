# ruff: noqa: T201 - a script that measures and prints
"""Measure reading, generating and checking a catalogue of many modules.

Usage: ``python bench/catalogue.py [--modules 200] [--variables 20] [--out bench-catalogue.json]``. It makes a project
with that many modules and one model that calls each of them, and runs the commands as a user would. Asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VARIABLE = """
variable "input_{n}" {{
  description = "Input number {n}."
  type        = object({{ name = string, sizes = optional(list(number), [1, 2]) }})
  default     = {{ name = "x" }}
  validation {{
    condition     = length(var.input_{n}.name) > 0
    error_message = "The name must not be empty."
  }}
}}
"""
CALL = """<bpmn:callActivity id="Call{n}"><bpmn:extensionElements>
<zeebe:calledElement processId="TerraformChange"/><zeebe:ioMapping>
<zeebe:input source="local" target="environment"/><zeebe:input source="s{n}" target="stack"/>
<zeebe:input source="module_{n}" target="module"/>
<zeebe:input source="={{input_1: {{name: &quot;a&quot;, sizes: [1, 2, x]}}}}" target="inputs"/>
<zeebe:output source="=change" target="made_{n}"/></zeebe:ioMapping></bpmn:extensionElements></bpmn:callActivity>
<bpmn:boundaryEvent id="Error{n}" attachedToRef="Call{n}"><bpmn:errorEventDefinition/></bpmn:boundaryEvent>
"""
MODEL = """<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="D" targetNamespace="t">
<bpmn:process id="All" isExecutable="true">{calls}</bpmn:process></bpmn:definitions>
"""
COMMANDS = (("generate",), ("generate", "--check"), ("check",))


def make(project: Path, modules: int, variables: int) -> None:
    """Write the project."""
    content = "".join(VARIABLE.format(n=n) for n in range(1, variables + 1))
    for number in range(modules):
        folder = project / "terraform" / "modules" / f"module_{number}"
        folder.mkdir(parents=True)
        (folder / "variables.tf").write_text(content, encoding="utf-8")
    (project / "bpmn").mkdir()
    calls = "".join(CALL.format(n=n) for n in range(modules))
    (project / "bpmn" / "All.bpmn").write_text(MODEL.format(calls=calls), encoding="utf-8")


def measure(project: Path, words: tuple[str, ...]) -> tuple[float, float]:
    """Seconds that the command takes, from start to end, and those of a processor, which other load changes little."""
    start, before = time.perf_counter(), _processor()
    command = [sys.executable, "-m", "workers.cli", "-p", str(project), *words]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start, _processor() - before


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=200)
    parser.add_argument("--variables", type=int, default=20)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(scratch), options.modules, options.variables)
        taken = {" ".join(words): measure(Path(scratch), words) for words in COMMANDS}
    for command, (whole, processor) in taken.items():
        print(f"sluis {command:<18} {whole:6.2f} s, {processor:5.2f} s of a processor")
    seconds = {command: round(whole, 2) for command, (whole, _) in taken.items()}
    processors = {command: round(processor, 2) for command, (_, processor) in taken.items()}
    about = {"modules": options.modules, "variables": options.variables, "python": platform.python_version()}
    result = about | {"seconds": seconds, "processor_seconds": processors}
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
