"""What time alone brings about: expiry, the end of silences, incidents that wait, retention, calm after flapping."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.factories import Person, alertmanager, firing, resolved
from workers import chores


def organization_id(owner: Person) -> UUID:
    return UUID(owner.get("/auth/me")["organization_id"].removeprefix("org_"))


def tell(owner: Person, statement: str, **parameters: Any) -> None:
    with owner.hub.runtime.database.transaction(organization_id(owner)) as session:
        session.execute(text(statement), parameters)


def chore(owner: Person, name: str) -> None:
    """Does the chore whether it is due or not, and what it leaves for the workers."""
    runtime = owner.hub.runtime
    chores.do(runtime, next(chore for chore in chores.chores_of(runtime) if chore.name == name))
    owner.hub.work("ingest")


def push(owner: Person, *alerts: dict[str, Any]) -> None:
    owner.push(alertmanager(*alerts))
    owner.hub.work("ingest")


def expire(owner: Person) -> None:
    """All that fires has been silent for longer than its integration allows."""
    tell(owner, "UPDATE integrations SET expire_after_seconds = 60")
    tell(owner, "UPDATE alerts SET last_seen_at = last_seen_at - interval '2 minutes'")
    tell(owner, "UPDATE events SET last_received_at = last_received_at - interval '2 minutes'")
    chore(owner, "expiry")


def test_silent_alert_expires_and_resolves_its_incident(owner: Person):
    push(owner, firing("DiskFull"))
    expire(owner)
    assert [alert["status"] for alert in owner.get("/alerts")] == ["resolved"]
    assert [incident["status"] for incident in owner.get("/incidents")] == ["resolved"]
    assert owner.get("/deliveries")[0]["origin"] == "expiry"


def test_very_many_alerts_expire_at_once(owner: Person):
    said = {"title": "Disk full", "status": "firing", "timestamp": "2026-01-05T10:00:00Z"}
    owner.push({"events": [said | {"id": str(number)} for number in range(1_000)]}, owner.connect("generic"))
    owner.hub.work("ingest")
    expire(owner)
    assert owner.call("GET", "/alerts?status=firing").json["meta"]["total"] == 0


def test_reminder_after_an_expiry_opens_the_incident_again(owner: Person):
    push(owner, firing("DiskFull"))
    expire(owner)
    push(owner, firing("DiskFull"), firing("DiskFull", instance="b"))
    (incident,) = owner.get("/incidents")
    assert (incident["status"], incident["resolved_at"], incident["alert_count"]) == ("active", None, 2)
    assert "reopened" in [each["kind"] for each in owner.get(f"/incidents/{incident['id']}/timeline")]


def test_alert_that_was_seen_lately_does_not_expire(owner: Person):
    push(owner, firing("DiskFull"))
    tell(owner, "UPDATE integrations SET expire_after_seconds = 60")
    chore(owner, "expiry")
    assert [alert["status"] for alert in owner.get("/alerts")] == ["firing"]


def test_silenced_alert_opens_its_incident_when_the_silence_ends(owner: Person):
    until = datetime.now(UTC) + timedelta(hours=1)
    matchers = '[{"name": "title", "value": "DiskFull", "is_regex": false, "is_equal": true}]'
    tell(
        owner,
        "INSERT INTO silences (organization_id, id, matchers, starts_at, ends_at)"
        " VALUES (:org, gen_random_uuid(), CAST(:matchers AS jsonb), overwatch_now() - interval '1 hour', :until)",
        org=organization_id(owner),
        matchers=matchers,
        until=until,
    )
    push(owner, firing("DiskFull"))
    chore(owner, "silences")
    assert owner.get("/incidents") == []
    tell(owner, "UPDATE silences SET ends_at = overwatch_now()")
    chore(owner, "silences")
    assert [incident["title"] for incident in owner.get("/incidents")] == ["DiskFull"]


@pytest.mark.parametrize("is_hidden_still", [True, False])
def test_alert_opens_its_incident_when_its_silence_is_changed_to_hide_others(owner: Person, is_hidden_still: bool):
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    on = {"name": "title", "value": "DiskFull"}
    silence = owner.post("/silences", {"matchers": [on], "ends_at": until})
    push(owner, firing("DiskFull"))
    matchers = [on if is_hidden_still else on | {"value": "Other"}]
    owner.patch(f"/silences/{silence['id']}", {"matchers": matchers, "comment": "changed"})
    chore(owner, "silences")
    assert [incident["title"] for incident in owner.get("/incidents")] == ["DiskFull"] * (not is_hidden_still)


def test_incident_in_progress_waits_for_its_person_and_then_resolves(owner: Person):
    push(owner, firing("DiskFull"))
    (incident,) = owner.get("/incidents")
    owner.patch(f"/incidents/{incident['id']}", {"status": "in_progress"})
    push(owner, resolved("DiskFull"))
    chore(owner, "waiting incidents")
    assert owner.get("/incidents")[0]["status"] == "in_progress"
    assert "alerts_resolved" in [line["kind"] for line in owner.get(f"/incidents/{incident['id']}/timeline")]
    tell(owner, "UPDATE incidents SET alerts_resolved_at = alerts_resolved_at - interval '61 minutes'")
    chore(owner, "waiting incidents")
    assert owner.get("/incidents")[0]["status"] == "resolved"


def test_incident_stays_open_where_the_organization_resolves_by_hand(owner: Person):
    tell(owner, """UPDATE organizations SET settings = '{"auto_resolve": false}'""")
    push(owner, firing("DiskFull"))
    push(owner, resolved("DiskFull"))
    assert owner.get("/incidents")[0]["status"] == "active"


def test_retention_takes_what_is_old_and_over_and_leaves_what_still_fires(owner: Person):
    push(owner, firing("Over"), firing("StillFiring"))
    push(owner, resolved("Over"))
    for table, columns in {
        "alerts": ("last_seen_at",),
        "deliveries": ("finished_at",),
        "incidents": ("resolved_at",),
    }.items():
        tell(owner, f"UPDATE {table} SET {', '.join(f'{c} = {c} - interval $$400 days$$' for c in columns)}")
    chore(owner, "retention")
    assert [alert["title"] for alert in owner.get("/alerts")] == ["StillFiring"]
    assert len(owner.get("/deliveries")) == 1


@pytest.mark.parametrize(
    ("plan", "days_wanted", "is_kept"),
    [("free", 365, False), ("professional", 365, True), ("professional", 30, False), ("growth", 365, True)],
)
def test_retention_is_what_the_organization_wants_within_its_plan(
    owner: Person, plan: str, days_wanted: int, *, is_kept: bool
):
    push(owner, firing("Over"))
    push(owner, resolved("Over"))
    settings = json.dumps({"incident_retention_days": days_wanted})
    tell(owner, f"UPDATE organizations SET plan = '{plan}', settings = '{settings}'")
    tell(owner, "UPDATE alerts SET last_seen_at = last_seen_at - interval '31 days'")
    chore(owner, "retention")
    assert [alert["title"] for alert in owner.get("/alerts")] == ["Over"] * is_kept


def test_what_the_auditor_finds_is_logged(owner: Person, caplog: pytest.LogCaptureFixture):
    push(owner, firing("DiskFull"))
    chore(owner, "audit")
    assert f"promise broken in organization {organization_id(owner)}" not in caplog.text
    tell(owner, "UPDATE alerts SET occurrence_count = 7")
    chore(owner, "audit")
    broken = f"promise broken in organization {organization_id(owner)}: every alert names the events that caused it"
    assert broken in caplog.text


def test_alert_that_begins_again_and_again_is_flapping_until_it_calms_down(owner: Person):
    for minute in range(0, 40, 10):
        push(owner, firing("Flaps") | {"startsAt": f"2026-01-05T10:{minute:02}:00Z"})
        push(owner, resolved("Flaps", after_minutes=minute + 5))
    assert flapping(owner) == [True]
    chore(owner, "flapping")
    assert flapping(owner) == [False]


def flapping(owner: Person) -> list[bool]:
    with owner.hub.runtime.database.transaction(organization_id(owner)) as session:
        return list(session.scalars(text("SELECT is_flapping FROM alerts")))
