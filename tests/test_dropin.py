"""Senders of PagerDuty, Alertmanager and Opsgenie change only their address."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import opsgenie_sdk
import pytest
from httpx2 import WSGITransport
from pagerduty import EventsApiV2Client
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from tests.external import Prometheus
from tests.factories import Hub, Person
from tests.system import eventually

EVENT = {"summary": "Disk is full", "source": "web-1", "severity": "critical", "component": "checkout"}


def token_of(webhook: str) -> str:
    return webhook.partition("token=")[2]


def enqueue(hub: Hub, token: str, action: str, **more: Any) -> TestResponse:
    body = {"routing_key": token, "event_action": action, "payload": EVENT} | more
    return hub.http.post("/v2/enqueue", json=body)


@contextmanager
def served(hub: Hub) -> Iterator[str]:
    """The hub's API on a socket, for clients of their own; its address."""
    server = make_server("127.0.0.1", 0, hub.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def states(owner: Person) -> list[tuple[str, str]]:
    return [(alert["title"], alert["status"]) for alert in owner.get("/alerts")]


@pytest.mark.parametrize(
    ("action", "status"), [("trigger", "firing"), ("acknowledge", "acknowledged"), ("resolve", "resolved")]
)
def test_pagerduty_event_takes_effect(hub: Hub, owner: Person, action: str, status: str):
    token = token_of(owner.connect("pagerduty"))
    key = enqueue(hub, token, "trigger").json["dedup_key"]
    answer = enqueue(hub, token, action, dedup_key=key)
    hub.work("ingest")
    assert (answer.status_code, answer.json["status"], answer.json["dedup_key"]) == (202, "success", key)
    assert states(owner) == [("Disk is full", status)]


def test_routing_key_is_not_kept_with_the_body(hub: Hub, owner: Person):
    token = token_of(owner.connect("pagerduty"))
    enqueue(hub, token, "trigger")
    (delivery,) = owner.get("/deliveries")
    assert token not in owner.call("GET", f"/deliveries/{delivery['id']}/body").text


def test_alert_that_comes_back_at_once_fires_again(hub: Hub, owner: Person):
    token = token_of(owner.connect("pagerduty"))
    for action in ("trigger", "resolve", "trigger"):
        enqueue(hub, token, action, dedup_key="disk")
    hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert (alert["status"], alert["episode_count"]) == ("firing", 2)


@pytest.mark.parametrize(
    ("kind", "status"), [("trigger", "firing"), ("acknowledge", "acknowledged"), ("resolve", "resolved")]
)
def test_event_of_version_one_takes_effect(hub: Hub, owner: Person, kind: str, status: str):
    token = token_of(owner.connect("pagerduty"))
    event = {"service_key": token, "incident_key": "web-1/HTTP", "details": {"severity": "warning", "host": "web-1"}}
    path = "/generic/2010-04-15/create_event.json"
    hub.http.post(path, json=event | {"event_type": "trigger", "description": "HTTP is down"})
    answer = hub.http.post(path, json=event | {"event_type": kind, "description": "HTTP is down"})
    hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert (answer.status_code, answer.json["incident_key"]) == (200, "web-1/HTTP")
    assert [alert[name] for name in ("title", "status", "severity", "resource")] == [
        "HTTP is down",
        status,
        "medium",
        "web-1",
    ]


def test_event_of_version_one_that_pagerduty_would_refuse_is_refused(hub: Hub, owner: Person):
    event = {"service_key": token_of(owner.connect("pagerduty")), "event_type": "resolve"}
    answer = hub.http.post("/generic/2010-04-15/create_event.json", json=event)
    assert (answer.status_code, answer.json["errors"]) == (400, ["Incident key is required"])


def test_change_event_is_kept_and_is_no_alert(hub: Hub, owner: Person):
    token = token_of(owner.connect("pagerduty"))
    answer = hub.http.post("/v2/change/enqueue", json={"routing_key": token, "payload": {"summary": "Deployed 1.2"}})
    hub.work("ingest")
    (delivery,) = owner.get("/deliveries")
    assert (answer.status_code, answer.json["message"]) == (202, "Change event processed")
    assert (delivery["status"], delivery["reason"], owner.get("/alerts")) == ("ignored", "change event", [])


@pytest.mark.parametrize("path", ["/v2/enqueue", "/api/v2/alerts", "/v2/alerts", "/v2/alerts/a/close"])
def test_wrong_token_is_refused(hub: Hub, owner: Person, path: str):
    owner.connect("pagerduty")
    answer = hub.http.post(path, json={"routing_key": "x" * 32}, headers={"Authorization": "GenieKey wrong"})
    assert answer.status_code == 401


def test_token_of_another_platform_is_refused(hub: Hub, owner: Person):
    assert enqueue(hub, token_of(owner.alertmanager), "trigger").status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"x"'])
def test_unreadable_body_is_the_senders_fault(hub: Hub, body: bytes):
    assert hub.http.post("/v2/enqueue", data=body).status_code == 400


@pytest.mark.parametrize(
    "change", [{"event_action": "close"}, {"payload": {"source": "web-1"}}, {"payload": "x"}, {"dedup_key": "x" * 256}]
)
def test_event_that_pagerduty_would_refuse_is_refused_in_its_form(hub: Hub, owner: Person, change: dict[str, Any]):
    token = token_of(owner.connect("pagerduty"))
    answer = enqueue(hub, token, "trigger", **change)
    assert (answer.status_code, answer.json["status"], len(answer.json["errors"])) == (400, "invalid event", 1)
    assert enqueue(hub, token, "resolve").json["errors"] == ["dedup_key is missing or blank"]


def test_pagerduty_client_changes_only_its_address(hub: Hub, owner: Person):
    token = token_of(owner.connect("pagerduty"))
    transport = WSGITransport(app=hub.app)  # the client refuses addresses without TLS, which a proxy does for the hub
    with EventsApiV2Client(token, base_url="https://hub.example", transport=transport) as client:
        key = client.trigger("Disk is full", "web-1", severity="error", custom_details={"service": "checkout"})
        client.acknowledge(key)
        client.resolve(key)
    hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert (alert["status"], alert["severity"], alert["service"]) == ("resolved", "high", "checkout")


@pytest.mark.parametrize(("action", "status"), [("acknowledge", "acknowledged"), ("close", "resolved")])
def test_opsgenie_alert_is_created_and_ended_by_its_alias(hub: Hub, owner: Person, action: str, status: str):
    headers = {"Authorization": f"GenieKey {token_of(owner.connect('opsgenie'))}"}
    created = {"message": "Payments fail", "alias": "pay", "priority": "P1"}
    assert hub.http.post("/v2/alerts", json=created, headers=headers).status_code == 202
    hub.work("ingest")
    hub.http.post(f"/v2/alerts/pay/{action}?identifierType=alias", json={}, headers=headers)
    hub.work("ingest")
    assert [alert["status"] for alert in owner.get("/alerts")] == [status]


@pytest.mark.parametrize("alias", ["prod/web-1/disk", "/var//log/", "50% über/close", "requests/1"])
def test_alias_of_opsgenie_may_hold_whatever_its_sender_likes(hub: Hub, owner: Person, alias: str):
    headers = {"Authorization": f"GenieKey {token_of(owner.connect('opsgenie'))}"}
    hub.http.post("/v2/alerts", json={"message": "Payments fail", "alias": alias}, headers=headers)
    path = f"/v2/alerts/{quote(alias, safe='')}/close?identifierType=alias"
    assert hub.http.post(path, json={}, headers=headers).status_code == 202
    hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert (alert["dedup_key"], alert["status"]) == (alias, "resolved")


@pytest.fixture
def opsgenie(hub: Hub, owner: Person) -> Iterator[opsgenie_sdk.AlertApi]:
    """Opsgenie's own client with the hub's address."""
    config = opsgenie_sdk.Configuration()
    config.api_key = {"Authorization": token_of(owner.connect("opsgenie"))}
    config.api_key_prefix = {"Authorization": "GenieKey"}
    with served(hub) as config.host:
        yield opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(config))


def test_opsgenie_alert_without_alias_is_found_by_its_request(hub: Hub, owner: Person, opsgenie: opsgenie_sdk.AlertApi):
    request_id = opsgenie.create_alert(opsgenie_sdk.CreateAlertPayload(message="Payments fail")).request_id
    with pytest.raises(opsgenie_sdk.ApiException, match="404"):
        opsgenie.get_request_status(request_id)  # as at Opsgenie, until it is processed
    hub.work("ingest")
    status = opsgenie.get_request_status(request_id).data
    opsgenie.close_alert(status.alert_id)
    hub.work("ingest")
    assert (status.is_success, status.action, states(owner)) == (True, "Create", [("Payments fail", "resolved")])


@pytest.mark.parametrize(
    ("action", "status"),
    [("close_alert", "resolved"), ("un_acknowledge_alert", "firing"), ("delete_alert", "resolved")],
)
def test_opsgenie_client_acts_on_an_acknowledged_alert(
    hub: Hub, owner: Person, opsgenie: opsgenie_sdk.AlertApi, action: str, status: str
):
    opsgenie.create_alert(opsgenie_sdk.CreateAlertPayload(message="Payments fail", alias="pay", priority="P1"))
    opsgenie.acknowledge_alert("pay", identifier_type="alias")
    getattr(opsgenie, action)("pay", identifier_type="alias")
    hub.work("ingest")
    assert states(owner) == [("Payments fail", status)]


def test_opsgenie_note_is_kept_and_changes_nothing(hub: Hub, owner: Person, opsgenie: opsgenie_sdk.AlertApi):
    opsgenie.add_note("pay", opsgenie_sdk.AddNoteToAlertPayload(note="Looking"), identifier_type="alias")
    hub.work("ingest")
    assert [delivery["status"] for delivery in owner.get("/deliveries")] == ["ignored"]


def test_request_of_another_integration_is_not_told(hub: Hub, owner: Person, opsgenie: opsgenie_sdk.AlertApi):
    request_id = opsgenie.create_alert(opsgenie_sdk.CreateAlertPayload(message="Payments fail")).request_id
    hub.work("ingest")
    other = {"Authorization": f"GenieKey {token_of(owner.connect('opsgenie'))}"}
    assert hub.http.get(f"/v2/alerts/requests/{request_id}", headers=other).status_code == 404


def test_real_prometheus_sends_its_alerts_here(hub: Hub, owner: Person, tmp_path: Path):
    rule = {"alert": "AlwaysOn", "expr": "vector(1)", "labels": {"severity": "critical"}}
    token = token_of(owner.alertmanager)
    with served(hub) as address:
        told = {
            "scheme": "http",
            "authorization": {"credentials": token},
            "static_configs": [{"targets": [address.removeprefix("http://")]}],
        }
        prometheus = Prometheus(tmp_path, [{"name": "g", "rules": [rule]}], alerting={"alertmanagers": [told]})
        with prometheus.running():
            eventually(lambda: owner.get("/deliveries"), 20)
    hub.work("ingest")
    assert states(owner) == [("AlwaysOn", "firing")]
