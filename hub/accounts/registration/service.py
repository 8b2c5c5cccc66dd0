"""Use cases of registration: found an organization, accept an invitation, verify the address."""

import secrets

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.accounts.mail import service as mail
from hub.accounts.models import Organization, User
from hub.accounts.organizations.plans import ENTERPRISE
from hub.accounts.passwords import service as passwords
from hub.accounts.registration import rules
from hub.accounts.sessions import service as sessions
from hub.accounts.sessions.service import LoggedIn
from hub.contracts.errors import Invalid
from hub.database import enter_organization, new_id, now


def found_organization(
    session: Session, registration: str, *, email: str, password: str, name: str, organization: str
) -> LoggedIn:
    """Creates an organization with the caller as its owner. Raises Forbidden when the hub takes nobody in,

    Invalid for a weak password or a known address.
    """
    is_first = session.execute(text("SELECT is_first_organization()")).scalar_one()
    rules.check_open(registration, is_invited=False, is_first=is_first)
    organization_id = new_id()
    enter_organization(session, organization_id)
    slug = f"{rules.slug_of(organization)}-{secrets.token_hex(3)}"
    plan = ENTERPRISE if is_first else "free"
    session.add(Organization(id=organization_id, name=organization, slug=slug, plan=plan))
    session.flush()
    user = User(organization_id=organization_id, id=new_id(), email=email, name=name, role="owner", status="active")
    passwords.set_password(session, user, password)
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        raise Invalid({"email": ["An account with this address exists; log in instead."]}) from error
    mail.request(session, "verify", email)
    logged_in = sessions.begin(session, user)
    audit.note(session, "organization:create", organization_id, name=organization)
    return logged_in


def accept_invitation(
    session: Session, registration: str, *, email: str, password: str, name: str, invitation: str
) -> LoggedIn:
    """The invited person joins, with the address that the invitation was mailed to. Raises Forbidden or Invalid."""
    rules.check_open(registration, is_invited=True, is_first=False)
    user = mail.redeem(session, "invite", invitation)
    if user.status != "pending" or user.email.lower() != email.lower():
        raise Invalid({"invitation": ["Is for another address, or was taken back."]})
    user.name = name
    passwords.set_password(session, user, password)
    user.status = "active"
    user.email_verified_at = now(session)
    session.flush()
    logged_in = sessions.begin(session, user)
    audit.note(session, "users:accept_invitation", user.id)
    return logged_in


def verify_email(session: Session, token: str) -> None:
    """The bearer of the mailed token has the address. Raises Invalid."""
    user = mail.redeem(session, "verify", token)
    user.email_verified_at = user.email_verified_at or now(session)
    audit.note(session, "account:verify_email", user.id)
