"""Route of /incidents/{id}/procedure."""

from typing import Any

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint
from hub.http.ids import from_public
from hub.procedures.models import Procedure
from hub.procedures.saving import service
from hub.procedures.saving.schemas import SaveInput
from hub.procedures.schemas import ProcedureSchema

blp = JsonBlueprint("saving", __name__, url_prefix="/api/v1/incidents", description="Solutions become runbooks")


@blp.route("/<incident_id>/procedure", methods=["POST"])
@access.requires("procedures:create")
@blp.arguments(SaveInput)
@blp.one(ProcedureSchema, status=201)
def save_as_procedure(fields: dict[str, Any], incident_id: str) -> Procedure:
    """Save what solved an incident as the draft of a procedure: its resolution and the steps carried out"""
    session = access.current_session()
    procedure = service.save(session, from_public("inc", incident_id), access.caller().user_id, **fields)
    session.commit()
    return procedure
