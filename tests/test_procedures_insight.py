"""What incidents teach: saved as procedures, stale procedures, gaps."""

from datetime import UTC, datetime, timedelta

from hub.procedures import insight
from tests.factories import Person, alertmanager, firing

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def looked_at(owner: Person):
    return owner.hub.runtime.database.transaction(owner.organization_id)


def solved(owner: Person, **fields) -> dict:
    incident = owner.post("/incidents", {"title": "Checkout is slow", "service": "checkout", "tags": ["eu"]})
    resolution = {"summary": "Raised the pool's size", "root_cause": "Pool exhausted"}
    return owner.patch(f"/incidents/{incident['id']}", {"status": "resolved", "resolution": resolution} | fields)


def test_executed_steps_and_resolution_become_a_draft(owner: Person):
    incident = solved(owner)
    steps = [{"title": "Look", "command": "top -b"}, {"title": "Not this"}]
    procedure = owner.post("/procedures", {"title": "Old", "steps": steps})
    execution = owner.post(f"/procedures/{procedure['id']}/execute", {"context": {"incident_id": incident["id"]}})
    for number, outcome in ((1, "done"), (2, "skipped")):
        owner.post(f"/executions/{execution['id']}/steps/{number}", {"outcome": outcome}, status=200)
    saved = owner.post(f"/incidents/{incident['id']}/procedure")
    assert [(step["title"], step["command"]) for step in saved["steps"]] == [("Look", "top -b"), ("Resolve", None)]
    assert (saved["status"], saved["services"], saved["tags"]) == ("draft", ["checkout"], ["eu"])
    assert "Pool exhausted" in saved["content"]


def test_without_executions_what_people_wrote_becomes_steps(owner: Person):
    incident = solved(owner)
    owner.post(f"/incidents/{incident['id']}/comments", {"body": "Restarted the pool"})
    saved = owner.post(f"/incidents/{incident['id']}/procedure", {"title": "Mine"})
    assert [step["instructions"] for step in saved["steps"]] == ["Restarted the pool", "Raised the pool's size"]
    assert saved["title"] == "Mine"


def test_saving_is_told_in_the_timeline(owner: Person):
    incident = solved(owner)
    saved = owner.post(f"/incidents/{incident['id']}/procedure")
    last = owner.get(f"/incidents/{incident['id']}/timeline")[-1]
    assert (last["kind"], last["data"]["procedure_id"]) == ("saved_as_procedure", saved["id"])


def test_procedure_is_stale_once_its_service_has_changed(owner: Person):
    service = owner.post("/services", {"name": "db", "owner": "Team"})
    owner.post("/procedures", {"title": "Fresh", "services": ["other"]})
    stale = owner.post("/procedures", {"title": "Stale", "services": ["db"]})
    owner.patch(f"/services/{service['id']}", {"owner": "Another team"})
    with looked_at(owner) as session:
        assert [each.title for each in insight.stale_procedures(session)] == ["Stale"]
    owner.patch(f"/procedures/{stale['id']}", {"description": "looked at again"})
    with looked_at(owner) as session:
        assert insight.stale_procedures(session) == []


def test_incidents_of_one_name_without_a_procedure_are_a_gap(owner: Person):
    for number in (1, 2):
        owner.post("/incidents", {"title": f"Disk full on db-{number}", "service": "db"})
    owner.post("/incidents", {"title": "Only once"})
    owner.hub.work("index")
    with looked_at(owner) as session:
        (gap,) = insight.gaps(session, *ALWAYS)
    assert (gap.incident_count, gap.service, len(gap.incident_ids)) == (2, "db", 2)


def test_incidents_with_a_procedure_of_their_name_are_no_gap(owner: Person):
    owner.post("/procedures", {"title": "DiskFull", "content": "# DiskFull\n\nFree space."})
    owner.hub.work("index")
    for number in (1, 2):
        owner.push(alertmanager(firing("DiskFull", number=str(number), service=f"s{number}")))
    owner.hub.work()
    with looked_at(owner) as session:
        assert insight.gaps(session, *ALWAYS) == []


def test_gaps_are_of_the_period(owner: Person):
    for _ in range(2):
        owner.post("/incidents", {"title": "Disk full"})
    now = datetime.now(UTC)
    with looked_at(owner) as session:
        assert insight.gaps(session, now - timedelta(days=2), now - timedelta(days=1)) == []


def test_analytics_tell_stale_procedures_and_gaps(owner: Person):
    service = owner.post("/services", {"name": "db", "owner": "Team"})
    stale = owner.post("/procedures", {"title": "Stale", "services": ["db"]})
    owner.patch(f"/services/{service['id']}", {"owner": "Another team"})
    incidents = [owner.post("/incidents", {"title": f"Zebra {number}", "service": "zoo"}) for number in range(2)]
    told = owner.get("/analytics/procedures")
    assert [(each["id"], each["service"]) for each in told["stale"]] == [(stale["id"], "db")]
    (gap,) = told["gaps"]
    assert (gap["incident_count"], set(gap["incident_ids"])) == (2, {each["id"] for each in incidents})
