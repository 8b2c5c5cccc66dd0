"""Routes of /auth."""

from typing import Any

from hub.accounts import access, service, tokens
from hub.accounts.models import User
from hub.accounts.schemas import LoginSchema, RegisterSchema, TokensSchema, UserSchema
from hub.accounts.service import LoggedIn
from hub.http.blueprint import JsonBlueprint

blp = JsonBlueprint("auth", __name__, url_prefix="/api/v1/auth", description="Accounts and sessions")


@blp.route("/register", methods=["POST"])
@access.public
@blp.arguments(RegisterSchema)
@blp.response(201, TokensSchema)
def register(account: dict[str, Any]) -> dict[str, Any]:
    """Create an organization and log in as its owner"""
    session = access.current_session()
    logged_in = service.register(session, **account)
    session.commit()
    return _tokens(logged_in)


@blp.route("/login", methods=["POST"])
@access.public
@blp.arguments(LoginSchema)
@blp.response(200, TokensSchema)
def login(credentials: dict[str, Any]) -> dict[str, Any]:
    """Log in with e-mail address and password"""
    session = access.current_session()
    logged_in = service.log_in(session, **credentials)
    session.commit()
    return _tokens(logged_in)


@blp.route("/logout", methods=["POST"])
@access.requires("organization:read")
@blp.response(204)
def logout() -> None:
    """End this session: its access and refresh tokens are refused from now on"""
    session = access.current_session()
    service.log_out(session, access.caller().session_id)
    session.commit()


@blp.route("/me", methods=["GET"])
@access.requires("organization:read")
@blp.one(UserSchema)
def me() -> User:
    """The caller's own profile"""
    caller = access.caller()
    return access.current_session().get_one(User, (caller.organization_id, caller.user_id))


def _tokens(logged_in: LoggedIn) -> dict[str, Any]:
    pair = tokens.make_pair(logged_in.user.id, logged_in.session_id)
    return {**pair, "token_type": "bearer", "expires_in": tokens.ACCESS_SECONDS, "user": logged_in.user}
