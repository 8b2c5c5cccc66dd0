"""Decisions that all rooms share: what a role may do, what an organization's settings are when it has set none."""

from collections.abc import Collection, Mapping
from typing import Any

_ALL = ("read", "create", "update", "delete")


def _grant(*areas: str, actions: tuple[str, ...]) -> frozenset[str]:
    return frozenset(f"{area}:{action}" for area in areas for action in actions)


# what an organization is set up with; api.md gives them one column of its table
_SETUP = ("integrations", "rules", "silences", "services", "heartbeats", "notifications")

# what a person does with the own account; never granted to an API key
OWN_ACCOUNT = "account:own"

_EVERYONE = (
    frozenset({OWN_ACCOUNT, "analytics:read_own", "users:update_own"})
    | _grant("incidents", "procedures", "organization", *_SETUP, actions=("read",))
    | _grant("api_keys", actions=("read_own", "create", "delete_own"))
)
_ENGINEER = (
    _EVERYONE
    | _grant("incidents", actions=("create", "update"))
    | _grant("procedures", actions=("create", "update_own", "execute"))
    | _grant("users", actions=("read",))
)
_MANAGER = (
    _ENGINEER
    | _grant("incidents", actions=("delete", "assign"))
    | _grant("procedures", actions=("update", "delete", "approve"))
    | _grant("analytics", actions=("read",))
)
_ADMIN = _MANAGER | _grant(*_SETUP, "users", "api_keys", actions=_ALL) | {"audit:read", "organization:update"}

# api.md, People and organizations: roles by permissions. Whoever has `x:update` has `x:update_own` as well.
PERMISSIONS: Mapping[str, frozenset[str]] = {
    "viewer": _EVERYONE | {"analytics:read"},
    "engineer": _ENGINEER,
    "manager": _MANAGER,
    "admin": _ADMIN,
    "owner": _ADMIN | {"billing:read", "billing:update", "organization:delete", "organization:export"},
}

ROLES = ("owner", "admin", "manager", "engineer", "viewer")

DEFAULT_SETTINGS: Mapping[str, Any] = {
    "default_incident_severity": "medium",
    "auto_assign_incidents": False,
    "require_approval_for_procedures": True,
    "session_timeout_minutes": 480,
    "password_policy": {
        "min_length": 8,
        "require_uppercase": True,
        "require_lowercase": True,
        "require_numbers": True,
        "require_special_chars": True,
    },
    "incident_retention_days": 365,
    "incident_threshold": "low",
    "reopen_window_minutes": 30,
    "auto_resolve": True,
    "auto_resolve_minutes": 60,
}


def holds(granted: Collection[str], permission: str) -> bool:
    """Whether the permission is granted, itself or as a part of the same for everybody's things."""
    return permission in granted or permission.removesuffix("_own") in granted


def may(role: str, permission: str) -> bool:
    """Whether the role has the permission; an unknown role has none."""
    return holds(PERMISSIONS.get(role, frozenset()), permission)


def settings_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """An organization's settings over the defaults, also inside the password policy."""
    policy = {**DEFAULT_SETTINGS["password_policy"], **stored.get("password_policy", {})}
    return {**DEFAULT_SETTINGS, **stored, "password_policy": policy}
