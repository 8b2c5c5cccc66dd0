"""Routes of /api-keys."""

from typing import Any

from hub.accounts import access
from hub.accounts.api_keys import service
from hub.accounts.api_keys.schemas import ApiKeyInput, ApiKeyQuery, ApiKeySchema, MadeApiKeySchema
from hub.http.blueprint import JsonBlueprint
from hub.http.ids import from_public
from hub.listing import Page

blp = JsonBlueprint("api-keys", __name__, url_prefix="/api/v1/api-keys", description="Keys for programs")

_SHOWN = tuple(ApiKeySchema().dump_fields)


@blp.route("", methods=["GET"])
@access.requires("api_keys:read_own")
@blp.arguments(ApiKeyQuery, location="query")
@blp.page(ApiKeySchema)
def list_api_keys(query: dict[str, Any]) -> Page:
    """List the own API keys; with the permission api_keys:read those of the whole organization"""
    return service.find(access.current_session(), access.caller(), query)


@blp.route("", methods=["POST"])
@access.requires("api_keys:create")
@blp.arguments(ApiKeyInput)
@blp.one(MadeApiKeySchema, status=201)
def make_api_key(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make an API key; the answer shows it this once"""
    session = access.current_session()
    made = service.make(session, access.caller(), **wanted)
    session.commit()
    return {name: getattr(made.api_key, name) for name in _SHOWN} | {"key": made.text}


@blp.route("/<key_id>", methods=["DELETE"])
@access.requires("api_keys:delete_own")
@blp.response(204)
def revoke_api_key(key_id: str) -> None:
    """Revoke an API key: it is refused from now on"""
    session = access.current_session()
    service.revoke(session, access.caller(), from_public("key", key_id))
    session.commit()
