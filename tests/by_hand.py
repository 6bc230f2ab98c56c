"""What a person can do to a running instance with Operate's modification mode."""

from __future__ import annotations

from pyzeebe.proto import gateway_pb2 as pb

from workers.engine.grpc import ZeebeGateway


async def begin_at(gateway: ZeebeGateway, instance: int, element: str) -> None:
    """Have an element of a running instance begin, beside whatever goes on in it."""
    activation = pb.ModifyProcessInstanceRequest.ActivateInstruction(elementId=element)
    request = pb.ModifyProcessInstanceRequest(processInstanceKey=instance, activateInstructions=[activation])
    await gateway._stub.ModifyProcessInstance(request, timeout=20)
