"""Putting the rooms together: settings, store, context, engine adapters."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workers.core.errors import MissingToolError
from workers.core.settings import Settings
from workers.execution.secrets import all_secrets
from workers.execution.terraform import TerraformTool
from workers.handlers.context import Context
from workers.runs.runs import Runs
from workers.runs.s3 import open_s3
from workers.runs.store import DirectoryStore, Store
from workers.service.log_control import LogControl
from workers.service.machine import host_variables
from workers.service.running import linked_address
from workers.setup.scanners import scanner_command

if TYPE_CHECKING:
    from workers.engine.grpc import ZeebeGateway
    from workers.engine.rest import OrchestrationRest


@dataclass(frozen=True)
class Assembly:
    """One installation of Sluis, ready to be used.

    Attributes:
        settings: where everything is.
        store: the durable record.
        context: what handlers work with.
        name: under which name jobs are activated.
        log: level and secrets of the service's log.
    """

    settings: Settings
    store: Store
    context: Context
    name: str
    log: LogControl


def assemble(settings: Settings, terraform: TerraformTool | None = None, log: LogControl | None = None) -> Assembly:
    """Everything but the engine.

    Args:
        settings: where everything is.
        terraform: the probed tool; commands that run none leave it out.
        log: of the log that is written, so that it learns which secrets are resolved.
    """
    name = name_of(settings)
    store = open_store(settings)
    control = log or LogControl(settings)

    def tool() -> TerraformTool:
        if terraform is None:
            raise MissingToolError("Neither tofu nor terraform was found.", "`sluis doctor` says how to get one.")
        return terraform

    context = Context(
        project=settings.project.resolve(),
        data=settings.data_folder,
        store=store,
        runs=Runs(store, settings.data_folder / "locks", name),
        terraform=tool,
        secrets=control.learning(all_secrets(settings.project.resolve())),
        grace=timedelta(seconds=settings.grace_seconds),
        max_deliveries=settings.max_deliveries,
        variables=host_variables(settings),
        address=lambda: linked_address(settings),
        program=partial(scanner_command, settings),
    )
    return Assembly(settings, store, context, name, control)


def name_of(settings: Settings) -> str:
    """The name of this worker."""
    return settings.worker_name or f"{socket.gethostname()}-{os.getpid()}"


def open_store(settings: Settings) -> Store:
    """The durable record.

    Raises:
        SettingError: SLUIS_STORE names none.
    """
    if "://" in settings.store:
        return open_s3(settings.store, settings.store_kms_key, settings.store_lock_days)
    return DirectoryStore(Path(settings.store).expanduser() if settings.store else settings.data_folder / "store")


def open_gateway(settings: Settings) -> ZeebeGateway:
    """A connection to the engine over gRPC. To be closed by the caller; needs a running event loop."""
    from workers.engine.grpc import ZeebeGateway  # noqa: PLC0415 - costs a second, for the commands that need it

    return ZeebeGateway.from_settings(settings)


def open_rest(settings: Settings, user: str | None = None, password: str | None = None) -> OrchestrationRest:
    """A client of the engine's REST API, as the service identity or as the given person. To be closed by the caller."""
    from workers.engine.rest import OrchestrationRest  # noqa: PLC0415 - costs a second, for the commands that need it

    if user is None:
        return OrchestrationRest.from_settings(settings)
    return OrchestrationRest.as_user(settings, user, password if password is not None else user)
