"""Route of /audit-log."""

from typing import Any

from hub.accounts import access
from hub.accounts.audit import service
from hub.accounts.audit.schemas import AuditQuery, AuditSchema
from hub.http.blueprint import JsonBlueprint
from hub.listing import Page

blp = JsonBlueprint("audit", __name__, url_prefix="/api/v1/audit-log", description="Who did what")


@blp.route("", methods=["GET"])
@access.requires("audit:read")
@blp.arguments(AuditQuery, location="query")
@blp.page(AuditSchema)
def list_audit_log(query: dict[str, Any]) -> Page:
    """List what was done and what was refused, newest first"""
    return service.find(access.current_session(), query)
