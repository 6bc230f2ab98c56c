"""From the gateway's messages to our values."""

from __future__ import annotations

import json

from pyzeebe.proto import gateway_pb2 as pb

from workers.core.job import Job
from workers.engine.listeners import listened_task
from workers.engine.results import Decision, Deployed, Deployment, Topology


def read_job(job: pb.ActivatedJob) -> Job:
    """An activated job."""
    return Job(
        key=job.key,
        type=job.type,
        process_instance=job.processInstanceKey,
        element_instance=job.elementInstanceKey,
        element=job.elementId,
        process=job.bpmnProcessId,
        process_version=job.processDefinitionVersion,
        retries=job.retries,
        worker=job.worker,
        headers=json.loads(job.customHeaders or "{}"),
        variables=json.loads(job.variables or "{}"),
        user_task=listened_task(job),
        deadline=job.deadline / 1000,
    )


def read_topology(answer: pb.TopologyResponse) -> Topology:
    """Brokers and partitions."""
    leaders = sum(partition.role == pb.Partition.LEADER for broker in answer.brokers for partition in broker.partitions)
    return Topology(
        gateway_version=answer.gatewayVersion,
        brokers=tuple(f"{broker.host}:{broker.port}" for broker in answer.brokers),
        partitions=answer.partitionsCount,
        leaders=leaders,
    )


def read_deployment(answer: pb.DeployResourceResponse) -> Deployment:
    """Everything that one deployment made."""
    parts = answer.deployments
    return Deployment(
        key=answer.key,
        processes=tuple(_process(part.process) for part in parts if part.HasField("process")),
        forms=tuple(_form(part.form) for part in parts if part.HasField("form")),
        decisions=tuple(_decision(part.decision) for part in parts if part.HasField("decision")),
    )


def _process(made: pb.ProcessMetadata) -> Deployed:
    return Deployed(made.bpmnProcessId, made.version, made.processDefinitionKey, made.resourceName)


def _form(made: pb.FormMetadata) -> Deployed:
    return Deployed(made.formId, made.version, made.formKey, made.resourceName)


def _decision(made: pb.DecisionMetadata) -> Deployed:
    return Deployed(made.dmnDecisionId, made.version, made.decisionKey)


def read_decision(answer: pb.EvaluateDecisionResponse) -> Decision:
    """The result of a decision that could be evaluated."""
    asked = (one for one in answer.evaluatedDecisions if one.decisionId == answer.decisionId)
    return Decision(
        output=json.loads(answer.decisionOutput or "null"),
        decision_id=answer.decisionId,
        decision_key=answer.decisionKey,
        requirements_key=answer.decisionRequirementsKey,
        version=answer.decisionVersion,
        matched_rules=tuple(rule.ruleId for one in asked for rule in one.matchedRules),
    )
