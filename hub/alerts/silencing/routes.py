"""Routes of /silences."""

from typing import Any

from hub.accounts import access
from hub.alerts.silencing import service
from hub.alerts.silencing.models import SilenceRecord
from hub.alerts.silencing.schemas import SilenceInput, SilencePatch, SilenceQuery, SilenceSchema
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public

blp = JsonBlueprint("silences", __name__, url_prefix="/api/v1/silences", description="Silences")


@blp.route("", methods=["GET"])
@access.requires("silences:read")
@blp.arguments(SilenceQuery, location="query")
@blp.page(SilenceSchema)
def list_silences(query: dict[str, Any]) -> Page:
    """List silences, newest first"""
    return service.find(access.current_session(), query)


@blp.route("", methods=["POST"])
@access.requires("silences:create")
@blp.arguments(SilenceInput)
@blp.one(SilenceSchema, status=201)
def create_silence(wanted: dict[str, Any]) -> SilenceRecord:
    """Hide the alerts that meet all matchers for a while; they return by themselves at its end"""
    session = access.current_session()
    silence = service.create(session, access.caller().user_id, **wanted)
    session.commit()
    return silence


@blp.route("/<silence_id>", methods=["GET"])
@access.requires("silences:read")
@blp.one(SilenceSchema)
def get_silence(silence_id: str) -> SilenceRecord:
    """Read one silence"""
    return service.get(access.current_session(), from_public("sil", silence_id))


@blp.route("/<silence_id>", methods=["PATCH"])
@access.requires("silences:update")
@blp.arguments(SilencePatch)
@blp.one(SilenceSchema)
def change_silence(fields: dict[str, Any], silence_id: str) -> SilenceRecord:
    """Change a silence; an `ends_at` brought forward ends it earlier"""
    session = access.current_session()
    silence = service.change(session, from_public("sil", silence_id), fields)
    session.commit()
    return silence


@blp.route("/<silence_id>", methods=["DELETE"])
@access.requires("silences:delete")
@blp.response(204)
def delete_silence(silence_id: str) -> None:
    """Delete a silence; its alerts return at once"""
    session = access.current_session()
    service.delete(session, from_public("sil", silence_id))
    session.commit()
