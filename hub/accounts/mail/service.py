"""Use cases of mail: ask for one, send those that were asked for, take a token back."""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.accounts.mail.models import MailToken
from hub.accounts.mail.texts import LETTERS
from hub.accounts.mail.transport import Mailer
from hub.accounts.models import User
from hub.contracts.errors import Invalid, Unavailable
from hub.database import Database, enter_organization, new_id, now

log = logging.getLogger(__name__)

_MOST = 16
_MOST_ATTEMPTS = 6
_LEASE_SECONDS = 300  # sixteen mails at the transport's ten seconds, and then some
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Asked:
    """A mail that was asked for; without a user the address has no account."""

    id: UUID
    purpose: str
    email: str
    attempts: int
    organization_id: UUID | None
    user_id: UUID | None
    status: str | None
    organization: str | None


def request(session: Session, purpose: str, email: str) -> None:
    """Leaves a wish for the workers, in the caller's transaction. `purpose`: reset, verify or invite."""
    session.execute(
        text("SELECT request_mail(:id, :purpose, :email)"), {"id": new_id(), "purpose": purpose, "email": email}
    )


def redeem(session: Session, purpose: str, token: str) -> User:
    """The user whom the token was mailed to; the session is then in their organization, and the token spent.

    Raises Invalid for a token that is unknown, spent, expired, or for another purpose: one answer for all.
    """
    found = session.execute(
        text("SELECT * FROM find_mail_token(:token_hash, :purpose)"), {"token_hash": _hash(token), "purpose": purpose}
    ).one_or_none()
    if found is not None:
        enter_organization(session, found.organization_id)
        if _spend(session, found.organization_id, found.token_id):
            audit.become(session, found.user_id)
            return session.get_one(User, (found.organization_id, found.user_id))
    raise Invalid({"invitation" if purpose == "invite" else "token": ["Unknown, used or expired; ask for a new mail."]})


def work_off(database: Database, mailer: Mailer, api: str) -> bool:
    """Sends the mails that are due. False when there were none. `api` is the address that the mails name."""
    token = uuid4()
    with database.statement() as connection:
        rows = connection.execute(
            text("SELECT * FROM claim_mails(:token, :most, :lease)"),
            {"token": token, "most": _MOST, "lease": _LEASE_SECONDS},
        )
        claimed = [_Asked(*row) for row in rows]
    for asked in claimed:
        is_done = _send(database, mailer, api, asked)
        retry_seconds = None if asked.attempts >= _MOST_ATTEMPTS else 10 * 4 ** (asked.attempts - 1)
        with database.transaction() as session:
            session.execute(
                text("SELECT finish_mail(:id, :token, :is_done, :retry_seconds)"),
                {"id": asked.id, "token": token, "is_done": is_done, "retry_seconds": retry_seconds},
            )
    return bool(claimed)


def _send(database: Database, mailer: Mailer, api: str, asked: _Asked) -> bool:
    """Whether nothing is left to do: sent, or there is nobody whom this mail is for."""
    letter = LETTERS[asked.purpose]
    if asked.organization_id is None or asked.user_id is None or asked.status not in letter.statuses:
        return True
    with database.transaction(asked.organization_id) as session:
        token = _issue(session, asked.organization_id, asked.user_id, asked.purpose, letter.good_for_minutes)
    names = {"api": api, "token": token, "organization": " ".join((asked.organization or "").split())}
    try:
        mailer.send(asked.email, letter.subject.format(**names), letter.text.format(**names))
    except (Unavailable, ValueError) as error:  # ValueError: the address cannot stand in a header
        log.warning("a mail (%s) was not sent at attempt %d: %s", asked.purpose, asked.attempts, error)
        return False
    return True


def _issue(session: Session, organization_id: UUID, user_id: UUID, purpose: str, minutes: int) -> str:
    """A new token; those that were mailed before for the same purpose are void, so that only the last mail works."""
    at = now(session)
    session.execute(
        update(MailToken)
        .where(MailToken.organization_id == organization_id, MailToken.user_id == user_id)
        .where(MailToken.purpose == purpose, MailToken.used_at.is_(None))
        .values(used_at=at)
    )
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session.add(
        MailToken(
            organization_id=organization_id,
            user_id=user_id,
            purpose=purpose,
            token_hash=_hash(token),
            expires_at=at + timedelta(minutes=minutes),
        )
    )
    return token


def _spend(session: Session, organization_id: UUID, token_id: UUID) -> bool:
    """One statement: of two who show the same token at once, one comes too late."""
    spent = session.execute(
        update(MailToken)
        .where(MailToken.organization_id == organization_id, MailToken.id == token_id, MailToken.used_at.is_(None))
        .values(used_at=now(session))
        .returning(MailToken.id)
    )
    return spent.one_or_none() is not None


def _hash(token: str) -> bytes:
    """It is 256 random bits, so one round is enough; the purpose stands beside it in the row."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
