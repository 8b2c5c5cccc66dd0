"""Merging, splitting and moving: alerts go where people put them, and everything can be undone."""

from typing import Any

from tests.factories import Person, alertmanager, firing, resolved


def two_incidents(owner: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    """One of the service db with the alert DiskFull, one of web with CertificateExpires."""
    owner.push(alertmanager(firing("DiskFull", service="db"), firing("CertificateExpires", service="web")))
    owner.hub.work("ingest")
    found = {incident["service"]: incident for incident in owner.get("/incidents")}
    return found["db"], found["web"]


def alert_named(owner: Person, title: str) -> dict[str, Any]:
    return next(alert for alert in owner.get("/alerts") if alert["title"] == title)


def titles(owner: Person, incident: dict[str, Any]) -> list[str]:
    return sorted(alert["title"] for alert in owner.get(f"/incidents/{incident['id']}/alerts"))


def test_merge_moves_all_alerts_and_closes_the_merged_incident(owner: Person):
    db, web = two_incidents(owner)
    merged = owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=200)
    assert (merged["id"], merged["alert_count"]) == (web["id"], 2)
    assert titles(owner, web) == ["CertificateExpires", "DiskFull"]
    left = owner.get(f"/incidents/{db['id']}")
    assert (left["status"], left["merged_into"], left["alert_count"]) == ("closed", web["id"], 0)
    assert alert_named(owner, "DiskFull")["incident_id"] == web["id"]


def test_split_of_a_merged_incident_undoes_the_merge(owner: Person):
    db, web = two_incidents(owner)
    owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=200)
    owner.post(f"/incidents/{db['id']}/split")
    again = owner.get(f"/incidents/{db['id']}")
    changed = {"updated_at"}
    assert {k: v for k, v in again.items() if k not in changed} == {k: v for k, v in db.items() if k not in changed}
    assert (titles(owner, db), titles(owner, web)) == (["DiskFull"], ["CertificateExpires"])
    assert owner.get(f"/incidents/{web['id']}/timeline")[-1]["kind"] == "merge_undone"


def test_merge_is_told_in_both_timelines(owner: Person):
    db, web = two_incidents(owner)
    owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=200)
    told = [owner.get(f"/incidents/{each['id']}/timeline")[-1] for each in (db, web)]
    assert [entry["kind"] for entry in told] == ["merged_into", "merged"]
    assert [entry["data"]["incident_id"] for entry in told] == [web["id"], db["id"]]


def test_audit_log_names_both_incidents_as_the_api_does(owner: Person):
    db, web = two_incidents(owner)
    owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=200)
    entry = owner.get("/audit-log", action="incidents:merge")[0]
    assert (entry["subject"], entry["detail"]["into_incident_id"]) == (db["id"], web["id"])


def test_merged_incident_cannot_be_moved_or_merged_again(owner: Person):
    db, web = two_incidents(owner)
    owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=200)
    owner.patch(f"/incidents/{db['id']}", {"status": "active"}, status=409)
    owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=409)
    owner.post(f"/incidents/{web['id']}/merge", {"into": db["id"]}, status=409)


def test_merges_are_undone_in_the_reverse_order(owner: Person):
    db, web = two_incidents(owner)
    last = owner.post("/incidents", {"title": "The whole thing"})
    owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=200)
    owner.post(f"/incidents/{web['id']}/merge", {"into": last["id"]}, status=200)
    owner.post(f"/incidents/{db['id']}/split", {}, status=409)
    owner.post(f"/incidents/{web['id']}/split")
    owner.post(f"/incidents/{db['id']}/split")
    assert (titles(owner, db), titles(owner, web), titles(owner, last)) == (["DiskFull"], ["CertificateExpires"], [])


def test_merge_without_sense_is_refused(owner: Person):
    db, web = two_incidents(owner)
    path = f"/incidents/{db['id']}/merge"
    owner.post(path, {"into": db["id"]}, status=422)
    owner.post(path, {"into": "inc_00000000000070008000000000000000"}, status=422)
    owner.patch(f"/incidents/{web['id']}", {"status": "resolved"})
    owner.post(path, {"into": web["id"]}, status=409)


def test_split_takes_alerts_into_a_new_incident(owner: Person):
    owner.push(alertmanager(firing("DiskFull", instance="a", service="db"), firing("Slow", service="db")))
    owner.hub.work("ingest")
    (incident,) = owner.get("/incidents")
    new = owner.post(f"/incidents/{incident['id']}/split", {"alert_ids": [alert_named(owner, "Slow")["id"]]})
    assert (new["title"], new["status"], new["alert_count"], new["service"]) == ("Slow", "active", 1, "db")
    assert (titles(owner, incident), titles(owner, new)) == (["DiskFull"], ["Slow"])
    assert owner.get(f"/incidents/{incident['id']}")["alert_count"] == 1
    assert owner.get(f"/incidents/{new['id']}/why")[0]["moves"][0]["from_incident_id"] == incident["id"]


def test_split_of_alerts_that_are_not_in_the_incident_changes_nothing(owner: Person):
    db, web = two_incidents(owner)
    ids = [alert_named(owner, title)["id"] for title in ("DiskFull", "CertificateExpires")]
    owner.post(f"/incidents/{db['id']}/split", {"alert_ids": ids}, status=422)
    owner.post(f"/incidents/{db['id']}/split", {}, status=422)
    assert (titles(owner, db), titles(owner, web)) == (["DiskFull"], ["CertificateExpires"])
    assert len(owner.get("/incidents")) == 2


def test_split_that_would_leave_no_alert_changes_nothing(owner: Person):
    db, _ = two_incidents(owner)
    ids = [alert_named(owner, "DiskFull")["id"]]
    refused = owner.call("POST", f"/incidents/{db['id']}/split", json={"alert_ids": ids})
    assert (refused.status_code, list(refused.json["details"])) == (422, ["alert_ids"])
    assert (titles(owner, db), len(owner.get("/incidents"))) == (["DiskFull"], 2)


def test_split_incident_goes_on_by_itself(owner: Person):
    db, web = two_incidents(owner)
    owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=200)
    new = owner.post(f"/incidents/{web['id']}/split", {"alert_ids": [alert_named(owner, "DiskFull")["id"]]})
    owner.push(alertmanager(resolved("DiskFull", service="db")))
    owner.hub.work("ingest")
    assert owner.get(f"/incidents/{new['id']}")["status"] == "resolved"
    assert owner.get(f"/incidents/{web['id']}")["status"] == "active"


def half_resolved(owner: Person) -> dict[str, Any]:
    """An incident of which DiskFull has resolved and Slow fires."""
    owner.push(alertmanager(firing("DiskFull", service="db"), firing("Slow", service="db")))
    owner.hub.work("ingest")
    owner.push(alertmanager(resolved("DiskFull", service="db")))
    owner.hub.work("ingest")
    (incident,) = owner.get("/incidents")
    return incident


def test_incident_left_by_its_last_firing_alert_resolves(owner: Person):
    incident = half_resolved(owner)
    other = owner.post("/incidents", {"title": "The network"})
    owner.patch(f"/alerts/{alert_named(owner, 'Slow')['id']}", {"incident_id": other["id"]})
    left = owner.get(f"/incidents/{incident['id']}")
    assert (left["status"], left["resolved_at"] is not None) == ("resolved", True)
    assert [entry["kind"] for entry in owner.get(f"/incidents/{incident['id']}/timeline")][-2:] == [
        "alert_left",
        "resolved",
    ]
    assert owner.get(f"/incidents/{other['id']}")["status"] == "active"


def test_incident_resolves_when_its_last_firing_alert_is_split_off(owner: Person):
    incident = half_resolved(owner)
    new = owner.post(f"/incidents/{incident['id']}/split", {"alert_ids": [alert_named(owner, "Slow")["id"]]})
    assert new["status"] == "active"
    assert owner.get(f"/incidents/{incident['id']}")["status"] == "resolved"


def test_split_leaves_an_incident_in_progress_to_who_works_on_it(owner: Person):
    incident = half_resolved(owner)
    owner.patch(f"/incidents/{incident['id']}", {"status": "in_progress"})
    owner.post(f"/incidents/{incident['id']}/split", {"alert_ids": [alert_named(owner, "Slow")["id"]]})
    assert owner.get(f"/incidents/{incident['id']}")["status"] == "in_progress"
    assert owner.get(f"/incidents/{incident['id']}/timeline")[-1]["kind"] == "alerts_resolved"


def test_undone_merge_resolves_what_has_resolved_meanwhile(owner: Person):
    db, web = two_incidents(owner)
    owner.post(f"/incidents/{db['id']}/merge", {"into": web["id"]}, status=200)
    owner.push(alertmanager(resolved("DiskFull", service="db")))
    owner.hub.work("ingest")
    owner.post(f"/incidents/{db['id']}/split")
    assert [owner.get(f"/incidents/{each['id']}")["status"] for each in (db, web)] == ["resolved", "active"]


def test_alert_is_moved_to_another_incident(owner: Person):
    db, web = two_incidents(owner)
    alert = alert_named(owner, "DiskFull")
    moved = owner.patch(f"/alerts/{alert['id']}", {"incident_id": web["id"]})
    assert moved["incident_id"] == web["id"]
    assert [owner.get(f"/incidents/{each['id']}")["alert_count"] for each in (db, web)] == [0, 2]
    kinds = [owner.get(f"/incidents/{each['id']}/timeline")[-1]["kind"] for each in (db, web)]
    assert kinds == ["alert_left", "alert_joined"]


def test_alerts_are_not_moved_into_incidents_that_are_over(owner: Person):
    _, web = two_incidents(owner)
    path = f"/alerts/{alert_named(owner, 'DiskFull')['id']}"
    owner.patch(f"/incidents/{web['id']}", {"status": "resolved"})
    owner.patch(path, {"incident_id": web["id"]}, status=409)
    owner.patch(path, {"incident_id": "inc_00000000000070008000000000000000"}, status=422)


def test_what_a_rule_groups_follows_the_merge_and_its_undoing(owner: Person):
    owner.post("/rules", {"name": "By service", "action": "group", "group_by": ["service"]})
    db, _ = two_incidents(owner)
    made = owner.post("/incidents", {"title": "All of it", "severity": "high"})
    owner.post(f"/incidents/{db['id']}/merge", {"into": made["id"]}, status=200)
    owner.push(alertmanager(firing("Replication lags", service="db")))
    owner.hub.work("ingest")
    assert alert_named(owner, "Replication lags")["incident_id"] == made["id"]
    owner.post(f"/incidents/{db['id']}/split", {}, status=201)
    owner.push(alertmanager(firing("No connections", service="db")))
    owner.hub.work("ingest")
    assert alert_named(owner, "No connections")["incident_id"] == db["id"]


def test_alert_that_no_incident_has_is_put_into_one(owner: Person):
    owner.patch("/organizations/current", {"settings": {"incident_threshold": "critical"}})
    owner.push(alertmanager(firing("DiskFull", severity="warning")))
    owner.hub.work("ingest")
    alert, made = alert_named(owner, "DiskFull"), owner.post("/incidents", {"title": "Disks", "severity": "high"})
    assert alert["incident_id"] is None
    owner.patch(f"/alerts/{alert['id']}", {"incident_id": made["id"]})
    assert titles(owner, made) == ["DiskFull"]
    (why,) = owner.get(f"/incidents/{made['id']}/why")
    assert why["step"] == "threshold"
    owner.push(alertmanager(resolved("DiskFull", severity="warning")))
    owner.hub.work("ingest")
    assert owner.get(f"/incidents/{made['id']}")["status"] == "resolved"
