"""Grafana: the kit, and what is special about groups, legacy rules and the optional signature."""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.contracts import Delivery, Event, Untrusted
from hub.contracts.testing import SignedConnectorTests
from plugins.grafana import Grafana

ALERT = {"labels": {"alertname": "Disk", "instance": "db-1"}, "startsAt": "2026-01-02T03:00:00Z"}
RULE = {"ruleId": 7, "ruleName": "Disk", "state": "alerting"}


def normalise(body: Any) -> list[Event]:
    return Grafana().normalise(Delivery(body=json.dumps(body).encode()), {})


def signature(message: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), message, "sha256").hex()


class TestGrafana(SignedConnectorTests):
    connector = Grafana()
    folder = Path(__file__).parent
    config: ClassVar = {"timestamp_header": "X-Signed-At"}

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        epoch_seconds = str(int(signed_at.timestamp()))
        message = f"{epoch_seconds}:".encode() + body
        return {"X-Signed-At": epoch_seconds, "X-Grafana-Alerting-Signature": signature(message, secret)}

    def test_reminder_is_stored_again(self) -> None:
        assert self.connector.repeats_on_purpose
        assert self.connector.delivery_key(Delivery(body=self.connector.sample_body.encode())) is None


def test_body_alone_is_signed_where_no_timestamp_header_is_set_up() -> None:
    body, headers = b'{"alerts": []}', {"x-grafana-alerting-signature": signature(b'{"alerts": []}', "secret")}
    Grafana().verify(Delivery(body=body, headers=headers), {"hmac_secret": "secret"})
    with pytest.raises(Untrusted):
        Grafana().verify(Delivery(body=body, headers=headers), {"hmac_secret": "secret", "timestamp_header": "x-at"})


@pytest.mark.parametrize(
    ("generator", "page"),
    [
        ("https://grafana.example/alerting/1/view", "https://grafana.example/alerting/1/view"),
        ("?orgId=1", "https://grafana.example/?orgId=1"),
        ("http://[", None),
    ],
)
def test_page_of_the_rule_is_absolute_or_left_out(generator: str, page: str | None) -> None:
    group = {"externalURL": "https://grafana.example/", "alerts": [ALERT | {"generatorURL": generator}]}
    (event,) = normalise(group)
    assert {link.title: link.url for link in event.links}.get("Grafana") == page


def test_query_without_an_address_to_join_is_no_link() -> None:
    (event,) = normalise({"alerts": [ALERT | {"generatorURL": "?orgId=1"}]})
    assert event.links == ()


def test_common_labels_complete_an_alert_but_do_not_change_its_key() -> None:
    (alone,), (completed,) = (
        normalise({"alerts": [ALERT]}),
        normalise({"alerts": [ALERT], "commonLabels": {"severity": "page"}}),
    )
    assert (alone.severity, completed.severity) == ("unknown", "critical")
    assert alone.dedup_key == completed.dedup_key


def test_rule_without_data_keeps_its_own_name() -> None:
    labels = {"alertname": "DatasourceNoData", "rulename": "Queue length"}
    (event,) = normalise({"alerts": [{"status": "firing", "labels": labels}]})
    assert (event.title, event.state, event.no_data) == ("Queue length", "firing", True)


def test_legacy_rule_with_many_matches_is_one_alert_that_its_ok_resolves() -> None:
    matches = [{"metric": "db-1", "value": 93}, {"metric": "db-2", "value": 97}]
    (firing,), (resolved,) = normalise(RULE | {"evalMatches": matches}), normalise(RULE | {"state": "ok"})
    assert firing.dedup_key == resolved.dedup_key
    assert firing.annotations == {"db-1": "93", "db-2": "97"}


def test_legacy_rule_without_a_name_is_known_by_its_title_whatever_its_state() -> None:
    (firing,), (resolved,) = (
        normalise({"state": state, "title": f"[{word}] Disk"})
        for state, word in (("alerting", "Alerting"), ("ok", "OK"))
    )
    assert (firing.title, resolved.dedup_key) == ("Disk", firing.dedup_key)


@pytest.mark.parametrize(("state", "expected"), [("alerting", "firing"), ("no_data", "firing"), ("OK", "resolved")])
def test_legacy_word_tells_the_state(state: str, expected: str) -> None:
    assert [event.state for event in normalise(RULE | {"state": state})] == [expected]


def test_legacy_title_without_a_bracket_is_the_name() -> None:
    assert [event.title for event in normalise({"state": "alerting", "title": "CPU above threshold"})] == [
        "CPU above threshold"
    ]


def test_bare_alert_is_the_one_of_a_group() -> None:
    assert normalise(ALERT) == normalise({"alerts": [ALERT]})


def test_service_of_a_legacy_rule_may_be_in_the_tags_of_all_its_matches() -> None:
    rule = {"ruleName": "Slow", "state": "alerting"}
    tags = [{"service": "checkout", "host": host} for host in ("a", "b")]
    matches = [{"metric": each["host"], "value": 1, "tags": each} for each in tags]
    (firing,), (resolved,) = normalise(rule | {"evalMatches": matches}), normalise(rule | {"state": "ok"})
    assert (firing.service, "host" in firing.labels) == ("checkout", False)
    assert firing.dedup_key == resolved.dedup_key


def test_alert_that_ends_before_it_has_begun_is_over_all_the_same() -> None:
    alert = {"labels": {"alertname": "Slow"}, "startsAt": "2026-01-02T03:00:00Z", "endsAt": "2025-01-01T00:00:00Z"}
    (firing,), (resolved,) = (normalise({"alerts": [alert | {"status": word}]}) for word in ("firing", "resolved"))
    assert firing.occurred_at == resolved.occurred_at


def test_group_that_is_resolved_has_no_alert_that_fires() -> None:
    alert = {"status": "firing", "labels": {"alertname": "Slow"}, "endsAt": "0001-01-01T00:00:00Z"}
    body = json.dumps({"status": "resolved", "alerts": [alert]}).encode()
    (event,) = Grafana().normalise(Delivery(body=body), {})
    assert event.state == "resolved"
