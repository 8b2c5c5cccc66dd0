"""Use cases of the organization: change it, its plan, what it uses."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.accounts.models import Organization
from hub.accounts.organizations.plans import ENTERPRISE, Limits, Plans, limits_of
from hub.accounts.people import service as people
from hub.accounts.people.invitations import SEATED
from hub.contracts.errors import Conflict, Invalid
from hub.database import now, organization_of

log = logging.getLogger(__name__)

_TAKE_YOUR_TIME = text("SET LOCAL statement_timeout = '1h'")


@dataclass(frozen=True, slots=True)
class Subscription:
    """The plan of an organization, and what it allows."""

    organization: Organization
    limits: Limits

    @property
    def plan(self) -> str:
        """The plan's name."""
        return self.organization.plan

    @property
    def since(self) -> Any:
        """When the organization took this plan."""
        return self.organization.plan_since


def get(session: Session) -> Organization:
    """The organization of the session."""
    return session.get_one(Organization, organization_of(session))


def change(session: Session, fields: Mapping[str, Any]) -> Organization:
    """Changes the given fields; inside `settings` those that are named. Raises Invalid for a slug that is taken."""
    organization = people.lock_organization(session)
    wanted = dict(fields)
    if "settings" in wanted:
        wanted["settings"] = _merged(organization.settings, wanted["settings"])
    for name, value in wanted.items():
        setattr(organization, name, value)
    try:
        session.flush()
    except IntegrityError as error:
        raise Invalid({"slug": ["Another organization has this slug."]}) from error
    audit.note(session, "organization:update", organization.id, **fields)
    return organization


def erase(session: Session) -> None:
    """Erases the organization; every row of it goes along by its foreign key, the audit log's last entry too."""
    organization = people.lock_organization(session)
    audit.note(session, "organization:delete", organization.id)
    session.flush()
    session.execute(_TAKE_YOUR_TIME)  # a million rows go at once, or none
    session.delete(organization)
    session.flush()
    log.warning("organization %s was erased by its owner", organization.id)


def subscription(session: Session, plans: Plans) -> Subscription:
    """The organization's plan."""
    organization = get(session)
    return Subscription(organization, limits_of(plans, organization.plan, organization.plan_limits))


def subscribe(session: Session, plans: Plans, plan: str, limits: Mapping[str, Any]) -> Subscription:
    """Takes another plan, or for an enterprise other limits. Raises Conflict or Invalid.

    Enterprise is agreed on with whoever runs the hub; an organization that has it may leave it, not take it.
    """
    organization = people.lock_organization(session)
    if plan == ENTERPRISE != organization.plan:
        raise Conflict("Enterprise is agreed on with the operator of this hub; choose another plan.")
    if limits and plan != ENTERPRISE:
        raise Invalid({"limits": ["Are the plan's own, except for an enterprise."]})
    own = {**organization.plan_limits, **limits} if plan == ENTERPRISE else {}
    allowed = limits_of(plans, plan, own)
    seats = people.count(session, *SEATED)
    if allowed.users is not None and seats > allowed.users:
        raise Conflict(f"{seats} people belong to the organization and the plan has {allowed.users} seats.")
    if organization.plan != plan:
        organization.plan_since = now(session)
    organization.plan, organization.plan_limits = plan, own
    session.flush()
    audit.note(session, "billing:update", organization.id, plan=plan, limits=asdict(allowed))
    return Subscription(organization, allowed)


# what is counted, since when, and in which table; rooms above keep these tables, so they are named, not imported
_COUNTED = (
    ("integrations", "integrations", "deleted_at IS NULL"),
    ("deliveries_this_month", "deliveries", "received_at >= date_trunc('month', overwatch_now())"),
    ("incidents_this_month", "incidents", "created_at >= date_trunc('month', overwatch_now())"),
    ("alerts", "alerts", "true"),
    ("api_keys", "api_keys", "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > overwatch_now())"),
)


def usage(session: Session, plans: Plans) -> dict[str, Any]:
    """What the organization uses now, beside the plan's limits."""
    counts = ", ".join(
        f"(SELECT count(*) FROM {table} WHERE organization_id = :organization_id AND {which}) AS {name}"
        for name, table, which in _COUNTED
    )
    row = session.execute(text(f"SELECT {counts}"), {"organization_id": organization_of(session)}).one()
    limits = subscription(session, plans).limits
    return {**row._mapping, "users": people.count(session, *SEATED), "limits": limits}


def _merged(stored: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """A partial update, also inside the password policy."""
    merged = {**stored, **changed}
    if "password_policy" in changed:
        merged["password_policy"] = {**stored.get("password_policy", {}), **changed["password_policy"]}
    return merged
