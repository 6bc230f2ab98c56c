"""The AWS modules: their own tests, and the life of each example from the first plan to nothing left.

With the real provider (where a registry answers) the modules' own tests and `validate` run; a plan would need an
account. With the stand-in everything runs; what that proves is in docs/explanation/verification-on-aws.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from aws_fixtures import MODULES, TERRAFORM, Root, copied
from needs import missing
from tools.aws_provider import AwsProvider, ensure_aws_provider
from workers.core.errors import MissingToolError
from workers.core.settings import Settings
from workers.setup.tofu import Tofu

pytestmark = pytest.mark.tofu


@pytest.fixture(scope="module")
def provider() -> AwsProvider:
    """The AWS provider, or its stand-in."""
    try:
        return ensure_aws_provider(Settings())
    except MissingToolError as error:
        missing(error)
        raise


@pytest.fixture
def root(tofu: Tofu, provider: AwsProvider, tmp_path: Path) -> Callable[[str], Root]:
    """A folder below ``terraform/``, copied and initialised."""
    return lambda folder: copied(tofu.path, provider, folder, tmp_path, Settings().cache / "plugins")


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_own_tests_pass(root: Callable[[str], Root], module: str) -> None:
    """Every assertion and every refusal of the module's .tftest.hcl files holds, and there are some."""
    told = root(f"modules/{module}").run("test")
    assert int(re.findall(r"(\d+) passed, 0 failed", told)[0]) >= 3


@pytest.mark.parametrize("module", MODULES)
def test_the_example_lives_and_leaves_nothing(root: Callable[[str], Root], module: str, provider: AwsProvider) -> None:
    """The example validates; it plans, applies, is then without changes, and is destroyed to nothing."""
    example = root(f"modules/{module}/examples/basic")
    example.run("validate")
    if not provider.simulated:
        pytest.skip("a plan with the real provider needs an AWS account")
    changes = [c for c in example.live()["resource_changes"] if c["mode"] == "managed"]
    assert changes
    assert all(c["change"]["actions"] == ["create"] for c in changes)


@pytest.mark.parametrize("module", MODULES)
def test_the_readme_shows_the_example(module: str) -> None:
    """The module call in the README is the one in examples/basic, which is tried."""
    folder = TERRAFORM / "modules" / module
    call = re.search(r"^module .*?^}$", (folder / "examples/basic/main.tf").read_text(), re.MULTILINE | re.DOTALL)
    assert call
    assert call[0].replace('"../.."', f'"./terraform/modules/{module}"') in (folder / "README.md").read_text()
