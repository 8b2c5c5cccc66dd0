"""What happens in the demo: a disk fills and a shop goes down with it, beside two troubles of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

QUESTION = "customers cannot check out because the database machine ran out of storage"
ANSWER = {
    "summary": "Removed old write-ahead logs, extended the volume to 500 GB, restarted the archiver.",
    "root_cause": "The archiver had stopped, so the database kept every write-ahead log on its disk.",
}

_STEP = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Push:
    """One webhook of the storm."""

    platform: str
    body: Mapping[str, Any]
    says: str


@dataclass(frozen=True, slots=True)
class _Trouble:
    """An alert of one platform."""

    platform: str
    key: str
    title: str
    description: str
    service: str
    resource: str
    severity: str


# service by service, as a storm spreads; severity in the words of the platform
_STORM = (
    _Trouble(
        "alertmanager",
        "disk-db-1",
        "NodeFilesystemAlmostOutOfSpace",
        "Volume /var/lib/postgresql has 2% left",
        "orders-db",
        "db-1",
        "critical",
    ),
    _Trouble(
        "alertmanager",
        "wal-db-1",
        "PostgresqlArchiverFailing",
        "No log has been archived for 40 minutes",
        "orders-db",
        "db-1",
        "warning",
    ),
    _Trouble(
        "alertmanager",
        "conn-db-1",
        "PostgresqlTooManyConnections",
        "198 of 200 connections are in use",
        "orders-db",
        "db-1",
        "warning",
    ),
    _Trouble(
        "datadog",
        "7001",
        "Checkout latency p95 is high",
        "p95 is 9.4 s, the target is 1 s",
        "checkout",
        "checkout-7",
        "P2",
    ),
    _Trouble(
        "datadog",
        "7002",
        "Checkout error rate is high",
        "31% of the requests end with a 500",
        "checkout",
        "checkout-7",
        "P1",
    ),
    _Trouble(
        "newrelic", "nr-301", "Checkout Apdex is low", "Apdex 0.21 for five minutes", "checkout", "checkout", "CRITICAL"
    ),
    _Trouble(
        "newrelic",
        "nr-302",
        "Checkout synthetic journey failed",
        "Step 4, pay, failed from three places",
        "checkout",
        "checkout",
        "HIGH",
    ),
    _Trouble(
        "alertmanager",
        "cert-mail",
        "CertificateExpiresSoon",
        "The certificate of mail.example.org ends in 6 days",
        "mail",
        "mail-1",
        "warning",
    ),
    _Trouble(
        "datadog",
        "7100",
        "Nightly report is late",
        "The report of yesterday is not there yet",
        "reports",
        "batch-2",
        "P3",
    ),
)
_CALM = frozenset({"orders-db", "checkout"})
_REMINDERS = 3


def pushes(start: datetime) -> Iterator[Push]:
    """The storm in order: everything fires, the noisy ones again and again, then the shop recovers.

    `start` (aware) makes every run's alerts new ones in time; their keys stay, so a second run is a second episode.
    """
    at = start
    for round_number in range(1 + _REMINDERS):
        for trouble in _STORM:
            at += _STEP / (1 + _REMINDERS)
            says = "fires" if round_number == 0 else "fires still"
            since = start if trouble.platform == "alertmanager" else at
            yield Push(trouble.platform, _BODIES[trouble.platform](trouble, since, None, at), f"{trouble.title} {says}")
    for trouble in _STORM:
        if trouble.service in _CALM:
            at += _STEP
            body = _BODIES[trouble.platform](trouble, start, at, at)
            yield Push(trouble.platform, body, f"{trouble.title} is over")


def _alertmanager(trouble: _Trouble, since: datetime, end: datetime | None, _at: datetime) -> dict[str, Any]:
    status = "resolved" if end else "firing"
    alert = {
        "status": status,
        "labels": {
            "alertname": trouble.title,
            "severity": trouble.severity,
            "service": trouble.service,
            "instance": trouble.resource,
            "environment": "production",
        },
        "annotations": {"summary": trouble.description},
        "startsAt": since.isoformat(),
        "endsAt": end.isoformat() if end else "0001-01-01T00:00:00Z",
        "fingerprint": trouble.key,
    }
    return {"version": "4", "groupKey": "{}", "status": status, "receiver": "overwatch", "alerts": [alert]}


def _datadog(trouble: _Trouble, _since: datetime, end: datetime | None, at: datetime) -> dict[str, Any]:
    transition = "Recovered" if end else "Triggered"
    milliseconds = str(int(at.timestamp() * 1000))
    return {
        "id": f"{trouble.key}{milliseconds}",
        "title": f"[{transition} on {{service:{trouble.service}}}] {trouble.title}",
        "body": trouble.description,
        "alert_transition": transition,
        "severity": trouble.severity,
        "cycle_key": trouble.key,
        "hostname": trouble.resource,
        "tags": f"service:{trouble.service},env:production",
        "date": milliseconds,
        "last_updated": milliseconds,
    }


def _newrelic(trouble: _Trouble, _since: datetime, end: datetime | None, at: datetime) -> dict[str, Any]:
    return {
        "id": trouble.key,
        "title": trouble.title,
        "state": "CLOSED" if end else "ACTIVATED",
        "priority": trouble.severity,
        "impactedEntities": [trouble.service],
        "alertConditionNames": [trouble.description],
        "createdAt": int(at.timestamp() * 1000),
        "updatedAt": int(at.timestamp() * 1000),
    }


_BODIES = {"alertmanager": _alertmanager, "datadog": _datadog, "newrelic": _newrelic}


def now() -> datetime:
    """When the storm begins: so long ago that all of it lies in the past."""
    return datetime.now(UTC) - timedelta(minutes=15)
