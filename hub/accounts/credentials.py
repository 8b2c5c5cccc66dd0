"""Credentials: from a token or a key to the caller, asked anew by every request."""

import hashlib
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.accounts import rules
from hub.accounts.audit import service as audit
from hub.accounts.organizations.plans import Limits, Plans, limits_of
from hub.accounts.tokens import Claims
from hub.contracts.errors import Forbidden, Unauthenticated
from hub.database import organization_of, remember_organization

# every request is a sign of life, one a minute is written down
_TOUCH_AFTER_SECONDS = 60

# columns by name: a prepared `*` would fail as soon as a migration beside this process has given a function one more
_FIND_SESSION = "SELECT organization_id, role, plan, plan_limits, idle_seconds FROM find_session(%s, %s)"
_FIND_API_KEY = (
    "SELECT organization_id, api_key_id, user_id, role, plan, plan_limits, permissions, ip_allowlist, idle_seconds"
    " FROM find_api_key(%s)"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind the request, by login (`session_id`) or by an API key of theirs (`api_key_id`)."""

    organization_id: UUID
    user_id: UUID
    role: str
    plan: str
    limits: Limits
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    key_permissions: frozenset[str] | None = None

    def may(self, permission: str) -> bool:
        """Whether the role has the permission, and the key too when there is one."""
        if self.key_permissions is not None and not rules.holds(self.key_permissions, permission):
            return False
        return rules.may(self.role, permission)

    def demand(self, permission: str) -> None:
        """Raises Forbidden, naming the permission."""
        if not self.may(permission):
            who = "API key" if rules.may(self.role, permission) else f"role {self.role!r}"
            raise Forbidden(f"Your {who} does not have the permission {permission}.")


def by_session(session: Session, plans: Plans, claims: Claims) -> Caller:
    """The caller of an access token; the session is then inside their organization. Raises Unauthenticated."""
    row = _found(session, _FIND_SESSION, claims.session_id, claims.user_id)
    if row is None:
        raise Unauthenticated("This session has ended; log in again.")
    _enter(session, row.organization_id, audit.Actor(kind="user", user_id=claims.user_id))
    _touch(session, "sessions", "last_seen_at", claims.session_id, row.idle_seconds)
    limits = limits_of(plans, row.plan, row.plan_limits)
    return Caller(row.organization_id, claims.user_id, row.role, row.plan, limits, session_id=claims.session_id)


def by_api_key(session: Session, plans: Plans, key: str, address: str) -> Caller:
    """The caller of an API key. Raises Unauthenticated, also for an address that the key may not be used from."""
    row = _found(session, _FIND_API_KEY, hash_key(key))
    if row is None:
        raise Unauthenticated("The API key is unknown, expired or revoked.")
    _enter(session, row.organization_id, audit.Actor("api_key", row.user_id, row.api_key_id))
    if not _is_allowed(address, row.ip_allowlist):
        audit.note(session, "api_keys:use", row.api_key_id, result=audit.REFUSED, reason="address not on the list")
        session.commit()
        raise Unauthenticated("The API key may not be used from this address.")
    _touch(session, "api_keys", "last_used_at", row.api_key_id, row.idle_seconds)
    return Caller(
        row.organization_id,
        row.user_id,
        row.role,
        row.plan,
        limits_of(plans, row.plan, row.plan_limits),
        api_key_id=row.api_key_id,
        key_permissions=frozenset(row.permissions),
    )


def hash_key(key: str) -> bytes:
    """What is stored of an API key: it is 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _found(session: Session, statement: str, *proof: Any) -> Any:
    """The row, or None. In the driver's own words: the session's way round them costs half as much again."""
    return session.connection().exec_driver_sql(statement, proof).one_or_none()


def _enter(session: Session, organization_id: UUID, actor: audit.Actor) -> None:
    remember_organization(session, organization_id)
    whence = audit.actor_of(session)
    audit.introduce(session, replace(whence, kind=actor.kind, user_id=actor.user_id, api_key_id=actor.api_key_id))


def _touch(session: Session, table: str, column: str, row_id: UUID, idle_seconds: float) -> None:
    if idle_seconds > _TOUCH_AFTER_SECONDS:
        session.execute(
            text(
                f"UPDATE {table} SET {column} = overwatch_now() WHERE organization_id = :organization_id AND id = :id"
            ),
            {"organization_id": organization_of(session), "id": row_id},
        )
        session.commit()


def _is_allowed(address: str, allowlist: Collection[str]) -> bool:
    if not allowlist:
        return True
    try:
        sender = ipaddress.ip_address(address)
    except ValueError:
        return False
    # a server that listens on both families sees an IPv4 sender as ::ffff:192.0.2.1
    mapped = getattr(sender, "ipv4_mapped", None) or sender
    return any(mapped in ipaddress.ip_network(network) for network in allowlist)
