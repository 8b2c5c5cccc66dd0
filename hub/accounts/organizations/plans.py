"""Plans and their limits; the operator may change the figures, an enterprise has its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from hub.contracts.errors import Misconfigured

ENTERPRISE: Final = "enterprise"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan allows; None is without limit."""

    users: int | None
    user_requests_per_minute: int | None
    organization_requests_per_minute: int | None
    retention_days: int | None


Plans = Mapping[str, Limits]

NAMES: Final = tuple(field.name for field in fields(Limits))

# api.md, People and organizations: the defaults. An enterprise's own figures go over the last; they are high, not
# None, so that its answers can show how much of them is left.
DEFAULTS: Plans = {
    "free": Limits(1, 60, 120, 30),
    "team": Limits(5, 120, 600, 30),
    "growth": Limits(20, 300, 3_000, 90),
    "professional": Limits(None, 600, 12_000, None),
    ENTERPRISE: Limits(None, 60_000, 600_000, None),
}


def read(text: str) -> Plans:
    """The plans by name, smallest first, as the operator wants them; JSON like `{"team": {"users": 10}}`.

    What it leaves out keeps its default. Raises Misconfigured.
    """
    try:
        wanted = json.loads(text or "{}")
        for name, changed in wanted.items():
            _check(name, changed)
    except (ValueError, AttributeError) as error:
        raise Misconfigured(f"OVERWATCH_PLANS is not a JSON object of plans: {error}.") from error
    return {name: replace(limits, **wanted.get(name, {})) for name, limits in DEFAULTS.items()}


def limits_of(plans: Plans, plan: str, own: Mapping[str, Any]) -> Limits:
    """The limits of an organization on this plan; `own` are what an enterprise has agreed on."""
    return replace(plans[plan], **(own if plan == ENTERPRISE else {}))


def _check(name: str, changed: Any) -> None:
    if name not in DEFAULTS:
        raise Misconfigured(f"OVERWATCH_PLANS: there is no plan {name!r}; choose from {', '.join(DEFAULTS)}.")
    unknown = set(changed) - set(NAMES)
    wrong = [limit for limit in changed.values() if limit is not None and (type(limit) is not int or limit < 1)]
    if unknown or wrong:
        raise Misconfigured(f"OVERWATCH_PLANS: {name} takes {', '.join(NAMES)}, each a whole number from 1, or null.")
