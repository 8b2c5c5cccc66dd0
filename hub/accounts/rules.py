"""Decisions about people: what a role may do, what an organization's settings are when it has set none."""

import re
from collections.abc import Mapping
from typing import Any

_READ_CREATE_UPDATE = ("read", "create", "update")
_ALL = (*_READ_CREATE_UPDATE, "delete")


def _grant(**actions: tuple[str, ...]) -> frozenset[str]:
    return frozenset(f"{area}:{action}" for area, verbs in actions.items() for action in verbs)


_EVERYONE = _grant(
    incidents=("read",), procedures=("read",), integrations=("read",), analytics=("read",), organization=("read",)
)
_ENGINEER = _EVERYONE | _grant(
    incidents=("create", "update"), procedures=("create", "update", "execute"), users=("read",)
)
_MANAGER = _ENGINEER | _grant(incidents=("delete", "assign"), procedures=("delete", "approve"))
_ADMIN = _MANAGER | _grant(integrations=_ALL, users=_ALL, audit=("read",), organization=("update",), api_keys=_ALL)

# api.md, People and organizations: roles by permissions
PERMISSIONS: Mapping[str, frozenset[str]] = {
    "viewer": _EVERYONE,
    "engineer": _ENGINEER,
    "manager": _MANAGER,
    "admin": _ADMIN,
    "owner": _ADMIN | _grant(billing=("read", "update"), organization=("delete",)),
}

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


def may(role: str, permission: str) -> bool:
    """Whether the role has the permission; an unknown role has none."""
    return permission in PERMISSIONS.get(role, frozenset())


def settings_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """An organization's settings over the defaults."""
    return {**DEFAULT_SETTINGS, **stored}


# what the policy asks for, how to see it, and what to tell the person
_PASSWORD_PARTS = (
    ("require_uppercase", re.compile(r"[^\W\d_a-z]"), "an upper-case letter"),
    ("require_lowercase", re.compile(r"[^\W\d_A-Z]"), "a lower-case letter"),
    ("require_numbers", re.compile(r"\d"), "a digit"),
    ("require_special_chars", re.compile(r"[\W_]"), "a special character"),
)


def password_problems(password: str, policy: Mapping[str, Any]) -> list[str]:
    """What the password lacks, as messages; empty when it will do."""
    problems = [
        f"Needs {what}." for name, pattern, what in _PASSWORD_PARTS if policy[name] and not pattern.search(password)
    ]
    if len(password) < policy["min_length"]:
        problems.append(f"Needs {policy['min_length']} characters or more.")
    return problems


def slug_of(name: str) -> str:
    """The organization's name as it stands in addresses: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48] or "organization"
