"""The way of one event, on the real parts: webhook, delivery, alert, incident, and back."""

from tests.factories import Person, alertmanager, firing, resolved


def test_webhook_becomes_an_incident(owner: Person):
    owner.push(alertmanager(firing("DiskFull", service="db")))
    owner.hub.work()
    (incident,) = owner.get("/incidents")
    assert (incident["title"], incident["severity"], incident["status"]) == ("DiskFull", "critical", "active")
    assert (incident["service"], incident["alert_count"]) == ("db", 1)


def test_receipt_says_what_became_of_the_delivery(owner: Person):
    receipt = owner.push(alertmanager(firing()))
    owner.hub.work()
    assert owner.get(f"/deliveries/{receipt['data']['delivery_id']}")["status"] == "processed"


def test_resolved_alert_closes_its_incident(owner: Person):
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work()
    owner.push(alertmanager(resolved("DiskFull")))
    owner.hub.work()
    assert owner.get("/alerts")[0]["status"] == "resolved"
    assert owner.get("/incidents")[0]["status"] == "resolved"


def test_incident_stays_open_until_its_last_alert_resolves(owner: Person):
    owner.push(alertmanager(firing("DiskFull", instance="a", service="db"), firing("Slow", service="db")))
    owner.hub.work()
    owner.push(alertmanager(resolved("DiskFull", instance="a", service="db")))
    owner.hub.work()
    (incident,) = owner.get("/incidents")
    assert (incident["status"], incident["alert_count"]) == ("active", 2)


def test_alert_that_fires_again_reopens_its_incident(owner: Person):
    for body in (firing("Flaps"), resolved("Flaps"), firing("Flaps") | {"startsAt": "2026-01-05T10:20:00Z"}):
        owner.push(alertmanager(body))
        owner.hub.work()
    (incident,) = owner.get("/incidents")
    (alert,) = owner.get("/alerts")
    assert incident["status"] == "active"
    assert (alert["episode_count"], alert["occurrence_count"]) == (2, 3)


def test_alerts_of_other_services_open_other_incidents(owner: Person):
    owner.push(alertmanager(firing("DiskFull", service="db"), firing("CertificateExpires", service="web")))
    owner.hub.work()
    assert {incident["service"] for incident in owner.get("/incidents")} == {"db", "web"}


def test_reminder_is_a_duplicate_that_only_says_seen_again(owner: Person):
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work()
    receipt = owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work()
    assert owner.get("/alerts")[0]["occurrence_count"] == 1
    assert owner.get(f"/deliveries/{receipt['data']['delivery_id']}")["status"] == "duplicate"


def test_body_that_the_connector_cannot_read_ends_dead_and_neighbours_are_processed(owner: Person):
    bad = owner.push({"alerts": "none"})
    owner.push(alertmanager(firing("DiskFull")))
    owner.hub.work()
    delivery = owner.get(f"/deliveries/{bad['data']['delivery_id']}")
    assert delivery["status"] == "dead"
    assert delivery["reason"].startswith("malformed: body.alerts")
    assert [incident["title"] for incident in owner.get("/incidents")] == ["DiskFull"]
