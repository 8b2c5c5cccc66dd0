"""GitHub: the kit, and what is special about runs, alerts and forms."""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import SignedConnectorTests
from plugins.github import GitHub

REPOSITORY = {"full_name": "shop/cart", "name": "cart"}
RUN = {"id": 99, "workflow_id": 7, "name": "Deploy", "head_branch": "main", "conclusion": "failure"}
ALERT = {"number": 10, "created_at": "2026-01-02T03:00:00Z", "rule": {"id": "sql", "severity": "warning"}}


def event_of(**body: Any) -> Event:
    (event,) = GitHub().normalise(Delivery(body=json.dumps({"repository": REPOSITORY} | body).encode()), {})
    return event


class TestGitHub(SignedConnectorTests):
    connector = GitHub()
    folder = Path(__file__).parent
    window_seconds = None

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        return {"X-Hub-Signature-256": f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"}

    def test_redelivery_is_known_by_the_id_in_its_header(self) -> None:
        assert self.connector.delivery_key(Delivery(body=b"{}", headers={"x-github-delivery": "72d3"})) == "72d3"

    def test_form_is_signed_as_it_is_sent_and_read_as_the_json_in_it(self) -> None:
        form = next(fixture for fixture in self.fixtures() if fixture.name == "workflow-form-firing").delivery()
        headers = {name.lower(): value for name, value in self.sign(form.body, "s", form.received_at).items()}
        self.connector.verify(Delivery(body=form.body, headers=headers), {"secret": "s"})
        assert [event.raw_kind for event in self.normalise(form)] == ["workflow_run"]


def test_later_success_on_the_same_branch_resolves_the_failure_of_another_run() -> None:
    failed, repaired = event_of(workflow_run=RUN), event_of(workflow_run=RUN | {"id": 100, "conclusion": "success"})
    assert failed.dedup_key == repaired.dedup_key
    assert (failed.state, repaired.state) == ("firing", "resolved")


@pytest.mark.parametrize(
    "other", [{"head_branch": "next"}, {"workflow_id": 8}, {"head_repository": {"full_name": "fork/cart"}}]
)
def test_other_branch_or_workflow_is_another_alert(other: dict[str, Any]) -> None:
    assert event_of(workflow_run=RUN | other).dedup_key != event_of(workflow_run=RUN).dedup_key


def test_repository_of_the_branch_is_told_apart_only_when_it_is_a_fork() -> None:
    own = event_of(workflow_run=RUN | {"head_repository": {"full_name": "shop/cart"}})
    assert own.dedup_key == event_of(workflow_run=RUN).dedup_key


def test_alerts_of_different_kinds_with_one_number_are_different_alerts() -> None:
    secret = {"number": 10, "secret_type": "acme_api_key"}
    assert event_of(alert=ALERT, action="created").dedup_key != event_of(alert=secret, action="created").dedup_key


@pytest.mark.parametrize(
    ("rule", "severity"),
    [
        ({"security_severity_level": "critical", "severity": "warning"}, "critical"),
        ({"security_severity_level": None, "severity": "error"}, "high"),
        ({"severity": "note"}, "low"),
        ({"severity": "none"}, "unknown"),
    ],
)
def test_security_severity_counts_before_the_level_of_the_rule(rule: dict[str, Any], severity: str) -> None:
    assert event_of(alert=ALERT | {"rule": {"id": "sql"} | rule}, action="created").severity == severity


def test_alert_that_is_reopened_does_not_begin_when_it_was_created() -> None:
    created, reopened = (event_of(alert=ALERT, action=action) for action in ("created", "reopened"))
    assert created.occurred_at is not None
    assert reopened.occurred_at is None


@pytest.mark.parametrize(
    ("fields", "action", "state"),
    [
        ({"state": "open"}, "assigned", "firing"),
        ({"state": "auto_dismissed"}, "auto_dismissed", "resolved"),
        ({}, "closed_by_user", "resolved"),
        ({}, "appeared_in_branch", "firing"),
    ],
)
def test_state_of_an_alert_counts_before_the_action(fields: dict[str, str], action: str, state: str) -> None:
    assert event_of(alert=ALERT | fields, action=action).state == state


def test_run_without_the_id_of_its_workflow_is_known_by_the_name() -> None:
    run = {"name": "CI", "head_branch": "main"}
    failed, passed = (event_of(workflow_run=run | {"conclusion": word}) for word in ("failure", "success"))
    assert (failed.state, passed.state) == ("firing", "resolved")
    assert failed.dedup_key == passed.dedup_key
