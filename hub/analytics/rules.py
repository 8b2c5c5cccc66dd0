"""Decisions about figures: targets, periods in the organization's time zone, rates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DEFAULT_PERIOD = timedelta(days=30)
LONGEST_PERIOD = timedelta(days=3_660)
MOST_BUCKETS = 1_000

# api.md, Noise control and insight: how long an incident of this severity may take to be resolved
TARGETS: Mapping[str, timedelta] = {
    "critical": timedelta(minutes=15),
    "high": timedelta(hours=1),
    "medium": timedelta(hours=4),
    "low": timedelta(hours=24),
}

# interval → about how long, to tell before counting how many there would be
INTERVALS: Mapping[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=28),
}


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until before `end`, cut into intervals of the organization's local time."""

    start: datetime
    end: datetime
    interval: str
    timezone: str

    def problems(self) -> dict[str, list[str]]:
        """What is wrong, by field; empty when it makes sense."""
        if self.start >= self.end:
            return {"created_before": ["Must be after created_after."]}
        if self.end - self.start > LONGEST_PERIOD:
            return {"created_after": [f"The period may have up to {LONGEST_PERIOD.days} days."]}
        if (self.end - self.start) / INTERVALS[self.interval] > MOST_BUCKETS:
            return {"interval": [f"More than {MOST_BUCKETS} of these in the period; choose a longer one."]}
        return {}

    def buckets(self) -> Iterator[datetime]:
        """When each interval of the period begins, in UTC: local midnight for days, Monday's for weeks."""
        zone = ZoneInfo(self.timezone)
        bucket = _beginning(self.start.astimezone(zone), self.interval)
        while bucket < self.end:
            yield bucket.astimezone(UTC)
            bucket = _next(bucket, self.interval)


def rate(part: int, whole: int) -> float | None:
    """The share, rounded to four digits; None of nothing."""
    return round(part / whole, 4) if whole else None


def reduction(deliveries: int, incidents: int) -> float | None:
    """How much of what arrived people need not look at; never below 0, because incidents are opened by hand too."""
    return None if not deliveries else max(0.0, round(1 - incidents / deliveries, 4))


def _beginning(local: datetime, interval: str) -> datetime:
    if interval == "hour":
        return local.replace(minute=0, second=0, microsecond=0)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if interval == "week":
        return midnight - timedelta(days=midnight.weekday())
    return midnight.replace(day=1) if interval == "month" else midnight


def _next(bucket: datetime, interval: str) -> datetime:
    if interval == "hour":  # by the clock on the wall an hour may be missing or come twice
        return (bucket.astimezone(UTC) + timedelta(hours=1)).astimezone(bucket.tzinfo)
    if interval == "month":
        return (bucket + timedelta(days=32)).replace(day=1)
    return bucket + INTERVALS[interval]
