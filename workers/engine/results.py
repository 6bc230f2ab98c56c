"""What the gateway answers, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from workers.core.values import JsonValue


@dataclass(frozen=True)
class Topology:
    """The cluster as the gateway sees it.

    Attributes:
        gateway_version: e.g. ``8.6.0``.
        brokers: host:port of each broker.
        partitions: how many partitions there are.
        leaders: how many of them have a leader; work is taken when it equals ``partitions``.
    """

    gateway_version: str
    brokers: tuple[str, ...]
    partitions: int
    leaders: int

    @property
    def ready(self) -> bool:
        """Every partition has a leader."""
        return 0 < self.partitions <= self.leaders


@dataclass(frozen=True)
class Deployed:
    """One deployed resource: its id (process id, form id, decision id), version and key."""

    id: str
    version: int
    key: int
    resource: str = ""


@dataclass(frozen=True)
class Deployment:
    """What one deployment made; unchanged resources keep their version and key."""

    key: int
    processes: tuple[Deployed, ...] = ()
    forms: tuple[Deployed, ...] = ()
    decisions: tuple[Deployed, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The result of a decision.

    Attributes:
        output: what the table gave; None where no rule matched.
        decision_id: id of the decision asked for.
        decision_key: key of the version that was evaluated; names the deployed table.
        requirements_key: key of the deployed DMN resource.
        version: version of the decision.
        matched_rules: ids of the rules that matched in the decision asked for.
    """

    output: JsonValue
    decision_id: str
    decision_key: int
    requirements_key: int
    version: int
    matched_rules: tuple[str, ...] = ()
