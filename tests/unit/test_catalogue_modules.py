"""Terraform modules as contracts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from workers.catalogue import describe_type, read_catalogue, read_contract
from workers.core.contract import CatalogueProblem, Contract, Kind, TypeName

HARD = Path(__file__).parent.parent / "fixtures" / "catalogue" / "hard"


def module(folder: Path, *, name: str = "main.tf", text: str | bytes) -> Contract | CatalogueProblem:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_contract(Kind.MODULE, folder)


@pytest.fixture(scope="module")
def hard() -> Contract:
    contract = read_contract(Kind.MODULE, HARD)
    assert isinstance(contract, Contract)
    return contract


class TestHardModule:
    def test_every_variable_of_every_file_is_found(self, hard: Contract) -> None:
        """Blocks are found among comments, heredocs and templates that hold brackets and quotes."""
        assert [i.name for i in hard.inputs] == [
            "from_json", "heredoc", "nested", "old_style", "one_line", "plain", "secret", "size", "stage",
            "unicode_ü", "windows",
        ]  # fmt: skip

    def test_nested_type(self, hard: Contract) -> None:
        """A type of every constructor, with optional attributes and defaults, is read whole."""
        nested = hard.input("nested")
        assert nested.type.name is TypeName.MAP
        attributes = {a.name: a for a in nested.type.element.attributes}
        assert list(attributes) == ["name", "tags", "disks", "kind", "quoted-name", "pair"]
        assert attributes["tags"].default == {"owner": "us", "cost-center": 5}
        assert attributes["disks"].default == []
        assert attributes["disks"].type.element.attributes[1].default is True
        assert not attributes["kind"].required
        assert [e.name for e in attributes["pair"].type.elements] == [TypeName.STRING, TypeName.SET]
        assert not nested.nullable
        assert nested.default == {
            "a b": {"name": "x", "quoted-name": [1, -2.5, 1000, None, True], "pair": ["p", [1, 2]]}
        }

    def test_texts(self, hard: Contract) -> None:
        """Escapes, unicode and heredocs, indented or not, say what Terraform reads in them."""
        assert hard.input("unicode_ü").description == 'Grüße, "quoted" \\ back\tslash é ${not} %{a} $$${template}'
        assert hard.input("heredoc").default == "  six\n    eight \\n stays\n\nfour ${x}\n"
        assert hard.input("heredoc").description.endswith("EOTX is not the end")

    def test_flags(self, hard: Contract) -> None:
        """What is required, sensitive and ephemeral is known."""
        secret, plain = hard.input("secret"), hard.input("plain")
        assert (secret.required, secret.sensitive, secret.ephemeral) == (True, True, True)
        assert (plain.required, plain.sensitive, plain.nullable) == (True, False, True)

    def test_validations(self, hard: Contract) -> None:
        """Conditions are kept as written; a plain list of choices is understood, also from an amended variable."""
        assert [v.message for v in hard.input("size").validations] == [
            "The size must be between 1 and 10.",
            'Only ${upper("special")} sizes.',
        ]
        assert hard.input("stage").choices == ("dev", "prod")
        assert hard.input("stage").description == "The stage, said later."

    def test_tofu_file_and_json_file(self, hard: Contract) -> None:
        """A .tofu file is read instead of the .tf file of its name, and .tf.json files are read too."""
        assert [(o.name, o.sensitive) for o in hard.outputs] == [("doubled", False), ("size", False), ("token", True)]
        assert hard.input("from_json").description == "From \b JSON/é."
        assert hard.input("from_json").default == {"a": 1}

    def test_the_rest(self, hard: Contract) -> None:
        """Providers, the README's first sentence and the job types are part of the contract."""
        assert hard.providers == (("local", "hashicorp/local"),)
        assert hard.description == "A module that is hard to read."
        assert not hard.is_root
        assert hard.job_types == ("terraform.hard.plan", "terraform.hard.apply", "terraform.hard.drift")


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ('variable "a" {\n  type = string\n', 1, "not closed"),
            ('variable "a" {\n  default = "x\n}\n', 2, "quotes"),
            ('variable "a" {\n  type = strin\n}\n', 2, "'strin' is not a type"),
            ('variable "a" {\n\n  type = object({ a = text })\n}\n', 3, "'text' is not a type"),
            ('variable "a" {\n  default =\n}\n', 2, "no value"),
            ('variable "a" {\n  default = [1, (2]\n}\n', 2, "] closes the ( of line 2"),
            ('variable "a" {\n  default = [\n  1\n}\n', 4, "} closes the [ of line 2"),
            ('variable "a" {}\nvariable "a" {}\n', 2, "declared twice"),
            ('variable "a" {\n  default = 1\n  default = 2\n}\n', 3, "set twice"),
            ("variable {}\n", 1, "exactly one name"),
            ('variable "a" {\n  default = <<EOT\n}\n', 2, "EOT is missing"),
            ("/* never\nclosed", 1, "not closed by */"),
            ("locals {\n  a = 'x'\n}\n", 2, '"\'" does not belong here'),
            ("locals {\n  a\n}\n", 2, "expected = or {"),
            ('output "a" {}\n', 1, "lacks a value"),
            ('variable "a" {\n  validation {\n  }\n}\n', 2, "condition and error_message"),
            ("}\n", 1, "} where an argument or block should begin"),
            ('locals {\n  a = "${1 +\n}\n', 2, "text in quotes"),
            (b'variable "a" {}\n\xff\n', 2, "UTF-8"),
        ],
    )
    def test_is_named_with_its_line(self, tmp_path: Path, text: str | bytes, line: int, words: str) -> None:
        """A file that cannot be read becomes a problem with its path, its line and a reason."""
        problem = module(tmp_path / "broken", text=text)
        assert isinstance(problem, CatalogueProblem)
        assert (problem.path.name, problem.line) == ("main.tf", line)
        assert words in problem.message

    def test_json_errors_have_a_line(self, tmp_path: Path) -> None:
        """Broken JSON is named with its line."""
        problem = module(tmp_path / "broken", name="x.tf.json", text='{\n "variable": }')
        assert (problem.path.name, problem.line) == ("x.tf.json", 2)

    def test_deep_nesting_is_a_problem(self, tmp_path: Path) -> None:
        """A type nested beyond reason loses the module and not the process."""
        text = f'variable "a" {{\n  type = {"list(" * 5000}any{")" * 5000}\n}}\n'
        assert "nested too deeply" in module(tmp_path / "deep", text=text).message

    def test_only_that_module_is_lost(self, tmp_path: Path) -> None:
        """One broken folder, one bad name, one file and one hidden folder do not disturb the others."""
        modules = tmp_path / "terraform" / "modules"
        modules.mkdir(parents=True)
        module(modules / "good", text='variable "a" {}')
        module(modules / "broken", text='variable "a" {')
        module(modules / "Bad Name", text="")
        module(modules / ".hidden", text="")
        (modules / "empty").mkdir()
        (modules / "README.md").write_text("not a module")
        catalogue = read_catalogue(tmp_path)
        assert [c.name for c in catalogue.contracts] == ["good"]
        assert [p.name for p in catalogue.problems] == ["Bad Name", "broken", "empty"]

    def test_a_folder_is_parsed_once_for_each_content(self, tmp_path: Path) -> None:
        """A worker looks at all folders every few seconds: the same content is the same contract, and no other."""
        folder = tmp_path / "m"
        folder.mkdir()
        (folder / "variables.tf").write_text('variable "one" {}\n')
        first = read_contract(Kind.MODULE, folder)
        assert read_contract(Kind.MODULE, folder) is first
        (folder / "variables.tf").write_text('variable "two" {}\n')
        changed = read_contract(Kind.MODULE, folder)
        assert [one.name for one in changed.inputs] == ["two"]
        (folder / "variables.tf").write_text("variable {\n")
        assert isinstance(read_contract(Kind.MODULE, folder), CatalogueProblem)

    def test_a_project_without_a_catalogue_is_empty(self, tmp_path: Path) -> None:
        """No folders is no error: there is nothing to serve."""
        assert read_catalogue(tmp_path).contracts == ()


class TestForms:
    def test_windows_newlines_and_byte_order_mark(self, tmp_path: Path) -> None:
        """A file from a Windows editor reads the same."""
        text = b'\xef\xbb\xbfvariable "a" {\r\n  description = <<EOT\r\nOne\r\nTwo\r\nEOT\r\n  default = 1\r\n}\r\n'
        found = module(tmp_path / "windows", text=text)
        assert (found.input("a").description, found.input("a").default) == ("One\nTwo", 1)

    @pytest.mark.parametrize(
        ("text", "is_root"),
        [
            ('terraform {\n  backend "s3" {}\n}', True),
            ('terraform {\n  cloud {\n    organization = "x"\n  }\n}', True),
            ('provider "aws" {\n  region = "eu-west-1"\n}', False),
            ('terraform {\n  required_version = ">= 1.6"\n}', False),
        ],
    )
    def test_root(self, tmp_path: Path, text: str, is_root: bool) -> None:
        """Only a backend makes a root: without one, a folder used as it is would keep its state nowhere."""
        assert module(tmp_path / "m", text=text).is_root is is_root

    def test_a_default_that_must_be_computed_is_not_shown(self, tmp_path: Path) -> None:
        """An expression as default makes the variable optional without claiming a value."""
        found = module(tmp_path / "m", text='variable "a" { default = [1, 1 + 1] }').input("a")
        assert (found.required, found.default) == (False, None)

    def test_pattern(self, tmp_path: Path) -> None:
        """A pattern behind a null check is found, with its escapes taken off."""
        text = (
            'variable "a" {\n  validation {\n    error_message = "No."\n'
            '    condition = var.a == null || can(regex("^\\\\d+$", var.a))\n  }\n}'
        )
        assert module(tmp_path / "m", text=text).input("a").pattern == r"^\d+$"

    def test_types_in_words(self, hard: Contract) -> None:
        """A nested type reads as a sentence."""
        assert describe_type(hard.input("nested").type) == (
            "map of objects with name (text), tags (map of texts, optional), disks (list of objects with "
            "size (number), fast (true or false, optional), optional), kind (text, optional), quoted-name (any value), "
            "pair (list of exactly text, set of numbers)"
        )


def test_two_hundred_modules_are_read_quickly(tmp_path: Path) -> None:
    """200 modules of the size of the hard one take well under the five seconds that `sluis check` has."""
    for number in range(200):
        folder = tmp_path / "terraform" / "modules" / f"m{number}"
        folder.mkdir(parents=True)
        for file in HARD.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    started = time.process_time()
    assert len(read_catalogue(tmp_path).contracts) == 200
    assert time.process_time() - started < 3
