"""Routes of /auth: register, verify the address."""

from typing import Any

from flask import current_app

from hub.accounts import access
from hub.accounts.mail.waking import wake
from hub.accounts.registration import service
from hub.accounts.registration.schemas import RegisterSchema, VerifySchema
from hub.accounts.sessions.routes import shown
from hub.accounts.sessions.schemas import TokensSchema
from hub.http import limits
from hub.http.blueprint import JsonBlueprint

blp = JsonBlueprint("registration", __name__, url_prefix="/api/v1/auth", description="New accounts")


@blp.route("/register", methods=["POST"])
@access.public
@limits.per_address
@blp.arguments(RegisterSchema)
@blp.response(201, TokensSchema)
def register(account: dict[str, Any]) -> dict[str, Any]:
    """Create an organization and log in as its owner, or join one with an invitation"""
    session = access.current_session()
    join = service.accept_invitation if "invitation" in account else service.found_organization
    logged_in = join(session, current_app.config["REGISTRATION"], **account)
    session.commit()
    wake()
    return shown(logged_in)


@blp.route("/email/verify", methods=["POST"])
@access.public
@limits.per_address
@blp.arguments(VerifySchema)
@blp.response(204)
def verify_email(body: dict[str, Any]) -> None:
    """Prove with the token from the mail that the address is the own"""
    session = access.current_session()
    service.verify_email(session, **body)
    session.commit()
