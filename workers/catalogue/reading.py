"""All modules and roles of a project as contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from workers.catalogue.modules import read_module
from workers.catalogue.roles import read_role
from workers.catalogue.source import SourceError
from workers.core.contract import Catalogue, CatalogueProblem, Contract, Kind
from workers.core.errors import ContractError
from workers.core.values import is_name
from workers.runs.folder import Folder, digest_folder, read_folder

_FOLDERS = {Kind.MODULE: Path("terraform", "modules"), Kind.ROLE: Path("ansible", "roles")}
_READERS: dict[Kind, Callable[[Path, Folder], Contract]] = {Kind.MODULE: read_module, Kind.ROLE: read_role}


def read_catalogue(project: Path) -> Catalogue:
    """Every folder in ``terraform/modules`` and ``ansible/roles`` of the project.

    A folder that cannot be read becomes a problem and stops only its own workers. Hidden folders are passed over.
    """
    found = [read_contract(kind, path) for kind, folder in _FOLDERS.items() for path in _candidates(project / folder)]
    contracts = tuple(item for item in found if isinstance(item, Contract))
    return Catalogue(contracts, tuple(item for item in found if isinstance(item, CatalogueProblem)))


def read_contract(kind: Kind, path: Path) -> Contract | CatalogueProblem:
    """The contract of one module or role, or why there is none."""
    if not is_name(path.name):
        return _problem(kind, path, "the name is not usable: a-z first, then a-z, 0-9, - and _, at most 63 characters.")
    try:
        return _parse(kind, path, digest_folder(path))
    except SourceError as error:
        return CatalogueProblem(kind, path.name, error.path, error.line, f"{error.reason} {error.hint}".strip())
    except ContractError as error:
        return _problem(kind, path, str(error))
    except RecursionError:
        return _problem(kind, path, "something in it is nested too deeply.")


@lru_cache(maxsize=2048)
def _parse(kind: Kind, path: Path, digest: str) -> Contract:
    """What is in a folder means the same as long as it has the same digest; a worker looks at all of them often."""
    content = read_folder(path)
    if content.digest != digest:
        raise ContractError("it was changed while it was read.")
    return _READERS[kind](path, content)


def folder_of(project: Path, kind: Kind) -> Path:
    """Where the modules or roles of a project lie."""
    return project / _FOLDERS[kind]


def _problem(kind: Kind, path: Path, message: str) -> CatalogueProblem:
    return CatalogueProblem(kind, path.name, path, 0, message)


def _candidates(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            yield path
