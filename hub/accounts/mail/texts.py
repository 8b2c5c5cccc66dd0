"""What the mails say. The hub has no pages of its own: a mail names the request that its token is for."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """One kind of mail: what it says, how long its token is good, and which users it is for."""

    subject: str
    text: str
    good_for_minutes: int
    statuses: frozenset[str]


LETTERS: Mapping[str, Letter] = {
    "reset": Letter(
        "Your new Overwatch password",
        "Somebody, we hope you, asked for a new password of your Overwatch account.\n\n"
        "Set it with POST {api}/auth/password/reset/confirm and this token, within 30 minutes:\n\n{token}\n\n"
        "If it was not you, do nothing: your password stays as it is.\n",
        30,
        frozenset({"active", "suspended"}),
    ),
    "verify": Letter(
        "Confirm your address for Overwatch",
        "Welcome to Overwatch.\n\n"
        "Confirm that this is your address with POST {api}/auth/email/verify and this token,"
        " within 3 days:\n\n{token}\n",
        3 * 24 * 60,
        frozenset({"active"}),
    ),
    "invite": Letter(
        "You are invited to {organization} on Overwatch",
        "You are invited to join {organization} on Overwatch.\n\n"
        "Accept with POST {api}/auth/register, your address, a name, a password, and this token as `invitation`,"
        " within 7 days:\n\n{token}\n",
        7 * 24 * 60,
        frozenset({"pending"}),
    ),
}
