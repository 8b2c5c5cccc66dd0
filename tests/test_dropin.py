"""Senders of PagerDuty, Alertmanager and Opsgenie change only their address."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(("action", "status"), [("acknowledge_alert", "acknowledged"), ("close_alert", "resolved")])
def test_opsgenie_client_changes_only_its_address(hub: Hub, owner: Person, action: str, status: str):
    config = opsgenie_sdk.Configuration()
    config.api_key = {"Authorization": token_of(owner.connect("opsgenie"))}
    config.api_key_prefix = {"Authorization": "GenieKey"}
    with served(hub) as config.host:
        client = opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(config))
        alert = opsgenie_sdk.CreateAlertPayload(message="Payments fail", alias="pay", priority="P1")
        assert client.create_alert(alert).result == "Request will be processed"
        getattr(client, action)("pay", identifier_type="alias")
    hub.work("ingest")
    assert states(owner) == [("Payments fail", status)]


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
