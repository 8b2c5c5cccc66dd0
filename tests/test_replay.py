"""Replay: normalised again, events replaced, alerts computed anew; the whole history gives the same state again."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.alerts.state_hash import state_hash
from hub.contracts import Event, State
from hub.contracts.errors import Conflict
from tests.factories import Person, alertmanager, firing, resolved
from workers.rebuilding import rebuild

ALERTMANAGER = "plugins.alertmanager.Alertmanager.normalise"


def session_of(owner: Person) -> Session:
    organization_id = UUID(owner.get("/auth/me")["organization_id"].removeprefix("org_"))
    return owner.hub.runtime.database.session(organization_id)


def hash_of(owner: Person) -> str:
    with session_of(owner) as session:
        return state_hash(session)


def grouping_of(owner: Person) -> set[frozenset[str]]:
    """Which alerts share an incident."""
    incidents = owner.get("/incidents", limit=200)
    return {frozenset(a["dedup_key"] for a in owner.get(f"/incidents/{i['id']}/alerts")) for i in incidents}


def delivery_id_of(receipt: dict) -> str:
    return receipt["data"]["delivery_id"]


def storm(owner: Person) -> None:
    for body in (
        alertmanager(firing("DiskFull", service="db"), firing("DiskFull", service="db", instance="b")),
        alertmanager(firing("CertificateExpires", service="web")),
        alertmanager(firing("DiskFull", service="db")),
        alertmanager(resolved("DiskFull", service="db")),
        alertmanager(firing("DiskFull", service="db") | {"startsAt": "2026-01-05T10:20:00Z"}),
        alertmanager(firing("DiskFillsUp", job="x", service="")),
        {"alerts": "none"},
    ):
        owner.push(body)
        owner.hub.work("ingest")


def test_everything_replayed_into_an_empty_database_gives_the_same_state(owner: Person):
    storm(owner)
    before, grouped = hash_of(owner), grouping_of(owner)
    with session_of(owner) as session:
        session.execute(text("DELETE FROM alerts"))
        session.execute(text("DELETE FROM incidents"))
        session.commit()
    assert owner.get("/alerts") == []
    assert owner.post("/deliveries/replay", {}, status=202)["delivery_count"] == 7
    owner.hub.work("ingest")
    assert (hash_of(owner), grouping_of(owner)) == (before, grouped)


def test_everything_replayed_into_an_empty_hub_comes_to_the_same_state(owner: Person, tmp_path: Path):
    storm(owner)
    found = {each.organization_id: each for each in rebuild(owner.hub.runtime.settings, tmp_path)}
    mine = found[owner.organization_id]
    assert (mine.delivery_count, mine.before, mine.after) == (7, hash_of(owner), hash_of(owner))
    assert all(each.is_same for each in found.values())


def test_everything_is_replayed_only_when_all_have_an_outcome(owner: Person, tmp_path: Path):
    owner.push(alertmanager(firing("DiskFull")))
    with pytest.raises(Conflict, match="not worked on yet"):
        list(rebuild(owner.hub.runtime.settings, tmp_path))
    owner.hub.work("ingest")


def test_replay_in_place_changes_nothing(owner: Person):
    storm(owner)
    before, grouped = hash_of(owner), grouping_of(owner)
    owner.post("/deliveries/replay", {"status": ["processed", "duplicate"]}, status=202)
    owner.hub.work("ingest")
    assert (hash_of(owner), grouping_of(owner)) == (before, grouped)
    assert len(owner.get("/incidents")) == len(grouped)


def test_replay_of_one_delivery_leaves_what_others_said_of_its_alerts(owner: Person):
    receipt = owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    owner.push(alertmanager(firing("DiskFull"), firing("Slow")))
    owner.hub.work("ingest")
    before = hash_of(owner)
    owner.post(f"/deliveries/{delivery_id_of(receipt)}/replay", status=202)
    owner.hub.work("ingest")
    assert hash_of(owner) == before


def test_replay_after_a_fix_replaces_what_the_delivery_said(owner: Person, monkeypatch: pytest.MonkeyPatch):
    receipt = owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    fixed = Event(title="Disk is full", state=State.FIRING, dedup_key="better key")
    monkeypatch.setattr(ALERTMANAGER, lambda *_: [fixed])
    owner.post(f"/deliveries/{delivery_id_of(receipt)}/replay", status=202)
    owner.hub.work("ingest")
    assert [alert["title"] for alert in owner.get("/alerts")] == ["Disk is full"]


def test_dry_run_says_what_would_change_and_changes_nothing(owner: Person, monkeypatch: pytest.MonkeyPatch):
    receipt = owner.push({"alerts": "none"})
    owner.hub.work("ingest")
    fixed = Event(title="Disk is full", state=State.FIRING, dedup_key="key")
    monkeypatch.setattr(ALERTMANAGER, lambda *_: [fixed])
    report = owner.post("/deliveries/replay", {"dry_run": True, "status": "dead"}, status=202)
    assert report["deliveries"] == [{"delivery_id": delivery_id_of(receipt), "before": "dead", "after": "processed"}]
    assert [(each["alert_id"], each["after"]["title"]) for each in report["alerts"]] == [(None, "Disk is full")]
    assert owner.get("/alerts") == []
    assert owner.get(f"/deliveries/{delivery_id_of(receipt)}")["status"] == "dead"


def test_replay_that_fails_leaves_what_the_delivery_said_before(owner: Person, monkeypatch: pytest.MonkeyPatch):
    receipt = owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    monkeypatch.setattr(ALERTMANAGER, lambda *_: None)
    owner.post(f"/deliveries/{delivery_id_of(receipt)}/replay", status=202)
    owner.hub.work("ingest")
    assert owner.get(f"/deliveries/{delivery_id_of(receipt)}")["status"] == "dead"
    assert [alert["title"] for alert in owner.get("/alerts")] == ["DiskFull"]


def test_receipt_tells_stages_and_what_each_event_became(owner: Person):
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work("ingest")
    receipt = owner.push(alertmanager(firing("DiskFull"), firing("Slow")))
    owner.hub.work("ingest")
    told = owner.get(f"/deliveries/{delivery_id_of(receipt)}")
    assert [item["outcome"] for item in told["alerts"]] == ["repeat", "new"]
    assert set(told["stages"]) == {"claimed", "normalised", "deduplicated", "correlated"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at) for at in told["stages"].values())
    assert {item["alert_id"] for item in told["alerts"]} == {alert["id"] for alert in owner.get("/alerts")}


def test_body_is_given_back_byte_by_byte(owner: Person):
    answer = owner.hub.http.post(owner.alertmanager, data=b'{"alerts" :\n []}')
    delivery_id = delivery_id_of(answer.json)
    assert owner.call("GET", f"/deliveries/{delivery_id}/body").data == b'{"alerts" :\n []}'


def test_replay_of_a_foreign_delivery_is_not_found(owner: Person):
    receipt = owner.push(alertmanager(firing("DiskFull")))
    stranger = owner.hub.register()
    stranger.post(f"/deliveries/{delivery_id_of(receipt)}/replay", status=404)
