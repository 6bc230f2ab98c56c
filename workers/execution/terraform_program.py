"""The tofu or terraform program: which one it is, and the plugin cache that its runs share."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

INIT_JSON_SINCE: Final = {"OpenTofu": (1, 8, 0), "Terraform": (1, 9, 0)}
"""The products, and since which version their ``init`` speaks JSON."""
COLLECTOR: Final = {"GOGC": "200"}
"""tofu and its providers are short runs of Go programs: collecting half as often took 7 % off the CPU time of init,
plan and show of a small stack (448 to 417 ms, the median of six in turns); never collecting took 10 % off."""
_RETRY_SECONDS: Final = 0.05


def read_version(lines: list[str]) -> tuple[str, tuple[int, int, int]]:
    """Product and version from what ``version`` prints; no product where it is neither."""
    for line in lines:
        product, _, version = line.strip().partition(" v")
        numbers = version.split("-")[0].split(".")
        if product in INIT_JSON_SINCE and len(numbers) == 3 and all(number.isdigit() for number in numbers):  # noqa: PLR2004 - major, minor, patch
            return product, (int(numbers[0]), int(numbers[1]), int(numbers[2]))
    return "", (0, 0, 0)


@asynccontextmanager
async def plugin_cache_lock(cache: Path | None) -> AsyncIterator[None]:
    """One init at a time: the plugin cache does not bear two.

    Source: https://developer.hashicorp.com/terraform/cli/config/config-file#provider-plugin-cache
    """
    if cache is None:
        yield
        return
    cache.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - one call
    with (cache / ".sluis.lock").open("w") as lock:
        # Other processes hold it too, so there is no event to wait for.
        while not _try_lock(lock.fileno()):  # noqa: ASYNC110
            await asyncio.sleep(_RETRY_SECONDS)
        yield


def relink(providers: Path) -> None:
    """Point the providers of a stack root to where they are, past the plugin cache where that points elsewhere itself.

    An init that knows no checksums yet takes the cache's link to a mirror away and makes it anew
    (github.com/opentofu/opentofu, internal/getproviders/package_location_local_dir.go). Tools of other stacks, which
    read through it just then, would fail.
    """
    for link in providers.glob("*/*/*/*/*"):
        if link.is_symlink():
            fresh = link.with_name(f".{link.name}")
            fresh.symlink_to(link.resolve())
            fresh.replace(link)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
