"""Routes of /organizations/current/members."""

from typing import Any

from hub.accounts import access
from hub.accounts.mail.waking import wake
from hub.accounts.models import User
from hub.accounts.people import invitations, service
from hub.accounts.people.schemas import InvitationSchema, MemberPatch, UserQuery, UserSchema
from hub.http.blueprint import JsonBlueprint
from hub.http.ids import from_public
from hub.listing import Page

blp = JsonBlueprint(
    "members", __name__, url_prefix="/api/v1/organizations/current/members", description="Who belongs to it, as what"
)


@blp.route("", methods=["GET"])
@access.requires("users:read")
@blp.arguments(UserQuery, location="query")
@blp.page(UserSchema)
def list_members(query: dict[str, Any]) -> Page:
    """List the members of the organization, newest first"""
    return service.find(access.current_session(), query)


@blp.route("", methods=["POST"])
@access.requires("users:create")
@blp.arguments(InvitationSchema)
@blp.one(UserSchema, status=201)
def invite_member(invitation: dict[str, Any]) -> User:
    """Invite somebody by mail; pending until they accept"""
    session = access.current_session()
    user = invitations.invite(session, access.caller(), **invitation)
    session.commit()
    wake()
    return user


@blp.route("/<user_id>", methods=["PATCH"])
@access.requires("users:update")
@blp.arguments(MemberPatch)
@blp.one(UserSchema)
def change_member(fields: dict[str, Any], user_id: str) -> User:
    """Change a member's role"""
    session = access.current_session()
    user = service.change(session, access.caller(), from_public("user", user_id), fields)
    session.commit()
    return user


@blp.route("/<user_id>", methods=["DELETE"])
@access.requires("users:delete")
@blp.response(204)
def remove_member(user_id: str) -> None:
    """Remove a member; every session and API key of theirs ends at once"""
    session = access.current_session()
    service.deactivate(session, access.caller(), from_public("user", user_id))
    session.commit()
