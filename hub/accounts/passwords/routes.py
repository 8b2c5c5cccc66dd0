"""Routes of /auth/password."""

from typing import Any

from hub.accounts import access
from hub.accounts.mail.waking import wake
from hub.accounts.models import User
from hub.accounts.passwords import service
from hub.accounts.passwords.schemas import ChangeSchema, MessageSchema, ResetConfirmSchema, ResetSchema
from hub.accounts.rules import OWN_ACCOUNT
from hub.http import limits
from hub.http.blueprint import JsonBlueprint

blp = JsonBlueprint(
    "passwords", __name__, url_prefix="/api/v1/auth/password", description="Forgotten and new passwords"
)

_ASKED = "If this address has an account, a mail with a token is on its way; the token is good for 30 minutes."


@blp.route("/reset", methods=["POST"])
@access.public
@limits.per_address
@blp.arguments(ResetSchema)
@blp.response(202, MessageSchema)
def request_reset(wanted: dict[str, Any]) -> dict[str, str]:
    """Ask for a mail with a token; the answer is the same whether the account exists"""
    session = access.current_session()
    service.request_reset(session, **wanted)
    session.commit()
    wake()
    return {"message": _ASKED}


@blp.route("/reset/confirm", methods=["POST"])
@access.public
@limits.per_address
@blp.arguments(ResetConfirmSchema)
@blp.response(204)
def confirm_reset(wanted: dict[str, Any]) -> None:
    """Set a new password with the token from the mail; every session ends"""
    session = access.current_session()
    service.confirm_reset(session, **wanted)
    session.commit()


@blp.route("/change", methods=["POST"])
@access.requires(OWN_ACCOUNT)
@blp.arguments(ChangeSchema)
@blp.response(204)
def change_password(wanted: dict[str, Any]) -> None:
    """Change the own password"""
    session, caller = access.current_session(), access.caller()
    user = session.get_one(User, (caller.organization_id, caller.user_id))
    service.change(session, user, **wanted)
    session.commit()
