"""What plan and apply jobs have in common: how they name a stack, and how the tool is called for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel

from workers.core.contract import Contract
from workers.core.environment import Environment
from workers.core.job import Job
from workers.core.names import Name
from workers.core.records import StackId
from workers.core.redaction import Redactor, secret_strings
from workers.core.values import JsonValue
from workers.execution.encryption import encryption_variable
from workers.execution.stack_root import RootSpec
from workers.execution.terraform import Call
from workers.handlers.attempt import Attempt, parse
from workers.handlers.context import Context


class StackRequest(BaseModel):
    """What names the stack of a job."""

    environment: Name
    stack: Name

    @property
    def id(self) -> StackId:
        """The stack."""
        return StackId(environment=self.environment, name=self.stack)


def stack_subject(job: Job) -> tuple[str, ...]:
    """The stack that a job works on, as the record and the locks name it.

    Raises:
        InputError: the job does not name one.
    """
    return (str(parse(StackRequest, job, job.type).id),)


def tool_call(context: Context, attempt: Attempt, environment: Environment, redactor: Redactor, minutes: int) -> Call:
    """How the tool is run for an attempt: stopped, timed out, logged, with the environment's variables."""
    values, secrets = context.secrets.resolve(dict(environment.variables))
    encryption, passphrase = _encryption(context, environment)
    env = {**context.variables, **{name: str(value) for name, value in mapping(values).items()}, **encryption}
    control = attempt.control(timedelta(minutes=minutes))
    redactor = redactor.plus((*secrets, *passphrase))
    return Call(control=control, sink=attempt.log, env=env, redactor=redactor, kept=attempt.kept)


async def root_spec(
    context: Context,
    attempt: Attempt,
    environment: Environment,
    contract: Contract,
    stack: StackId,
    inputs: Mapping[str, JsonValue],
) -> tuple[RootSpec, Redactor]:
    """What the root of a plan is made from, and what takes its secrets out of texts."""
    values, secrets = context.secrets.resolve(dict(inputs))
    lock_file = await context.store.read(lock_file_key(stack))
    state = context.data / "state"
    spec = RootSpec(stack, contract, environment, mapping(values), attempt.run.id, state, lock_file)
    return spec, Redactor((*secrets, *sensitive_values(contract, mapping(values))))


def _encryption(context: Context, environment: Environment) -> tuple[dict[str, str], tuple[str, ...]]:
    """What makes the tool encrypt, and the secret in it."""
    wanted = environment.encryption
    if wanted is None:
        return {}, ()
    passphrase = context.secrets.value(wanted.passphrase) if wanted.passphrase else ""
    product = context.terraform().product
    return encryption_variable(wanted, passphrase, product), (passphrase,) if passphrase else ()


def sensitive_values(contract: Contract, values: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """The strings in sensitive inputs, for redaction."""
    return tuple(s for i in contract.inputs if i.sensitive and i.name in values for s in secret_strings(values[i.name]))


def mapping(value: JsonValue) -> dict[str, JsonValue]:
    """``value`` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def lock_file_key(stack: StackId) -> str:
    """Where the provider lock file of a stack is kept in the store."""
    return f"provider-locks/{stack}.hcl"
