"""Tells platforms what is due: claims, calls the connector without a transaction, writes what became of it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.contracts.connector import Connector, Http, Notice
from hub.contracts.errors import Misconfigured, Unavailable
from hub.database import Database, organization_of
from hub.integrations.service import whole_config
from hub.integrations.vault import Vault
from hub.notifications.outbound import rules

log = logging.getLogger(__name__)

_MOST = 2  # two receivers that hang stay within the watchdog's minute
_LEASE_SECONDS = 120

_CLAIM = text("SELECT * FROM claim_dispatches(:token, :most, :lease)")
_FINISH = text(
    "UPDATE dispatches SET status = :status, reason = :reason, reference = :reference, lease_token = NULL,"
    " next_at = overwatch_now() + make_interval(secs => :seconds),"
    " finished_at = CASE WHEN :status = 'pending' THEN NULL ELSE overwatch_now() END,"
    " log = log || jsonb_build_object('at', overwatch_now(), 'outcome', CAST(:told AS text))"
    " WHERE organization_id = :organization_id AND id = :id AND lease_token = :token RETURNING id"
)
_HOLD_BACK = text(
    "UPDATE dispatches SET next_at = greatest(next_at, overwatch_now() + make_interval(secs => :seconds))"
    " WHERE organization_id = :organization_id AND integration_id = :integration_id AND status = 'pending'"
    " AND lease_token IS NULL"
)
_NEWEST = text(
    "SELECT status FROM dispatches WHERE organization_id = :organization_id AND integration_id = :integration_id"
    " AND status <> 'pending' ORDER BY finished_at DESC, number DESC LIMIT :most"
)
_STOP = text(
    "UPDATE integrations SET notify_disabled_at = overwatch_now(), notify_problem = :reason"
    " WHERE organization_id = :organization_id AND id = :integration_id"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seconds` until the next attempt when it stays pending; for `pause_seconds` the platform is told nothing else."""

    status: str
    reason: str = ""
    reference: str = ""
    seconds: int = 0
    pause_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Teller:
    """What telling needs."""

    database: Database
    connectors: Mapping[str, Connector]
    vault: Vault
    http: Http

    def work_off(self) -> bool:
        """Tells what is due. False when nothing was."""
        token = uuid4()
        with self.database.statement() as connection:
            claimed = connection.execute(_CLAIM, {"token": token, "most": _MOST, "lease": _LEASE_SECONDS}).all()
        for row in claimed:
            outcome = self._tell(row)
            with self.database.transaction(row.organization_id) as session:
                _finish(session, row, token, outcome)
        return bool(claimed)

    def _tell(self, row: Any) -> Outcome:
        connector = self.connectors.get(row.platform)
        if connector is None:
            return Outcome("failed", f"{row.platform} is not installed")
        try:
            notice = Notice(str(row.id), row.kind, row.incident, {"reference": row.reference}, tuple(row.alerts))
            receipt = connector.notify(notice, self._config(row), self.http)
        except Misconfigured as error:
            return Outcome("failed", str(error)[:500])
        except Unavailable as error:
            return _again(row.attempts, str(error)[:500], error.retry_after_seconds)
        except (Exception, SystemExit) as error:  # a connector's bug: told by its type, for a message may hold a secret
            log.exception("connector %s could not tell %s", row.platform, row.id)
            return _again(row.attempts, f"the connector failed: {type(error).__name__}", 0)
        return Outcome("sent", receipt.detail[:500], receipt.reference[:500])

    def _config(self, row: Any) -> dict[str, Any]:
        """While a secret is rotated the one before it stands beside it, as `previous_<name>`."""
        place = (self.vault, row.organization_id, row.integration_id)
        previous = whole_config({}, row.previous_secrets, *place)
        before = {f"previous_{name}": secret for name, secret in previous.items()}
        return before | whole_config(row.config, row.secrets, *place)


def _again(attempts: int, reason: str, asked_seconds: int) -> Outcome:
    seconds = rules.retry_seconds(attempts, asked_seconds)
    if seconds is None:
        return Outcome("failed", reason)
    return Outcome("pending", reason, seconds=seconds, pause_seconds=rules.pause_seconds(asked_seconds))


def _finish(session: Session, row: Any, token: UUID, outcome: Outcome) -> None:
    mine = {"organization_id": organization_of(session), "integration_id": row.integration_id}
    written = session.execute(
        _FINISH,
        {
            "organization_id": mine["organization_id"],
            "id": row.id,
            "token": token,
            "status": outcome.status,
            "reason": outcome.reason,
            "reference": outcome.reference,
            "seconds": outcome.seconds,
            "told": outcome.reason or outcome.status,
        },
    ).all()
    if not written:
        return  # another worker has it by now
    if outcome.status == "pending":
        session.execute(_HOLD_BACK, mine | {"seconds": outcome.pause_seconds})
    elif outcome.status == "failed" and _is_hopeless(session, mine):
        session.execute(_STOP, mine | {"reason": outcome.reason})
        audit.note(session, "integrations:stop_notifying", row.integration_id, reason=outcome.reason)


def _is_hopeless(session: Session, mine: Mapping[str, Any]) -> bool:
    newest = session.scalars(_NEWEST, {**mine, "most": rules.FAILED_IN_A_ROW}).all()
    return rules.is_hopeless(newest)
