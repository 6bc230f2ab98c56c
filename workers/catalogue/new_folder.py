"""The files of a new module or role: small, complete, and good by every check, to be changed from there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workers.catalogue.reading import folder_of
from workers.core.contract import Kind
from workers.core.errors import UsageError
from workers.core.values import is_name

_MODULE: Final = {
    "README.md": """# @NAME@

Keeps a message. Change this sentence: it is the description in Camunda Modeler.

```hcl
module "@NAME@" {
  source  = "./terraform/modules/@NAME@"
  message = "Hello."
}
```
""",
    "main.tf": """resource "terraform_data" "this" {
  input = var.message
}
""",
    "outputs.tf": """output "message" {
  description = "The message as it is kept."
  value       = terraform_data.this.output
}
""",
    "variables.tf": """variable "message" {
  description = "What is kept."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^.{1,200}$", var.message))
    error_message = "The message must be one line of at most 200 characters."
  }
}
""",
    "versions.tf": """terraform {
  required_version = ">= 1.6"
}
""",
    "tests/inputs.tftest.hcl": """run "keeps_the_message" {
  command = apply
  variables {
    message = "Hello."
  }
  assert {
    condition     = output.message == "Hello."
    error_message = "The output must be the message."
  }
}

run "refuses_an_empty_message" {
  command = plan
  variables {
    message = ""
  }
  expect_failures = [var.message]
}
""",
}

_ROLE: Final = {
    "README.md": """# @NAME@

Writes a message to a file. A second run changes nothing.

| name | default | meaning |
|---|---|---|
| `@NAME@_message` | `Hello.` | what the file says |
| `@NAME@_path` | `/etc/@NAME@.txt` | absolute path of the file |
""",
    "defaults/main.yml": """---
@NAME@_message: Hello.
@NAME@_path: /etc/@NAME@.txt
""",
    "meta/argument_specs.yml": """---
argument_specs:
  main:
    short_description: A message in a file
    description:
      - Writes a message to a file.
    options:
      @NAME@_message:
        type: str
        default: Hello.
        description: What the file says.
      @NAME@_path:
        type: path
        default: /etc/@NAME@.txt
        description: Absolute path of the file.
""",
    "meta/main.yml": """---
galaxy_info:
  author: The platform team
  description: A message in a file
  license: Apache-2.0
  min_ansible_version: "2.16"
  platforms:
    - name: Debian
      versions:
        - bookworm
dependencies: []
""",
    "tasks/main.yml": """---
- name: Keep the message
  ansible.builtin.import_tasks: message.yml
""",
    "tasks/message.yml": """---
- name: Write the message
  ansible.builtin.copy:
    content: "{{ @NAME@_message }}\\n"
    dest: "{{ @NAME@_path }}"
    mode: "0644"
""",
}

_FILES: Final = {Kind.MODULE: _MODULE, Kind.ROLE: _ROLE}


def make_folder(project: Path, kind: Kind, name: str) -> tuple[Path, ...]:
    """Make the folder of a new module or role; gives back its files.

    Raises:
        UsageError: the name cannot be used, or the folder is there already.
    """
    hint = "A letter first, then a-z, 0-9 and _, at most 63 characters."
    if not is_name(name) or "-" in name:
        raise UsageError(f"'{name[:80]}' is no name for a module or role.", hint)
    folder = folder_of(project, kind) / name
    if folder.exists():
        raise UsageError(f"{folder} is there already.", "Take another name.")
    return tuple(_write(folder / file, content.replace("@NAME@", name)) for file, content in _FILES[kind].items())


def _write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path
