"""Decisions about people: who may change whom, and into what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.accounts.rules import ROLES
from hub.contracts.errors import Conflict, Forbidden

# what an administrator may set by hand: pending is left by accepting the invitation only
SETTABLE_STATUSES = ("active", "inactive", "suspended")
STATUSES = ("pending", *SETTABLE_STATUSES)

_ADMINISTRATIVE = frozenset({"role", "status"})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as far as these decisions go."""

    user_id: UUID
    role: str
    status: str = "active"
    has_password: bool = True


def check_may_manage(caller: Person, target_role: str) -> None:
    """Owners are managed by owners only, and made by owners only. Raises Forbidden."""
    if target_role == "owner" and caller.role != "owner":
        raise Forbidden("Only an owner may invite, change or remove an owner.")


def check_change(caller: Person, target: Person, fields: Mapping[str, Any]) -> None:
    """Raises Forbidden for a change that the caller may not make, Conflict for one that the status does not allow."""
    if caller.user_id == target.user_id:
        _check_own(caller, fields)
    else:
        check_may_manage(caller, target.role)
    check_may_manage(caller, fields.get("role", target.role))
    status = fields.get("status", target.status)
    if status == "active" and not target.has_password:
        raise Conflict("This person has not accepted the invitation yet; invite them again.")
    if target.status == "pending" and status == "suspended":
        raise Conflict("An invitation cannot be suspended; delete it.")


def _check_own(caller: Person, fields: Mapping[str, Any]) -> None:
    """One's own role can only be lowered, one's own status not changed at all."""
    if "status" in fields and fields["status"] != caller.status:
        raise Forbidden("Nobody can change their own status.")
    if ROLES.index(fields.get("role", caller.role)) < ROLES.index(caller.role):
        raise Forbidden("Nobody can raise their own role.")


def is_loss_of_owner(target: Person, fields: Mapping[str, Any]) -> bool:
    """Whether an active owner would no longer be one."""
    is_owner = target.role == "owner" and target.status == "active"
    stays = fields.get("role", "owner") == "owner" and fields.get("status", "active") == "active"
    return is_owner and not stays


def is_administrative(fields: Mapping[str, Any]) -> bool:
    """Whether the change is about what the person may do, not about how they are called."""
    return not _ADMINISTRATIVE.isdisjoint(fields)
