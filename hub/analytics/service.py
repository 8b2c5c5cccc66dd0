"""Use cases of analytics: figures of incidents and of noise, each in one statement however much there is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.accounts.models import Organization
from hub.analytics import rules
from hub.analytics.figures import Dashboard, Executions, Figures, Grouped, Noise, Question, Run
from hub.analytics.rules import Period
from hub.contracts.errors import Invalid
from hub.database import PLANNED_ANEW, now, organization_of
from hub.procedures import insight

MOST_GROUPS = 200
MOST_LOUD = 10


_TARGET = " ".join(
    f"WHEN '{severity}' THEN interval '{target.total_seconds():.0f} s'" for severity, target in rules.TARGETS.items()
)
# one pass over the incidents for all groupings; a merged one is counted where it went
_FIGURES = text(
    "SELECT severity, service, assignee_id, bucket, NULL AS whole,"
    " grouping(severity, service, assignee_id, bucket) AS level,"
    " count(*) AS opened, count(*) FILTER (WHERE status = 'active') AS active,"
    " count(*) FILTER (WHERE status = 'in_progress') AS in_progress,"
    " count(acknowledged_at) AS acknowledged, count(resolved_at) AS resolved,"
    " count(*) FILTER (WHERE resolved_at - created_at <= target) AS within_target,"
    " count(*) FILTER (WHERE resolved_at IS NULL AND overwatch_now() - created_at > target) AS overdue,"
    " CAST(avg(extract(epoch FROM acknowledged_at - created_at)) AS double precision) AS mtta_seconds,"
    " CAST(avg(extract(epoch FROM resolved_at - created_at)) AS double precision) AS mttr_seconds"
    " FROM (SELECT severity, service, assignee_id, status, created_at, acknowledged_at, resolved_at,"
    f"   CASE severity {_TARGET} END AS target, date_trunc(:interval, created_at, :timezone) AS bucket"
    "   FROM incidents WHERE organization_id = :organization_id AND merged_into IS NULL"
    "   AND created_at >= :start AND created_at < :end"
    "   AND (CAST(:severities AS text[]) IS NULL OR severity = ANY(CAST(:severities AS text[])))"
    "   AND (CAST(:services AS text[]) IS NULL OR service = ANY(CAST(:services AS text[])))"
    "   AND (CAST(:assignees AS uuid[]) IS NULL OR assignee_id = ANY(CAST(:assignees AS uuid[])))) counted"
    " GROUP BY GROUPING SETS ((), (severity), (service), (assignee_id), (bucket))"
)
# which of the four columns a row does not group by, as bits: 15 is the whole
_WHOLE, _SEVERITY, _SERVICE, _PERSON, _BUCKET = 0b1111, 0b0111, 0b1011, 0b1101, 0b1110
_KEYS = {_WHOLE: "whole", _SEVERITY: "severity", _SERVICE: "service", _PERSON: "assignee_id", _BUCKET: "bucket"}
_NUMBERS = tuple(Figures.__dataclass_fields__)

_NOISE = text(
    "SELECT (SELECT count(*) FROM deliveries WHERE organization_id = :organization_id"
    "   AND received_at >= :start AND received_at < :end) AS deliveries,"
    " (SELECT count(*) FROM incidents WHERE organization_id = :organization_id AND merged_into IS NULL"
    "   AND created_at >= :start AND created_at < :end) AS incidents,"
    " (SELECT count(*) FROM alerts WHERE organization_id = :organization_id AND status <> 'resolved') AS firing_now,"
    " (SELECT coalesce(jsonb_object_agg(severity, n), '{}') FROM (SELECT severity, count(*) AS n FROM alerts"
    "   WHERE organization_id = :organization_id AND created_at >= :start AND created_at < :end GROUP BY 1) s)"
    "   AS by_severity"
)
_LOUD = text(
    "SELECT a.id, a.title, a.service, a.platform, a.severity, loud.occurrences"
    " FROM (SELECT alert_id, count(*) AS occurrences FROM events WHERE organization_id = :organization_id"
    "   AND received_at >= :start AND received_at < :end GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most) loud"
    " JOIN alerts a ON a.organization_id = :organization_id AND a.id = loud.alert_id"
    " ORDER BY loud.occurrences DESC, a.id"
)
# the whole comes first; a procedure that was deleted counts in the whole only
_EXECUTIONS = text(
    "SELECT e.procedure_id, p.title, count(e.id), count(e.id) FILTER (WHERE e.status = 'succeeded'),"
    " count(e.id) FILTER (WHERE e.status = 'failed'), count(e.id) FILTER (WHERE e.status = 'cancelled'),"
    " CAST(avg(extract(epoch FROM e.finished_at - e.started_at)) FILTER (WHERE e.status = 'succeeded')"
    "   AS double precision)"
    " FROM executions e LEFT JOIN procedures p ON p.organization_id = e.organization_id AND p.id = e.procedure_id"
    " WHERE e.organization_id = :organization_id AND e.created_at >= :start AND e.created_at < :end"
    " GROUP BY GROUPING SETS ((), (e.procedure_id, p.title))"
    " HAVING grouping(e.procedure_id) = 1 OR e.procedure_id IS NOT NULL"
    " ORDER BY grouping(e.procedure_id) DESC, count(e.id) DESC, e.procedure_id LIMIT :most + 1"
)


def period(
    session: Session, *, start: datetime | None = None, end: datetime | None = None, interval: str = "day"
) -> Period:
    """Without an end until now, without a start the 30 days before. Raises Invalid for one that makes no sense."""
    timezone = session.get_one(Organization, organization_of(session)).timezone
    until = end or now(session)
    asked = Period(start or until - rules.DEFAULT_PERIOD, until, interval, timezone)
    if problems := asked.problems():
        raise Invalid(problems)
    return asked


def incidents(session: Session, question: Question) -> Grouped:
    """The figures of the incidents that were opened in the period."""
    rows = session.execute(
        _FIGURES,
        {
            **_span(session, question.period),
            "interval": question.period.interval,
            "timezone": question.period.timezone,
            "severities": question.severities,
            "services": question.services,
            "assignees": question.assignee_ids,
        },
        execution_options=PLANNED_ANEW,
    ).all()
    of: dict[int, dict[Any, Figures]] = {level: {} for level in _KEYS}
    for row in rows:
        of[row.level][_key_of(row)] = Figures(*(getattr(row, name) for name in _NUMBERS))
    buckets = sorted({*question.period.buckets(), *of[_BUCKET]})
    return Grouped(
        total=of[_WHOLE][None],
        by_severity={severity: of[_SEVERITY].get(severity, Figures()) for severity in rules.TARGETS},
        by_service=_largest(of[_SERVICE]),
        by_person=_largest(of[_PERSON]),
        by_period={bucket: of[_BUCKET].get(bucket, Figures()) for bucket in buckets},
    )


def dashboard(session: Session, asked: Period, own: Sequence[UUID] | None) -> Dashboard:
    """All at a glance; `own` limits it to the incidents of these assignees, and leaves out what is everybody's."""
    mine = incidents(session, Question(asked, assignee_ids=own))
    if own is not None:
        return Dashboard(asked, mine)
    return Dashboard(asked, mine, noise(session, asked), loudest(session, asked))


def procedures(session: Session, asked: Period) -> Executions:
    """How runbooks fared in the period, as a whole and those that were run most; which are stale, and which missing."""
    told = _span(session, asked) | {"most": MOST_GROUPS}
    rows = session.execute(_EXECUTIONS, told, execution_options=PLANNED_ANEW).all()
    whole, *each = [Run(*row) for row in rows]
    missing = insight.gaps(session, asked.start, asked.end)
    return Executions(asked, whole, each, insight.stale_procedures(session), missing)


def noise(session: Session, asked: Period) -> Noise:
    """How much arrived in the period, and how little of it is left to look at."""
    row = session.execute(_NOISE, _span(session, asked), execution_options=PLANNED_ANEW).one()
    return Noise(row.deliveries, sum(row.by_severity.values()), row.incidents, row.firing_now, row.by_severity)


def loudest(session: Session, asked: Period) -> Sequence[Any]:
    """The alerts with the most occurrences in the period, loudest first: id, title, service, …, occurrences."""
    told = _span(session, asked) | {"most": MOST_LOUD}
    return session.execute(_LOUD, told, execution_options=PLANNED_ANEW).all()


def _key_of(row: Any) -> Any:
    return getattr(row, _KEYS[row.level])


def _span(session: Session, asked: Period) -> dict[str, Any]:
    return {"organization_id": organization_of(session), "start": asked.start, "end": asked.end}


def _largest(groups: Mapping[Any, Figures]) -> dict[Any, Figures]:
    """The groups with the most incidents, largest first."""
    in_order = sorted(groups.items(), key=lambda group: (-group[1].opened, str(group[0])))
    return dict(in_order[:MOST_GROUPS])
