"""Use cases of API keys: make, find, revoke."""

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from hub.accounts.api_keys.models import ApiKey
from hub.accounts.audit import service as audit
from hub.accounts.credentials import Caller, hash_key
from hub.accounts.rules import OWN_ACCOUNT
from hub.contracts.errors import Invalid, NotFound
from hub.database import new_id, now, organization_of
from hub.listing import Listing, Page, containing, created

PREFIX: Final = "overwatch_ak_"

LISTING = Listing(
    ApiKey,
    sorts={
        "created_at": ApiKey.created_at,
        "name": ApiKey.name,
        "expires_at": ApiKey.expires_at,
        "last_used_at": ApiKey.last_used_at,
    },
    filters={"q": containing(ApiKey.name), **created(ApiKey)},
)

_KEY_BYTES = 32
_HINT_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Made:
    """A new key, and its text, which is told this once."""

    api_key: ApiKey
    text: str


def make(
    session: Session,
    caller: Caller,
    *,
    name: str,
    permissions: Sequence[str],
    ip_allowlist: Sequence[str],
    expires_at: datetime | None,
) -> Made:
    """Raises Invalid for a permission that the caller has not, an address that is none, an end in the past."""
    problems = {
        "permissions": [f"You do not have {each!r}." for each in permissions if not _may_grant(caller, each)],
        "ip_allowlist": [
            f"{each!r} is neither an address nor a network." for each in ip_allowlist if not _is_network(each)
        ],
        "expires_at": ["Is in the past."] if expires_at is not None and expires_at <= now(session) else [],
    }
    if any(problems.values()):
        raise Invalid({field: messages for field, messages in problems.items() if messages})
    text = PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    made = ApiKey(
        organization_id=organization_of(session),
        id=new_id(),
        user_id=caller.user_id,
        name=name,
        key_hash=hash_key(text),
        hint=text[-_HINT_LENGTH:],
        permissions=sorted(set(permissions)),
        ip_allowlist=[str(ipaddress.ip_network(each)) for each in ip_allowlist],
        expires_at=expires_at,
    )
    session.add(made)
    session.flush()
    audit.note(session, "api_keys:create", made.id, name=name, permissions=made.permissions)
    return Made(made, text)


def find(session: Session, caller: Caller, query: Mapping[str, Any]) -> Page:
    """One page of the keys that are not revoked: all of the organization, or the caller's own."""
    theirs = () if caller.may("api_keys:read") else (ApiKey.user_id == caller.user_id,)
    return LISTING.page(session, query, ApiKey.revoked_at.is_(None), *theirs)


def revoke(session: Session, caller: Caller, api_key_id: UUID) -> None:
    """The key is refused from the commit on. Raises NotFound, also for a key that is not the caller's to revoke."""
    found = session.get(ApiKey, (organization_of(session), api_key_id))
    is_theirs = found is not None and (found.user_id == caller.user_id or caller.may("api_keys:delete"))
    if found is None or not is_theirs or found.revoked_at is not None:
        raise NotFound
    found.revoked_at = now(session)
    audit.note(session, "api_keys:delete", found.id)


def _may_grant(caller: Caller, permission: str) -> bool:
    """What concerns the own account asks for a person who has logged in."""
    return permission != OWN_ACCOUNT and caller.may(permission)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
