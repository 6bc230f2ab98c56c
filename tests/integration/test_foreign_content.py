"""A module of the size and style of the large public ones, unedited: read, drawn as a template, planned and applied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from catalogue_oracle import as_tofu_type, tofu_reads
from execution_fixtures import Events, Stack, call, program
from workers.catalogue import read_contract
from workers.catalogue.readme import first_sentence
from workers.catalogue.template_fields import input_fields
from workers.core.contract import Contract, Kind
from workers.core.records import Counts
from workers.execution.terraform import TerraformTool
from workers.setup.tofu import Tofu

FEATURES = 50
VARIABLES = """
variable "feature_{n}" {{
  description = <<-EOT
    Everything about feature {n}, as an object. "Quotes", ${{not a template}} and {{braces}} in it mean nothing:
      - nested (see https://example.org/{n}#anchor)
  EOT
  type = object({{
    create = optional(bool, true) # a comment, with }} in it
    names  = optional(list(string), ["a", "b"])
    rules = optional(map(object({{
      from = number
      to   = optional(number)
      cidr = optional(set(string), [])
    }})), {{}})
    other = optional(any)
  }})
  default  = {{}}
  nullable = false
}}

variable "feature_{n}_tags" {{
  type    = map(string)
  default = {{ "Name" = "x-{n}", (1 + 1 == 2 ? "a" : "b") = "c" }}
}}

variable "feature_{n}_mode" {{
  description = "How: one of `on`, `off`."
  type        = string
  default     = "on"
  validation {{
    condition     = contains(["on", "off"], var.feature_{n}_mode) && length(var.feature_{n}_mode) > 1
    error_message = "Only on and off."
  }}
}}

variable "feature_{n}_count" {{
  default = {n}
}}

variable "feature_{n}_secret" {{
  type      = string
  default   = null
  sensitive = true
}}
"""
MAIN = """
locals {
  all = { for n in range(%d) : "f${n}" => %s }
}

module "inner" {
  source   = "./modules/inner"
  for_each = { for key, mode in local.all : key => mode if mode == "off" }
  text     = each.key
}

resource "terraform_data" "this" {
  for_each = var.names
  input    = "%%{ if each.value != "" }${each.value}-${var.suffix}%%{ endif }"
  lifecycle {
    precondition {
      condition     = length(var.names) < 100
      error_message = <<EOT
Too many: ${join(", ", var.names)}
EOT
    }
  }
}
"""
MORE = """{
  "variable": {"suffix": {"type": "string", "default": "end"}, "names": {"type": "set(string)"}},
  "output": {"made": {"value": "${[for key, one in terraform_data.this : one.output]}"}}
}"""
INNER = 'variable "text" {\n  type = string\n}\nresource "terraform_data" "this" {\n  input = var.text\n}\n'
README = "# Large\n\n> [!NOTE]\n> **Read this**\n\nA module with **very** many [inputs](#inputs). More follows.\n"

pytestmark = pytest.mark.tofu


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module with 252 variables in ``.tf``, ``.tofu`` and ``.tf.json``, and a nested one below it."""
    folder = tmp_path_factory.mktemp("modules") / "large"
    (folder / "modules" / "inner").mkdir(parents=True)
    modes = "[" + ", ".join(f"var.feature_{n}_mode" for n in range(FEATURES)) + "][n]"
    files = {
        "README.md": README,
        "main.tf": MAIN % (FEATURES, modes),
        "variables.tofu": "".join(VARIABLES.format(n=n).replace("${not", "$${not") for n in range(FEATURES)),
        "variables.tf": "this is not read, for there is a variables.tofu",
        "more.tf.json": MORE,
        "modules/inner/main.tf": INNER,
        "examples/complete/main.tf": "this would not parse",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def contract_of(folder: Path) -> Contract:
    found = read_contract(Kind.MODULE, folder)
    assert isinstance(found, Contract), found
    return found


def test_a_large_module_is_read_as_opentofu_reads_it(tofu: Tofu, large: Path, tmp_path: Path) -> None:
    """Names, types and requiredness of every variable are OpenTofu's; choices, secrets and the README's words too."""
    theirs, ours = tofu_reads(str(tofu.path), shutil.copytree(large, tmp_path / "m")), contract_of(large)
    assert len(ours.inputs) == 5 * FEATURES + 2
    assert {i.name: (as_tofu_type(i.type), i.required) for i in ours.inputs} == {
        name: (variable.get("type", "dynamic"), variable.get("required", False))
        for name, variable in theirs["variables"].items()
    }
    mode, secret = ours.input("feature_7_mode"), ours.input("feature_7_secret")
    assert mode is not None
    assert secret is not None
    assert (mode.choices, secret.sensitive, ours.description) == (("on", "off"), True, first_sentence(README))
    assert ours.description == "A module with very many inputs."


def test_a_large_module_has_a_field_for_each_input(large: Path) -> None:
    """Objects are expressions, choices dropdowns; nothing is left out or said twice."""
    fields = {str(field["label"]): field for field in input_fields(contract_of(large))}
    assert len(fields) == 5 * FEATURES + 2
    assert fields["feature_3"]["feel"] == "required"
    assert fields["feature_3_mode"]["type"] == "Dropdown"


async def test_a_large_module_is_planned_and_applied(large: Path, tmp_path: Path) -> None:
    """With its nested module, through the root that is generated around it."""
    one = Stack(await TerraformTool.probe(program()), tmp_path, contract_of(large))
    root, planned = await one.plan({"names": ["a", "b"], "feature_3_mode": "off"})
    assert planned.facts.counts == Counts(create=3)
    events = Events()
    await one.tool.apply(root, planned.plan, call=call(events))
    _, again = await one.plan({"names": ["a", "b"], "feature_3_mode": "off"})
    assert not again.facts.has_changes
