"""Decisions about registration: whom the hub lets in, and how an organization is called in addresses."""

import re

from hub.contracts.errors import Forbidden


def check_open(registration: str, *, is_invited: bool, is_first: bool) -> None:
    """`open` lets everybody in, `invite` those who have an invitation and the first of all, `closed` nobody.

    Raises Forbidden.
    """
    if registration == "closed":
        raise Forbidden("Registration is closed on this hub.")
    if registration == "invite" and not (is_invited or is_first):
        raise Forbidden("This hub takes new accounts by invitation only.")


def slug_of(name: str) -> str:
    """The organization's name as it stands in addresses: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48] or "organization"
