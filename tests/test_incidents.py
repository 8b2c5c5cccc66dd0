"""Incidents as people use them: fields, moves, assignment, comments, timeline, report, deletion."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.colleagues import colleague, listed
from tests.factories import Person, alertmanager, firing, resolved


def opened(person: Person, **fields: Any) -> dict[str, Any]:
    return person.post("/incidents", {"title": "Checkout is slow"} | fields)


def kinds(person: Person, incident: dict[str, Any]) -> list[str]:
    return [entry["kind"] for entry in person.get(f"/incidents/{incident['id']}/timeline")]


def test_incident_has_every_field_of_the_contract(owner: Person):
    incident = opened(owner, tags=["a", "b", "a"], links=[{"title": "Board", "url": "https://example.org/x"}])
    assert incident["severity"] == "medium"
    assert (incident["tags"], incident["source"], incident["alert_count"]) == (["a", "b"], "manual", 0)
    assert incident["links"] == [{"title": "Board", "url": "https://example.org/x"}]
    empty = ("assignee", "resolution", "acknowledged_at", "resolved_at", "closed_at", "merged_into")
    assert {incident[name] for name in empty} == {None}


def test_moves_stamp_their_times_and_the_first_acknowledgement_counts(owner: Person):
    path = f"/incidents/{opened(owner)['id']}"
    first = owner.patch(path, {"status": "in_progress"})["acknowledged_at"]
    ended = [owner.patch(path, {"status": status}) for status in ("resolved", "closed")]
    assert ended[0]["resolved_at"]
    assert ended[1]["closed_at"]
    reopened = owner.patch(path, {"status": "active"})
    assert (reopened["resolved_at"], reopened["closed_at"]) == (None, None)
    assert owner.patch(path, {"status": "in_progress"})["acknowledged_at"] == first


@pytest.mark.parametrize(
    ("way", "wanted", "allowed"),
    [
        ([], "closed", "in_progress or resolved"),
        (["in_progress"], "active", "resolved"),
        (["resolved"], "in_progress", "active or closed"),
        (["resolved", "closed"], "resolved", "active"),
    ],
)
def test_move_that_is_not_allowed_is_409_naming_those_that_are(
    owner: Person, way: list[str], wanted: str, allowed: str
):
    path = f"/incidents/{opened(owner)['id']}"
    for status in way:
        owner.patch(path, {"status": status})
    answer = owner.call("PATCH", path, json={"status": wanted})
    assert answer.status_code == 409
    assert answer.json["error"].endswith(f"can only move to {allowed}.")


def test_put_changes_as_patch_does(owner: Person):
    incident = opened(owner)
    answer = owner.call("PUT", f"/incidents/{incident['id']}", json={"title": "Checkout is down"})
    assert answer.json["data"] == incident | {
        "title": "Checkout is down",
        "updated_at": answer.json["data"]["updated_at"],
    }


def test_fifty_parallel_changes_are_each_answered_and_none_is_lost_in_silence(owner: Person):
    path = f"/incidents/{opened(owner)['id']}"

    def change(number: int) -> int:
        return owner.call("PATCH", path, json={"status": ["in_progress", "resolved", "active"][number % 3]}).status_code

    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(change, range(50)))
    assert set(statuses) <= {200, 409}
    moves = [e for e in owner.get(f"{path}/timeline", limit=200) if e["kind"] == "status"]
    places = ["active", *(move["data"]["to"] for move in moves)]
    assert [move["data"]["from"] for move in moves] == places[:-1]
    assert owner.get(path)["status"] == places[-1]


def test_parallel_changes_of_one_version_let_one_through(owner: Person):
    path = f"/incidents/{opened(owner)['id']}"
    version = {"If-Match": owner.call("GET", path).headers["ETag"]}

    def change(number: int) -> int:
        return owner.call("PATCH", path, json={"title": f"Number {number}"}, headers=version).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(change, range(8))) == [200, *[412] * 7]


def test_assignee_is_a_person_or_nobody(owner: Person):
    ada = colleague(owner, "engineer", "Ada Lovelace")
    path = f"/incidents/{opened(owner)['id']}"
    assigned = owner.patch(path, {"assignee": ada.public_id})
    assert assigned["assignee"] == {"id": ada.public_id, "name": "Ada Lovelace", "email": ada.email}
    assert owner.get("/incidents", assignee=ada.public_id) == [assigned]
    assert owner.patch(path, {"assignee": None})["assignee"] is None
    assert len(owner.get("/incidents", assignee="none")) == 1


def test_only_people_of_the_organization_can_be_assigned(owner: Person):
    stranger = owner.hub.register()
    answer = owner.call("POST", "/incidents", json={"title": "Slow", "assignee": stranger.tokens["user"]["id"]})
    assert (answer.status_code, list(answer.json["details"])) == (422, ["assignee"])


def test_engineers_change_incidents_but_do_not_assign_or_delete_them(owner: Person):
    ada = colleague(owner, "engineer", "Ada")
    path = f"/incidents/{opened(ada)['id']}"
    ada.patch(path, {"severity": "high"})
    ada.patch(path, {"assignee": ada.public_id}, status=403)
    ada.delete(path, status=403)


def test_whoever_acknowledges_takes_the_incident_when_the_organization_wants_it_so(owner: Person):
    owner.patch("/organizations/current", {"settings": {"auto_assign_incidents": True}})
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    (incident,) = owner.get("/incidents")
    ada = colleague(owner, "engineer", "Ada")
    assert ada.patch(f"/incidents/{incident['id']}", {"status": "in_progress"})["assignee"]["name"] == "Ada"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "open"}, {"api", "db"}),
        ({"status": "resolved,closed"}, {"web"}),
        ({"severity": "critical,high"}, {"api", "web"}),
        ({"service": "db"}, {"db"}),
        ({"tag": "eu,us"}, {"api", "db"}),
        ({"source": "manual"}, {"api", "db", "web"}),
        ({"q": "CHECKOUT timeouts"}, {"api"}),
        ({"q": "100%"}, {"db"}),
        ({"created_after": "2199-01-01T00:00:00Z"}, set()),
        ({"created_before": "2199-01-01T00:00:00Z", "severity": "low"}, {"db"}),
    ],
)
def test_incidents_are_filtered(owner: Person, query: dict[str, str], found: set[str]):
    opened(owner, service="api", severity="critical", tags=["eu"], description="Timeouts everywhere")
    opened(owner, service="db", severity="low", tags=["us", "x"], title="Disk is 100% full")
    web = opened(owner, service="web", severity="high", title="Certificate")
    owner.patch(f"/incidents/{web['id']}", {"status": "resolved"})
    assert {incident["service"] for incident in listed(owner, "/incidents", urlencode(query))} == found


def test_deleted_incident_is_gone_from_search_at_once_and_kept_in_the_audit_log(owner: Person):
    incident = opened(owner, title="Ingress certificate expired")
    owner.hub.work("index")
    assert owner.post("/search/query", {"query": "Ingress certificate expired"}, status=200)
    owner.delete(f"/incidents/{incident['id']}")
    assert owner.post("/search/query", {"query": "Ingress certificate expired"}, status=200) == []
    owner.get(f"/incidents/{incident['id']}", status=404)
    (entry,) = owner.get("/audit-log", action="incidents:delete")
    assert (entry["subject"], entry["detail"]["title"]) == (incident["id"], "Ingress certificate expired")


def test_alerts_of_a_deleted_incident_stay(owner: Person):
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    owner.delete(f"/incidents/{owner.get('/incidents')[0]['id']}")
    (alert,) = owner.get("/alerts")
    assert alert["incident_id"] is None


def test_comment_mentions_people_by_name(owner: Person):
    ada = colleague(owner, "engineer", "Ada Lovelace")
    incident = opened(owner)
    body = "@ada.lovelace and @nobody: look, `@grace` is code"
    comment = owner.post(f"/incidents/{incident['id']}/comments", {"body": body})
    assert [person["id"] for person in comment["mentions"]] == [ada.public_id]
    assert comment["author"]["id"] == owner.tokens["user"]["id"]
    assert owner.get(f"/incidents/{incident['id']}/comments") == [comment]


@pytest.mark.parametrize("body", [{"body": " \n"}, {"body": "x" * 20_001}, {}, {"body": 5}])
def test_comment_without_sense_is_refused(owner: Person, body: dict[str, Any]):
    owner.post(f"/incidents/{opened(owner)['id']}/comments", body, status=422)


def test_comment_of_a_megabyte_is_too_large(owner: Person):
    owner.post(f"/incidents/{opened(owner)['id']}/comments", {"body": "x" * 1_000_000}, status=413)


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": [f"tag{number}" for number in range(10_000)]},
        {"tags": [" "]},
        {"links": [{"url": "javascript:alert(1)"}]},
        {"resolution": {"summary": ""}},
        {"title": "  "},
        {"assignee": "user_x"},
        {"status": "open"},
        {"created_at": "2026-01-01T00:00:00Z"},
    ],
)
def test_change_without_sense_is_refused(owner: Person, fields: dict[str, Any]):
    owner.patch(f"/incidents/{opened(owner)['id']}", fields, status=422)


def test_timeline_tells_everything_oldest_first_with_public_ids(owner: Person):
    ada = colleague(owner, "engineer", "Ada")
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    (incident,) = owner.get("/incidents")
    path = f"/incidents/{incident['id']}"
    owner.patch(path, {"status": "in_progress", "assignee": ada.public_id})
    owner.post(f"{path}/comments", {"body": "On it, @ada"})
    timeline = owner.get(f"{path}/timeline")
    assert [entry["kind"] for entry in timeline] == ["opened", "alert_joined", "status", "assigned", "comment"]
    assert timeline[1]["data"]["alert_id"] == owner.get("/alerts")[0]["id"]
    assert timeline[1]["data"]["why"]["step"] == "new"
    assert timeline[3]["data"]["assignee_id"] == ada.public_id
    assert timeline[4]["data"]["user_ids"] == [ada.public_id]
    assert (timeline[0]["actor"], timeline[4]["actor_name"]) == ("hub", owner.get("/auth/me")["name"])


def test_why_explains_each_alert(owner: Person):
    owner.push(alertmanager(firing("DiskFull", instance="a", service="db"), firing("Slow", service="db")))
    owner.hub.work("ingest")
    (incident,) = owner.get("/incidents")
    reasons = owner.get(f"/incidents/{incident['id']}/why")
    assert [(reason["title"], reason["step"]) for reason in reasons] == [("DiskFull", "new"), ("Slow", "topology")]
    assert reasons[1]["matched"]["service"] == "db"
    assert reasons[1]["seconds_apart"] is not None
    assert {"rule", "version", "similarity", "threshold", "runner_up", "moves"} <= reasons[1].keys()


def test_report_tells_the_whole_story_in_markdown(owner: Person):
    owner.push(alertmanager(firing("DiskFull", service="db")))
    owner.hub.work("ingest")
    owner.push(alertmanager(resolved("DiskFull", service="db")))
    owner.hub.work("ingest")
    path = f"/incidents/{owner.get('/incidents')[0]['id']}"
    owner.patch(path, {"resolution": {"summary": "Grew the volume", "root_cause": "Logs were kept for ever"}})
    owner.post(f"{path}/comments", {"body": "<b>see</b> | board"})
    report = owner.get(f"{path}/report")["markdown"]
    sections = [line for line in report.splitlines() if line.startswith("#")]
    assert sections[0] == "# Post-incident report: DiskFull"
    assert sections[1:] == ["## Summary", "## Impact", "## Timeline", "## Resolution", "## Metrics"]
    assert "Grew the volume" in report
    assert "Comment: \\<b\\>see\\</b\\> \\| board" in report
    plain = owner.call("GET", f"{path}/report", headers={"Accept": "text/markdown"})
    assert (plain.mimetype, plain.text.startswith("# Post-incident")) == ("text/markdown", True)


def test_incidents_of_others_do_not_exist(owner: Person):
    path = f"/incidents/{opened(owner)['id']}"
    stranger = owner.hub.register()
    for rest in ("", "/comments", "/timeline", "/alerts", "/why", "/report"):
        stranger.get(f"{path}{rest}", status=404)
    stranger.patch(path, {"title": "Mine"}, status=404)
    stranger.post(f"{path}/comments", {"body": "Hello"}, status=404)
    stranger.post(f"{path}/split", {}, status=404)
    stranger.delete(path, status=404)


def test_severity_that_rises_with_an_alert_is_told_in_the_timeline(owner: Person):
    owner.push(alertmanager(firing("DiskFull", service="db", severity="warning")))
    owner.hub.work("ingest")
    owner.push(alertmanager(firing("DiskBroken", service="db", severity="critical")))
    owner.hub.work("ingest")
    (incident,) = owner.get("/incidents")
    assert incident["severity"] == "critical"
    (changed,) = [each for each in owner.get(f"/incidents/{incident['id']}/timeline") if each["kind"] == "changed"]
    assert changed["data"] == {"fields": ["severity"], "from": "medium", "to": "critical"}
