"""Routes of /executions, and of /procedures/{id}/execute."""

from typing import Any

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public
from hub.procedures.executions import beginning, schemas, service
from hub.procedures.executions.models import Execution

blp = JsonBlueprint("executions", __name__, url_prefix="/api/v1", description="Runs of procedures by people")


@blp.route("/procedures/<procedure_id>/execute", methods=["POST"])
@access.requires("procedures:execute")
@blp.arguments(schemas.ExecuteInput)
@blp.one(schemas.ExecutionSchema, status=201)
def execute_procedure(fields: dict[str, Any], procedure_id: str) -> Execution:
    """Begin to carry out a procedure; the hub shows each command filled in and quoted, and runs none"""
    session = access.current_session()
    user_id, variables = access.caller().user_id, fields["variables"]
    execution = beginning.begin(
        session, from_public("proc", procedure_id), user_id, variables=variables, **fields["context"]
    )
    session.commit()
    return execution


@blp.route("/executions", methods=["GET"])
@access.requires("procedures:read")
@blp.arguments(schemas.ExecutionQuery, location="query")
@blp.page(schemas.ExecutionSchema)
def list_executions(query: dict[str, Any]) -> Page:
    """List executions, newest first"""
    return service.find(access.current_session(), query)


@blp.route("/executions/<execution_id>", methods=["GET"])
@access.requires("procedures:read")
@blp.one(schemas.ExecutionSchema)
def get_execution(execution_id: str) -> Execution:
    """Read one execution with its steps"""
    return service.get(access.current_session(), from_public("exec", execution_id))


@blp.route("/executions/<execution_id>/steps/<int:number>", methods=["POST"])
@access.requires("procedures:execute")
@blp.arguments(schemas.OutcomeInput)
@blp.one(schemas.ExecutionSchema)
def tell_outcome(fields: dict[str, Any], execution_id: str, number: int) -> Execution:
    """Say what became of the current step; 409 names the step that is next"""
    session = access.current_session()
    told = service.tell_outcome(session, from_public("exec", execution_id), number, access.caller().user_id, fields)
    session.commit()
    return told


@blp.route("/executions/<execution_id>/approve", methods=["POST"])
@access.requires("procedures:approve")
@blp.arguments(schemas.NoteInput)
@blp.one(schemas.ExecutionSchema)
def approve_execution(fields: dict[str, Any], execution_id: str) -> Execution:
    """Let an execution, or its next step, go on"""
    session = access.current_session()
    approved = service.approve(session, from_public("exec", execution_id), access.caller().user_id, **fields)
    session.commit()
    return approved


@blp.route("/executions/<execution_id>/reject", methods=["POST"])
@access.requires("procedures:approve")
@blp.arguments(schemas.NoteInput)
@blp.one(schemas.ExecutionSchema)
def reject_execution(fields: dict[str, Any], execution_id: str) -> Execution:
    """Refuse what waits for approval; that ends it"""
    session = access.current_session()
    rejected = service.reject(session, from_public("exec", execution_id), access.caller().user_id, **fields)
    session.commit()
    return rejected


@blp.route("/executions/<execution_id>/cancel", methods=["POST"])
@access.requires("procedures:execute")
@blp.arguments(schemas.NoteInput)
@blp.one(schemas.ExecutionSchema)
def cancel_execution(fields: dict[str, Any], execution_id: str) -> Execution:
    """End an execution before its last step"""
    session = access.current_session()
    cancelled = service.cancel(session, from_public("exec", execution_id), access.caller().user_id, **fields)
    session.commit()
    return cancelled
