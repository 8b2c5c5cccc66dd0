"""Figures: the same as counting one by one, in the organization's time zone, and fast over many alerts."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, text

from hub.analytics import rules
from hub.analytics.rules import Period
from hub.database import new_id
from tests.factories import Person, alertmanager, firing, resolved

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
WINDOW = {"created_after": "2026-01-01T00:00:00Z", "created_before": "2026-02-01T00:00:00Z"}
TARGETS = {"critical": 15 * 60, "high": 3_600, "medium": 4 * 3_600, "low": 24 * 3_600}

Row = dict[str, Any]


def incident(owner: Person, opened_at: datetime, **fields: Any) -> Row:
    """A row as it might have come about: acknowledged and resolved after so many seconds, or not."""
    after = {name: fields.pop(name, None) for name in ("acknowledged_after", "resolved_after")}
    stamps = {name: opened_at + timedelta(seconds=s) if s is not None else None for name, s in after.items()}
    row = {
        "organization_id": owner.organization_id,
        "id": new_id(),
        "title": "Down",
        "severity": "high",
        "service": "",
        "status": "resolved" if stamps["resolved_after"] else "active",
        "assignee_id": None,
        "merged_into": None,
        "created_at": opened_at,
        "acknowledged_at": stamps["acknowledged_after"],
        "resolved_at": stamps["resolved_after"],
    } | fields
    insert(owner, "incidents", row)
    return row


def insert(owner: Person, table: str, row: Row) -> None:
    values = ", ".join(f":{name}" for name in row)
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        session.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"), row)


def recomputed(rows: Iterable[Row], at: datetime) -> Row:
    """The figures of these rows, counted one by one."""
    counted = list(rows)
    ended = [row for row in counted if row["resolved_at"]]
    met = [row for row in counted if row["acknowledged_at"]]
    in_time = [row for row in ended if _seconds(row, "resolved_at") <= TARGETS[row["severity"]]]
    late = [
        r for r in counted if not r["resolved_at"] and (at - r["created_at"]).total_seconds() > TARGETS[r["severity"]]
    ]
    return {
        "opened": len(counted),
        "active": sum(row["status"] == "active" for row in counted),
        "in_progress": sum(row["status"] == "in_progress" for row in counted),
        "acknowledged": len(met),
        "resolved": len(ended),
        "within_target": len(in_time),
        "within_target_rate": round(len(in_time) / len(ended), 4) if ended else None,
        "overdue": len(late),
        "mtta_seconds": _mean([_seconds(row, "acknowledged_at") for row in met]),
        "mttr_seconds": _mean([_seconds(row, "resolved_at") for row in ended]),
    }


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def by(answer: list[Row], name: str) -> dict[Any, Row]:
    """The answered groups that have any incident, by their key."""
    return {row[name]: {n: v for n, v in row.items() if n != name} for row in answer if row["opened"]}


def agree(found: Row, expected: Row) -> bool:
    return found == {name: pytest.approx(value) for name, value in expected.items()}


def a_history(owner: Person, count: int, seed: int) -> list[Row]:
    chance = random.Random(seed)
    people = [None, owner.user_id]
    rows = []
    for _ in range(count):
        met, took = chance.randrange(1, 5_000), chance.randrange(5_000, 100_000)
        is_met, is_over = chance.random() < 0.7, chance.random() < 0.6
        rows.append(
            incident(
                owner,
                START + timedelta(seconds=chance.randrange(-300_000, 1_500_000)),
                severity=chance.choice(list(TARGETS)),
                service=chance.choice(["db", "web", ""]),
                assignee_id=chance.choice(people),
                acknowledged_after=met if is_met else None,
                resolved_after=chance.choice([met, took]) if is_over else None,
                **({} if is_over else {"status": "in_progress" if is_met else "active"}),
            )
        )
    return rows


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_figures_are_those_of_counting_one_by_one(owner: Person, seed: int):
    owner.patch("/organizations/current", {"timezone": "America/New_York"})
    zone = ZoneInfo("America/New_York")
    rows = a_history(owner, 80, seed)
    found = owner.get("/analytics/incidents", **WINDOW)
    now = datetime.now(UTC)
    assert agree(found["total"], recomputed(rows, now))
    for name, answer, key in (
        ("severity", "by_severity", lambda row: row["severity"]),
        ("service", "by_service", lambda row: row["service"]),
        ("assignee", "by_person", lambda row: row["assignee_id"] and f"user_{row['assignee_id'].hex}"),
        ("start", "by_period", lambda row: _instant(_midnight(row["created_at"].astimezone(zone)))),
    ):
        groups = by(found[answer], name)
        expected = grouped(rows, key)
        assert groups.keys() == expected.keys()
        assert all(agree(groups[each], recomputed(expected[each], now)) for each in expected)


def test_only_the_incidents_of_the_period_and_the_filters_count(owner: Person):
    incident(owner, START, service="db", severity="low", assignee_id=owner.user_id)
    incident(owner, START - timedelta(days=30), service="db")
    incident(owner, datetime(2026, 2, 1, tzinfo=UTC), service="db")
    me = f"user_{owner.user_id.hex}"
    for filters, count in (
        ({}, 1),
        ({"service": "db,web"}, 1),
        ({"service": "web"}, 0),
        ({"severity": "low"}, 1),
        ({"severity": "high"}, 0),
        ({"assignee": me}, 1),
        ({"assignee": "user_" + "0" * 32}, 0),
    ):
        assert owner.get("/analytics/incidents", **WINDOW, **filters)["total"]["opened"] == count


def test_merged_incident_counts_where_it_went(owner: Person):
    target = incident(owner, START)
    incident(owner, START, merged_into=target["id"])
    assert owner.get("/analytics/incidents", **WINDOW)["total"]["opened"] == 1


@pytest.mark.parametrize(("severity", "seconds"), TARGETS.items())
def test_target_is_met_to_the_second(owner: Person, severity: str, seconds: int):
    incident(owner, START, severity=severity, resolved_after=seconds)
    incident(owner, START, severity=severity, resolved_after=seconds + 1)
    total = owner.get("/analytics/incidents", **WINDOW)["total"]
    assert (total["within_target"], total["within_target_rate"]) == (1, 0.5)


def test_day_is_the_organizations_day(owner: Person):
    owner.patch("/organizations/current", {"timezone": "Asia/Kolkata"})
    incident(owner, datetime(2026, 1, 4, 19, 0, tzinfo=UTC))
    found = owner.get("/analytics/incidents", **WINDOW)
    assert [row["start"] for row in found["by_period"] if row["opened"]] == ["2026-01-04T18:30:00.000Z"]
    assert found["period"]["timezone"] == "Asia/Kolkata"


def test_intervals_without_incidents_are_told_as_zero(owner: Person):
    found = owner.get("/analytics/incidents", **WINDOW, interval="week")
    assert [row["opened"] for row in found["by_period"]] == [0] * 5
    assert found["total"]["mttr_seconds"] is None


@pytest.mark.parametrize(
    ("interval", "hours"),
    [("day", [24, 23, 24]), ("hour", [1] * 71)],
)
def test_day_of_the_change_of_clocks_has_its_own_length(interval: str, hours: list[int]):
    berlin = ZoneInfo("Europe/Berlin")
    start, end = (datetime(2026, 3, day, tzinfo=berlin).astimezone(UTC) for day in (28, 31))
    buckets = [*Period(start, end, interval, "Europe/Berlin").buckets(), end]
    lengths = [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(buckets)]
    assert lengths == hours


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"created_after": WINDOW["created_before"], "created_before": WINDOW["created_after"]}, "created_before"),
        ({"created_after": "1900-01-01T00:00:00Z"}, "created_after"),
        ({"created_after": "2020-01-01T00:00:00Z", "interval": "hour"}, "interval"),
        ({"interval": "minute"}, "interval"),
        ({"severity": "info"}, "severity"),
        ({"period": "7d"}, "period"),
    ],
)
def test_period_that_makes_no_sense_is_refused_naming_the_field(owner: Person, query: dict[str, str], field: str):
    answer = owner.call("GET", "/analytics/incidents", query_string=query)
    assert answer.status_code == 422
    assert field in answer.json["details"]


def test_dashboard_tells_how_much_noise_was_spared(owner: Person):
    bodies = [firing("DiskFull", service="db"), firing("Slow", service="db"), resolved("Slow", service="db")]
    for body in bodies:
        owner.push(alertmanager(body))
        owner.hub.work("ingest")
    found = owner.get("/analytics/dashboard")
    noise = found["noise"]
    assert (noise["deliveries"], noise["alerts"], noise["incidents"]) == (3, 2, 1)
    assert (noise["reduction"], noise["firing_now"], noise["by_severity"]) == (round(1 - 1 / 3, 4), 1, {"critical": 2})
    assert [(alert["title"], alert["occurrences"]) for alert in found["top_alerts"]] == [("Slow", 2), ("DiskFull", 1)]


def test_engineer_sees_figures_of_their_own_incidents_only(owner: Person):
    engineer, manager = owner.colleague("engineer"), owner.colleague("manager")
    incident(owner, START, assignee_id=engineer.user_id)
    incident(owner, START, assignee_id=owner.user_id)
    asked = WINDOW | {"assignee": f"user_{owner.user_id.hex}"}
    assert engineer.get("/analytics/incidents", **asked)["total"]["opened"] == 1
    assert engineer.get("/analytics/incidents", **WINDOW)["by_person"][0]["assignee"] == f"user_{engineer.user_id.hex}"
    dashboard = engineer.get("/analytics/dashboard", **WINDOW)
    assert (dashboard["incidents"]["opened"], dashboard["noise"], dashboard["top_alerts"]) == (1, None, None)
    assert manager.get("/analytics/incidents", **WINDOW)["total"]["opened"] == 2


def test_figures_of_another_organization_are_not_counted(owner: Person):
    incident(owner.hub.register(), START)
    assert owner.get("/analytics/incidents", **WINDOW)["total"]["opened"] == 0


def test_procedures_have_figures_before_there_are_any(owner: Person):
    found = owner.get("/analytics/procedures")
    assert (found["total"]["executions"], found["total"]["success_rate"], found["by_procedure"]) == (0, None, [])


def test_procedures_are_told_by_how_their_executions_ended(owner: Person):
    disk, cache = (execution(owner, title) for title in ("Free the disk", "Clear the cache"))
    for ended in ("succeeded", "succeeded", "failed", "cancelled", "running"):
        execution(owner, "", disk, status=ended)
    execution(owner, "", cache, status="succeeded", created_at=START - timedelta(days=40))
    found = owner.get("/analytics/procedures", **WINDOW)
    expected = {
        "executions": 5,
        "succeeded": 2,
        "failed": 1,
        "cancelled": 1,
        "success_rate": 0.6667,
        "mean_seconds": 60,
    }
    assert found["total"] == expected
    assert found["by_procedure"] == [{"id": f"proc_{disk.hex}", "title": "Free the disk"} | expected]


def execution(owner: Person, title: str, procedure_id: UUID | None = None, **fields: Any) -> UUID:
    """Without a procedure: makes one. With one: a run of it that took a minute."""
    row = {"organization_id": owner.organization_id, "id": new_id(), "title": title}
    if procedure_id:
        row |= {"procedure_id": procedure_id, "procedure_version": 1, "steps": "[]", "created_at": START}
        row |= {"started_at": START, "finished_at": START + timedelta(minutes=1)} | fields
    insert(owner, "executions" if procedure_id else "procedures", row)
    return row["id"]


def test_blast_radius_names_who_depends_on_what_fails(owner: Person):
    for name, needs in (("db", []), ("api", ["db"]), ("web", ["api"]), ("mail", [])):
        owner.post("/services", {"name": name, "depends_on": needs, "owner": f"team-{name}"})
    failing = owner.post("/incidents", {"title": "Down", "service": "db"})
    other = owner.post("/incidents", {"title": "Slow", "service": "api"})
    radius = owner.get(f"/incidents/{failing['id']}/blast-radius")
    assert (radius["services"], radius["not_in_catalogue"]) == (["db"], [])
    near, far = radius["touched"]
    assert (near["service"], near["hops"], near["owner"]) == ("api", 1, "team-api")
    assert near["incident_ids"] == [other["id"]]
    assert (far["service"], far["path"], far["incident_ids"]) == ("web", ["db", "api", "web"], [])


def test_blast_radius_of_an_unknown_service_says_so(owner: Person):
    failing = owner.post("/incidents", {"title": "Down", "service": "unknown"})
    radius = owner.get(f"/incidents/{failing['id']}/blast-radius")
    assert radius == {"services": ["unknown"], "not_in_catalogue": ["unknown"], "touched": []}


def test_rates_of_nothing_are_none_and_reduction_is_never_negative():
    assert (rules.rate(0, 0), rules.reduction(0, 5), rules.reduction(2, 5)) == (None, None, 0.0)


def test_dashboard_over_many_alerts_is_fast_and_asks_a_fixed_number_of_times(owner: Person):
    """100,000 alerts with an event each, and 5,000 incidents: little more than one plain look at every alert (1.3)."""
    webhook_made = owner.alertmanager
    integration_id = UUID(hex=webhook_made.partition("int_")[2][:32])
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in _MANY:
            session.execute(text(statement), {"o": owner.organization_id, "i": integration_id})
    _analyze(owner)
    statements: list[str] = []
    engine = owner.hub.runtime.database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _cur, statement, *_: statements.append(statement))
    took, floor = [], []
    for _ in range(5):
        begun = time.perf_counter()
        dashboard = owner.get("/analytics/dashboard")
        took.append(time.perf_counter() - begun)
        with owner.hub.runtime.database.session(owner.organization_id) as session:
            begun = time.perf_counter()
            session.execute(_FLOOR)
            floor.append(time.perf_counter() - begun)
    assert dashboard["noise"]["alerts"] == 100_000
    assert dashboard["incidents"]["opened"] == 5_000
    assert min(took) < 4 * min(floor)
    assert len(statements) / 5 <= 12


# one look at every alert, as plain as it can be
_FLOOR = text("SELECT status, count(DISTINCT service) FROM alerts GROUP BY status")

_MANY = (
    "INSERT INTO deliveries (organization_id, id, integration_id, headers, query, body, status)"
    " VALUES (:o, CAST(lpad('1', 32, '0') AS uuid), :i, '{}', '{}', '', 'processed')",
    "INSERT INTO alerts (organization_id, id, integration_id, dedup_key, platform, title, description, status,"
    " severity, raw_severity, no_data, service, resource, labels, annotations, links, occurrence_count, episode_count,"
    " started_at, last_seen_at, last_occurred_at)"
    " SELECT :o, CAST(lpad(to_hex(n), 32, '0') AS uuid), :i, 'key' || n, 'alertmanager', 'Alert ' || n, '',"
    " CASE WHEN n % 3 = 0 THEN 'firing' ELSE 'resolved' END, (ARRAY['critical', 'high', 'low'])[1 + n % 3], '', false,"
    " 'service' || n % 50, '', '{}', '{}', '[]', 1, 1, now(), now(), now() FROM generate_series(1, 100000) n",
    "INSERT INTO events (organization_id, delivery_id, item, integration_id, alert_id, event_key, state, severity,"
    " occurred_at, received_at, last_received_at, content)"
    " SELECT :o, CAST(lpad('1', 32, '0') AS uuid), n, :i, CAST(lpad(to_hex(n), 32, '0') AS uuid), 'event' || n,"
    " 'firing', 'high', now(), now(), now(), '{}' FROM generate_series(1, 100000) n",
    "INSERT INTO incidents (organization_id, id, title, severity, service, status, created_at)"
    " SELECT :o, CAST(lpad(to_hex(n), 32, '0') AS uuid), 'Incident ' || n, 'high', 'service' || n % 50, 'active',"
    " now() - make_interval(mins => n) FROM generate_series(1, 5000) n",
)


def _analyze(owner: Person) -> None:
    """What autovacuum does within a minute."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine(owner.hub.runtime.settings.owner_database_url, poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE alerts, events, incidents, deliveries"))


def _seconds(row: Row, stamp: str) -> float:
    return (row[stamp] - row["created_at"]).total_seconds()


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _midnight(local: datetime) -> datetime:
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
