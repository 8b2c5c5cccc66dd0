"""What the analytics routes take and give."""

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from hub.analytics import figures, rules
from hub.http.fields import Commas, Moment
from hub.http.ids import PublicId

SEVERITIES = tuple(rules.TARGETS)
_SECONDS = {"description": "Seconds on average; null of nothing"}


class PeriodQuery(Schema):
    """Which period is told: without both ends the last 30 days until now."""

    class Meta:
        unknown = RAISE

    created_after = Moment(attribute="start", metadata={"description": "From this moment on"})
    created_before = Moment(attribute="end", metadata={"description": "Until before this moment"})


class FiguresQuery(PeriodQuery):
    """Which incidents are counted, and how the period is cut (in the organization's time zone)."""

    interval = fields.String(load_default="day", validate=validate.OneOf(tuple(rules.INTERVALS)))
    severity = Commas(SEVERITIES, attribute="severities")
    service = Commas(attribute="services")
    assignee = Commas(each=PublicId("user"), attribute="assignee_ids")


class PeriodSchema(Schema):
    """The period that the figures are of."""

    start = Moment(required=True)
    end = Moment(required=True)
    timezone = fields.String(required=True)


class FiguresSchema(Schema):
    """Figures of incidents that were opened in the period; one that was merged counts where it went."""

    opened = fields.Integer(required=True)
    active = fields.Integer(required=True)
    in_progress = fields.Integer(required=True)
    acknowledged = fields.Integer(required=True)
    resolved = fields.Integer(required=True)
    within_target = fields.Integer(
        required=True,
        metadata={"description": "Resolved in time: critical 15 min, high 1 h, medium 4 h, low 24 h"},
    )
    within_target_rate = fields.Float(
        required=True, allow_none=True, metadata={"description": "Of those that were resolved; null of none"}
    )
    overdue = fields.Integer(required=True, metadata={"description": "Not resolved, and beyond their target"})
    mtta_seconds = fields.Float(required=True, allow_none=True, metadata=_SECONDS)
    mttr_seconds = fields.Float(required=True, allow_none=True, metadata=_SECONDS)


class SeverityFigures(FiguresSchema):
    """Figures by severity."""

    severity = fields.String(required=True)


class ServiceFigures(FiguresSchema):
    """Figures by service; "" is of incidents without one."""

    service = fields.String(required=True)


class PersonFigures(FiguresSchema):
    """Figures by assignee; null is of nobody's."""

    assignee = PublicId("user", required=True, allow_none=True)


class BucketFigures(FiguresSchema):
    """Figures by interval of the period."""

    start = Moment(required=True)


class IncidentAnalytics(Schema):
    """The same incidents as a whole, and by what they have in common (the 200 largest groups)."""

    period = fields.Nested(PeriodSchema, required=True)
    total = fields.Nested(FiguresSchema, required=True)
    by_severity = fields.List(fields.Nested(SeverityFigures), required=True)
    by_service = fields.List(fields.Nested(ServiceFigures), required=True)
    by_person = fields.List(fields.Nested(PersonFigures), required=True)
    by_period = fields.List(fields.Nested(BucketFigures), required=True)


class NoiseSchema(Schema):
    """What arrived, what it became."""

    deliveries = fields.Integer(required=True)
    alerts = fields.Integer(required=True, metadata={"description": "First seen in the period"})
    incidents = fields.Integer(required=True)
    reduction = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "1 - incidents / deliveries, at least 0; null without deliveries"},
    )
    firing_now = fields.Integer(required=True, metadata={"description": "Alerts that are not resolved now"})
    by_severity = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class LoudAlert(Schema):
    """An alert that was heard of often."""

    id = PublicId("alrt", required=True)
    title = fields.String(required=True)
    service = fields.String(required=True)
    platform = fields.String(required=True)
    severity = fields.String(required=True)
    occurrences = fields.Integer(required=True)


class Dashboard(Schema):
    """All at a glance. For who may see only their own, `noise` and `top_alerts` are null: they are everybody's."""

    period = fields.Nested(PeriodSchema, required=True)
    incidents = fields.Nested(FiguresSchema, required=True)
    by_severity = fields.List(fields.Nested(SeverityFigures), required=True)
    by_period = fields.List(fields.Nested(BucketFigures), required=True)
    noise = fields.Nested(NoiseSchema, required=True, allow_none=True)
    top_alerts = fields.List(fields.Nested(LoudAlert), required=True, allow_none=True)


class RunSchema(Schema):
    """Executions that were begun in the period."""

    executions = fields.Integer(required=True)
    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)
    success_rate = fields.Float(
        required=True, allow_none=True, metadata={"description": "Of those that ended in success or failure"}
    )
    mean_seconds = fields.Float(
        required=True, allow_none=True, metadata={"description": "From start to success; null of none"}
    )


class ProcedureRuns(RunSchema):
    """Executions of one procedure."""

    id = PublicId("proc", attribute="procedure_id", required=True)
    title = fields.String(required=True)


class StaleProcedureSchema(Schema):
    """A published procedure that nobody has reviewed since one of its services changed."""

    id = PublicId("proc", attribute="procedure_id", required=True)
    title = fields.String(required=True)
    reviewed_at = Moment(required=True)
    service = fields.String(attribute="stale.service", required=True)
    service_changed_at = Moment(attribute="stale.changed_at", required=True)


class GapSchema(Schema):
    """Incidents of one name and service that no procedure was for: at most ten of them are named, the newest first."""

    title = fields.String(required=True)
    service = fields.String(required=True)
    incident_count = fields.Integer(required=True)
    last_at = Moment(required=True)
    incident_ids = fields.List(PublicId("inc"), required=True)


class ProcedureAnalytics(Schema):
    """How runbooks fared in the period: as a whole, and the 200 procedures that were run most.

    `stale` are those that nobody has reviewed since their service changed, the longest ago first; `gaps` are clusters
    of the period's incidents without a procedure, the largest first.
    """

    period = fields.Nested(PeriodSchema, required=True)
    total = fields.Nested(RunSchema, required=True)
    by_procedure = fields.List(fields.Nested(ProcedureRuns), required=True)
    stale = fields.List(fields.Nested(StaleProcedureSchema), required=True)
    gaps = fields.List(fields.Nested(GapSchema), required=True)


class TouchedSchema(Schema):
    """A service that depends on one that fails."""

    service = fields.String(required=True)
    hops = fields.Integer(required=True)
    path = fields.List(fields.String(), required=True)
    owner = fields.String(required=True)
    incident_ids = fields.List(PublicId("inc"), required=True)


class BlastRadius(Schema):
    """Who may suffer, nearest first."""

    services = fields.List(fields.String(), required=True)
    not_in_catalogue = fields.List(fields.String(), required=True)
    touched = fields.List(fields.Nested(TouchedSchema), required=True)


def dashboard(found: figures.Dashboard) -> dict[str, Any]:
    """As the Dashboard schema wants it."""
    return {
        "period": found.period,
        "incidents": found.incidents.total,
        "by_severity": _keyed("severity", found.incidents.by_severity),
        "by_period": _keyed("start", found.incidents.by_period),
        "noise": found.noise,
        "top_alerts": found.loud,
    }


def incident_analytics(asked: rules.Period, found: figures.Grouped) -> dict[str, Any]:
    """As the IncidentAnalytics schema wants it."""
    return {
        "period": asked,
        "total": found.total,
        "by_severity": _keyed("severity", found.by_severity),
        "by_service": _keyed("service", found.by_service),
        "by_person": _keyed("assignee", found.by_person),
        "by_period": _keyed("start", found.by_period),
    }


def _keyed(name: str, groups: Mapping[Any, figures.Figures]) -> list[dict[str, Any]]:
    """Groups of figures as a list, each with its key under the name."""
    return [{name: key, **_NUMBERS.dump(numbers)} for key, numbers in groups.items()]


_NUMBERS = FiguresSchema()
