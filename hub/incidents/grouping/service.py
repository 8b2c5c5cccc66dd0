"""Use cases of correlation rules: create, find, change, delete, and how correlation gets them."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.accounts.models import User
from hub.alerts.matching import fit_all, matchers_of
from hub.contracts.errors import Conflict, Invalid, NotFound
from hub.database import new_id, organization_of
from hub.incidents.deciding import Rule
from hub.incidents.grouping.models import CorrelationRule
from hub.listing import Listing, Page, among, containing, created

MOST_RULES = 200

LISTING = Listing(
    CorrelationRule,
    sorts={
        "order": CorrelationRule.position,
        **{name: getattr(CorrelationRule, name) for name in ("name", "created_at", "updated_at")},
    },
    filters={
        "action": among(CorrelationRule.action),
        "enabled": CorrelationRule.enabled.is_,
        "q": containing(CorrelationRule.name),
        **created(CorrelationRule),
    },
    default_sort="order",
)


def create(session: Session, *, position: int | None = None, **fields: Any) -> CorrelationRule:
    """Without a position it comes last. Raises Conflict for a name that is taken, Invalid for what makes no sense."""
    count, last = _count_and_last(session)
    if count >= MOST_RULES:
        raise Conflict(f"An organization has at most {MOST_RULES} rules; delete or merge some.")
    rule = CorrelationRule(
        organization_id=organization_of(session),
        id=new_id(),
        position=last + 1 if position is None else position,
        **fields,
    )
    _check(session, rule)
    session.add(rule)
    session.flush()
    return rule


def get(session: Session, rule_id: UUID) -> CorrelationRule:
    """Raises NotFound."""
    found = session.get(CorrelationRule, (organization_of(session), rule_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of rules."""
    return LISTING.page(session, query)


def change(session: Session, rule_id: UUID, fields: Mapping[str, Any]) -> CorrelationRule:
    """Changes the given fields and counts a version, because decisions name the version that made them."""
    rule = session.get(CorrelationRule, (organization_of(session), rule_id), with_for_update=True)
    if rule is None:
        raise NotFound
    changed = {name: value for name, value in fields.items() if getattr(rule, name) != value}
    for name, value in changed.items():
        setattr(rule, name, value)
    rule.version += bool(changed)
    _check(session, rule)
    session.flush()
    return rule


def delete(session: Session, rule_id: UUID) -> None:
    """Its decisions stay as they were made."""
    session.delete(get(session, rule_id))
    session.flush()


def enabled(session: Session, draft: UUID | None = None) -> tuple[Rule, ...]:
    """The organization's rules that are switched on, in their order and as correlation reads them, in one statement.

    `draft` is one that counts as switched on.
    """
    is_on = or_(CorrelationRule.enabled, CorrelationRule.id == draft)
    found = session.scalars(
        select(CorrelationRule)
        .where(CorrelationRule.organization_id == organization_of(session), is_on)
        .order_by(CorrelationRule.position, CorrelationRule.id)
    )
    return tuple(as_rule(rule) for rule in found)


def as_rule(rule: CorrelationRule) -> Rule:
    """The stored rule as correlation reads it."""
    return Rule(
        rule_id=rule.id,
        name=rule.name,
        version=rule.version,
        action=rule.action,
        applies=partial(fit_all, matchers_of(rule.match)),
        group_by=tuple(rule.group_by),
        window=timedelta(seconds=rule.window_seconds),
        severity=rule.severity_override,
        service=rule.route_service,
        assignee_id=rule.route_assignee_id,
    )


def _count_and_last(session: Session) -> tuple[int, int]:
    count, last = session.execute(
        select(func.count(), func.coalesce(func.max(CorrelationRule.position), 0)).where(
            CorrelationRule.organization_id == organization_of(session)
        )
    ).one()
    return count, last


def _check(session: Session, rule: CorrelationRule) -> None:
    if rule.action == "group" and not rule.group_by:
        raise Invalid({"group_by": ["A rule that groups needs at least one field to group by."]})
    if rule.action == "route" and not (rule.route_service or rule.route_assignee_id):
        raise Invalid({"route": ["A rule that routes needs a service or an assignee."]})
    with session.no_autoflush:
        _refuse_stranger(session, rule)
        _refuse_taken(session, rule)


def _refuse_stranger(session: Session, rule: CorrelationRule) -> None:
    if rule.route_assignee_id and session.get(User, (rule.organization_id, rule.route_assignee_id)) is None:
        raise Invalid({"route.assignee": ["Nobody in this organization has this id."]})


def _refuse_taken(session: Session, rule: CorrelationRule) -> None:
    taken = session.scalar(
        select(CorrelationRule.id).where(
            CorrelationRule.organization_id == rule.organization_id,
            CorrelationRule.name == rule.name,
            CorrelationRule.id != rule.id,
        )
    )
    if taken is not None:
        raise Conflict(f"There is a rule {rule.name!r} already: rule_{taken.hex}.")
