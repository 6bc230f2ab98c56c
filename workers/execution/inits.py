"""What ``init`` has made in one stack root, for the next root that would get the same from it.

Installing providers and noting modules and backend is the same work for each stack of a module, and for the plan and
the apply of one stack. With a provider as large as AWS's it takes seconds.

The tool checks a root that got it from here as it checks every root: each command compares the providers with the lock
file, the noted modules with the configuration, and the noted backend with the one in ``main.tf.json``, setting by
setting. Where they differ it asks for an ``init`` before it does anything, and gets one.
Source: github.com/opentofu/opentofu, internal/command/meta_backend.go and internal/configs/configload/loader_load.go.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from workers.core.errors import ToolError
from workers.core.values import JsonValue, canonical_json
from workers.execution.stack_root import INPUTS_FILE, LOCK_FILE, MAIN_FILE, SENSITIVE_FILE, WORK_FOLDER, StackRoot
from workers.runs.folder import Folder, read_folder

_ADDRESSES: Final = {"local": "path", "s3": "key"}
"""The setting of a backend that says whose state it is; all others are those of the environment."""
_GENERATED: Final = frozenset({"terraform", "module", "provider", "variable", "output"})
_PROVIDERS: Final = "providers"
_MODULES: Final = "modules"
_LIST: Final = "modules/modules.json"
_BACKEND: Final = "terraform.tfstate"
_WANTS_INIT: Final = re.compile(
    r"initialization required|Required plugins are not installed|Module version requirements have changed"
    r'|[Rr]un "?(?:tofu|terraform) init\b|there is no package for \S+ \S+ cached'
)
_FRESH_SECONDS: Final = 3600
"""A stack without a lock file takes the newest providers that fit, so what was made long ago is not used again."""
_MOST: Final = 100


def wants_init(error: ToolError) -> bool:
    """Whether a command failed, before it did anything, because its root needs an ``init``."""
    return bool(_WANTS_INIT.search(str(error)))


@dataclass(frozen=True)
class Likeness:
    """What an ``init`` goes by.

    Attributes:
        key: the same for all roots in which it makes the same, but for the address of the backend.
        setting: the name of the setting that holds that address.
        address: its value.
        lock: the lock file that it begins with.
    """

    key: str
    setting: str
    address: str
    lock: bytes | None

    @classmethod
    def of(cls, root: StackRoot) -> Likeness | None:
        """That of ``root``, which has had no init; None where it has a backend of which we know too little.

        Values of variables do not count: inputs are data, and where one decides on the source of a module, the tool
        sees that another one is noted.
        """
        content = read_folder(root.folder)
        # A module that is a root itself may have a file of that name with anything in it.
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            main = json.loads(content.files[MAIN_FILE])
            ((kind, settings),) = main["terraform"]["backend"].items()
            setting = _ADDRESSES[kind]
            # With "${" in it, the file has it in other words than the note.
            if set(main) <= _GENERATED and list(main["module"]) == ["stack"] and "{" not in settings[setting]:
                key = canonical_json(_goes_by(main, kind, setting, content)).decode()
                return cls(key, setting, settings[setting], content.files.get(LOCK_FILE))
        return None


def _goes_by(main: Mapping[str, Any], kind: str, setting: str, content: Folder) -> dict[str, JsonValue]:
    settings = main["terraform"]["backend"][kind]
    names = {name for name in content.files if name not in (MAIN_FILE, INPUTS_FILE, SENSITIVE_FILE)}
    return {
        "backend": {kind: {name: value for name, value in settings.items() if name != setting}},
        "required": main["terraform"].get("required_providers", {}),
        "providers": sorted(main.get("provider", {})),
        "files": Folder({name: content.files[name] for name in names}).digest,
    }


@dataclass(frozen=True)
class _Made:
    """What an ``init`` has left behind.

    Attributes:
        at: when, on the monotonic clock.
        note: its note of the backend.
        modules: its list of modules.
        lock: the lock file afterwards; None where there are no providers.
        providers: places below the folder of providers, and what each is a link to.
    """

    at: float
    note: Mapping[str, Any]
    modules: bytes
    lock: bytes | None
    providers: Mapping[str, Path]


class Inits:
    """Remembers, in memory, what the inits of this process have made."""

    def __init__(self) -> None:
        self._made: dict[str, _Made] = {}

    def keep(self, like: Likeness | None, root: StackRoot) -> None:
        """Remember what an init has made in ``root``, where others can use it without a copy."""
        made = _read(root)
        if not like or not made or made.note["backend"]["config"].get(like.setting) != like.address:
            return
        # With the lock file that it has now, the next root of the stack gets the same.
        for now in (like, Likeness.of(root)):
            if now:
                self._made[now.key] = made
        for key in list(self._made)[:-_MOST]:
            del self._made[key]

    def restore(self, like: Likeness | None, root: StackRoot) -> bool:
        """Put into ``root`` what an init would make there, unless it is there; whether that is known."""
        made = self._made.get(like.key) if like else None
        if not like or not made or time.monotonic() > made.at + _FRESH_SECONDS:
            return False
        if not all(target.is_dir() for target in made.providers.values()):
            return False
        work = root.folder / WORK_FOLDER
        if (work / _BACKEND).exists():
            return True
        if any((work / name).exists() for name in (_MODULES, _PROVIDERS)):
            return False  # an init began here and did not end
        try:
            _put(made, like, root)
        except OSError:  # a full disk is the tool's to name
            _take_out(like, root)
            return False
        return True

    def forget(self, like: Likeness, root: StackRoot) -> None:
        """Take out of ``root`` what ``restore`` has put there, and do not offer it again."""
        self._made.pop(like.key, None)
        _take_out(like, root)


def _put(made: _Made, like: Likeness, root: StackRoot) -> None:
    work = root.folder / WORK_FOLDER
    (work / _MODULES).mkdir(parents=True)
    (work / _LIST).write_bytes(made.modules)
    (work / _BACKEND).write_bytes(_addressed(made.note, like))
    for place, target in made.providers.items():
        (work / _PROVIDERS / place).parent.mkdir(parents=True)
        (work / _PROVIDERS / place).symlink_to(target)
    if made.lock and made.lock != like.lock:
        (root.folder / LOCK_FILE).write_bytes(made.lock)


def _take_out(like: Likeness, root: StackRoot) -> None:
    for name in (_PROVIDERS, _MODULES):
        shutil.rmtree(root.folder / WORK_FOLDER / name, ignore_errors=True)
    (root.folder / WORK_FOLDER / _BACKEND).unlink(missing_ok=True)
    if like.lock is None:
        (root.folder / LOCK_FILE).unlink(missing_ok=True)
    elif root.lock_file() != like.lock:
        (root.folder / LOCK_FILE).write_bytes(like.lock)


def _read(root: StackRoot) -> _Made | None:
    """None where it is not of the form that we know, or has copies of providers or modules in it."""
    work = root.folder / WORK_FOLDER
    links = {str(place.relative_to(work / _PROVIDERS)): place for place in (work / _PROVIDERS).glob("*/*/*/*/*")}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        note, modules = json.loads((work / _BACKEND).read_bytes()), (work / _LIST).read_bytes()
        known = isinstance(note["backend"]["config"], dict) and isinstance(note["backend"]["hash"], int)
        here = all(not module["Dir"].startswith(WORK_FOLDER) for module in json.loads(modules)["Modules"])
        if known and here and all(place.is_symlink() for place in links.values()):
            targets = {name: place.resolve() for name, place in links.items()}
            return _Made(time.monotonic(), note, modules, root.lock_file(), targets)
    return None


def _addressed(note: Mapping[str, Any], like: Likeness) -> bytes:
    """The note with another stack's address. Without the hash of the old one the tool compares all values."""
    backend = note["backend"]
    other = {**backend, "config": {**backend["config"], like.setting: like.address}, "hash": 0}
    return json.dumps({**note, "backend": other}, indent=2).encode()
