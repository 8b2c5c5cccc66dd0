"""Use cases of passwords: set, change, ask for a new one, confirm it."""

from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.accounts.mail import service as mail
from hub.accounts.models import Organization, User
from hub.accounts.passwords import hashing, rules
from hub.accounts.rules import settings_of
from hub.accounts.sessions import login
from hub.accounts.sessions import service as sessions
from hub.contracts.errors import Invalid
from hub.database import now


def set_password(session: Session, user: User, password: str, field: str = "password") -> None:
    """Raises Invalid for one that the organization's policy refuses or that is too easy to guess."""
    organization = session.get_one(Organization, user.organization_id)
    policy = settings_of(organization.settings)["password_policy"]
    problems = rules.problems(password, policy, about=(user.email, user.name, organization.name))
    if problems:
        raise Invalid({field: problems})
    user.password_hash = hashing.hash_password(password)


def change(session: Session, user: User, current_password: str, new_password: str) -> None:
    """Raises Invalid when the current password is wrong or the new one will not do."""
    if not hashing.is_right(current_password, user.password_hash):
        raise Invalid({"current_password": ["Is wrong."]})
    set_password(session, user, new_password, field="new_password")
    audit.note(session, "account:change_password", user.id)


def request_reset(session: Session, email: str) -> None:
    """Asks for a mail with a token. Does the same for an address without an account: a worker looks, not we."""
    mail.request(session, "reset", email)


def confirm_reset(session: Session, token: str, password: str) -> None:
    """Sets the password that the bearer of a mailed token wants, and ends every session. Raises Invalid."""
    user = mail.redeem(session, "reset", token)
    set_password(session, user, password)
    user.email_verified_at = user.email_verified_at or now(session)
    ended_count = sessions.end_all(session, user.id)
    login.unlock(session, user.email)
    audit.note(session, "account:reset_password", user.id, sessions_ended=ended_count)
