"""Routes of /users and /auth/me."""

from typing import Any

from hub.accounts import access
from hub.accounts.mail.waking import wake
from hub.accounts.models import User
from hub.accounts.people import invitations, service
from hub.accounts.people.schemas import InvitationSchema, RevokedSchema, UserPatch, UserQuery, UserSchema
from hub.http.blueprint import JsonBlueprint
from hub.http.ids import from_public
from hub.listing import Page

blp = JsonBlueprint("users", __name__, url_prefix="/api/v1", description="People of the organization")


@blp.route("/auth/me", methods=["GET"])
@access.requires("organization:read")
@blp.one(UserSchema)
def me() -> User:
    """Read the own profile"""
    return service.get(access.current_session(), access.caller().user_id)


@blp.route("/users/me", methods=["GET"])
@access.requires("organization:read")
@blp.one(UserSchema)
def get_own_user() -> User:
    """Read the own profile; the same as /auth/me"""
    return service.get(access.current_session(), access.caller().user_id)


@blp.route("/users", methods=["GET"])
@access.requires("users:read")
@blp.arguments(UserQuery, location="query")
@blp.page(UserSchema)
def list_users(query: dict[str, Any]) -> Page:
    """List the people of the organization, newest first"""
    return service.find(access.current_session(), query)


@blp.route("/users", methods=["POST"])
@access.requires("users:create")
@blp.arguments(InvitationSchema)
@blp.one(UserSchema, status=201)
def invite_user(invitation: dict[str, Any]) -> User:
    """Invite somebody by mail; pending until they accept"""
    session = access.current_session()
    user = invitations.invite(session, access.caller(), **invitation)
    session.commit()
    wake()
    return user


@blp.route("/users/<user_id>", methods=["GET"])
@access.requires("users:read")
@blp.one(UserSchema)
def get_user(user_id: str) -> User:
    """Read one person"""
    return service.get(access.current_session(), from_public("user", user_id))


@blp.route("/users/<user_id>", methods=["PATCH"])
@access.requires("users:update_own")
@blp.arguments(UserPatch)
@blp.one(UserSchema)
def change_user(fields: dict[str, Any], user_id: str) -> User:
    """Change the own name and time zone; with the permission users:update anybody's, with role and status"""
    session = access.current_session()
    user = service.change(session, access.caller(), from_public("user", user_id), fields)
    session.commit()
    return user


@blp.route("/users/<user_id>", methods=["DELETE"])
@access.requires("users:delete")
@blp.response(204)
def deactivate_user(user_id: str) -> None:
    """Deactivate a person; every session and API key of theirs ends at once"""
    session = access.current_session()
    service.deactivate(session, access.caller(), from_public("user", user_id))
    session.commit()


@blp.route("/users/<user_id>/unlock", methods=["POST"])
@access.requires("users:update")
@blp.one(UserSchema)
def unlock_user(user_id: str) -> User:
    """End the lock that failed logins have put on an account"""
    session = access.current_session()
    user = service.unlock(session, access.caller(), from_public("user", user_id))
    session.commit()
    return user


@blp.route("/users/<user_id>/reset-password", methods=["POST"])
@access.requires("users:update")
@blp.one(UserSchema, status=202)
def reset_password_of_user(user_id: str) -> User:
    """Mail a person a token for a new password; the old one goes on until they use it"""
    session = access.current_session()
    user = service.send_reset(session, access.caller(), from_public("user", user_id))
    session.commit()
    wake()
    return user


@blp.route("/users/<user_id>/revoke-sessions", methods=["POST"])
@access.requires("users:update")
@blp.one(RevokedSchema)
def revoke_sessions_of_user(user_id: str) -> dict[str, int]:
    """End every session of a person"""
    session = access.current_session()
    ended_count = service.revoke_sessions(session, access.caller(), from_public("user", user_id))
    session.commit()
    return {"sessions_ended": ended_count}
