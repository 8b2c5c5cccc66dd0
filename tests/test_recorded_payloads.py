"""Bodies that others recorded, from the folder that OVERWATCH_EXTRA_PAYLOADS names; nothing of it is in the project.

The folder has one sub-folder per platform and an INDEX.tsv with the columns file, state, expected_severity, natural_key
and headers (JSON); a file that the index does not name is run too, without expectations. Platforms without a connector
of their own go through the generic one with the mapping that an operator would write for them.
"""

import csv
import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Connector, Delivery, Event, Malformed, Severity, Unsupported
from hub.contracts.testing import problems_of

CONNECTORS = sorted(path.parent.name for path in (Path(__file__).parent.parent / "plugins").glob("*/__init__.py"))
FOLDERS = {"cloudwatch-sns": "cloudwatch", "gcp-monitoring": "google_cloud", "sentry-legacy": "sentry"}
MAPPINGS: Mapping[str, Mapping[str, Any]] = {
    "axiom": {
        "title": "@.event.title",
        "description": "@.event.body",
        "state": "@.action",
        "dedup_key": ["@.event.monitorID"],
        "occurred_at": "@.event.timestamp",
    },
    "checkly": {
        "title": "@.check_name",
        "state": "@.alert_type",
        "states": {"ALERT_FAILURE": "firing", "ALERT_RECOVERY": "resolved"},
        "dedup_key": ["@.check_id"],
        "occurred_at": "@.started_at",
    },
    "coralogix": {
        "title": "@.name",
        "state": "@.alert_action",
        "severity": "@.fields[?@.key=='severity'].value",
        "dedup_key": ["@.alert_id"],
        "occurred_at": "",
    },
    "dash0": {
        "title": "@.data.issue.summary",
        "state": "@.data.issue.status",
        "service": "@.data.issue.labels[?@.key=='service.name'].value.stringValue",
        "dedup_key": ["@.data.issue.issueIdentifier"],
        "occurred_at": "@.data.issue.end",
    },
    "graylog": {
        "title": "@.event_definition_title",
        "state": "",
        "severity": "@.event.priority",
        "severities": {"1": "low", "2": "medium", "3": "high"},
        "dedup_key": ["@.event_definition_id", "@.event.key"],
        "occurred_at": "@.event.timestamp",
    },
    "librenms": {
        "title": "@.name",
        "resource": "@.hostname",
        "state": "@.state",
        "states": {"0": "resolved", "1": "firing", "2": "acknowledged"},
        "dedup_key": ["@.alert_id"],
    },
    "wazuh": {"title": "@.message", "state": "", "dedup_key": ["@.message"], "occurred_at": ""},
}
STATES = {"firing", "acknowledged", "resolved"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)  # later than the recordings

# The words of those who recorded the bodies, and ours, on one scale; words beyond it are not compared.
RANKS = {"critical": 4, "high": 3, "error": 3, "medium": 2, "warning": 2, "low": 1, "info": 1}


@dataclass(frozen=True)
class Recorded:
    """One recorded body and what the index says of it."""

    path: Path
    folder: str
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def platform(self) -> str:
        """The name of the connector."""
        own = FOLDERS.get(self.folder, self.folder.replace("-", "_"))
        return "generic" if self.folder in MAPPINGS else own

    @property
    def connector(self) -> Connector:
        connector: Connector = importlib.import_module(f"plugins.{self.platform}").overwatch_connectors()[0]
        return connector

    @property
    def delivery(self) -> Delivery:
        headers = json.loads(self.said.get("headers") or "{}")
        named = {name.lower(): str(value) for name, value in headers.items()}
        return Delivery(body=self.path.read_bytes(), headers=named, received_at=NOW)

    def events(self) -> list[Event]:
        """Its events; none when it is refused with a typed error."""
        try:
            return self.connector.normalise(self.delivery, MAPPINGS.get(self.folder, {}))
        except (Malformed, Unsupported):
            return []


def recordings() -> list[Recorded]:
    named = os.environ.get("OVERWATCH_EXTRA_PAYLOADS")
    if not named:
        return []
    root = Path(named)
    index = root / "INDEX.tsv"
    rows = csv.DictReader(index.read_text().splitlines() if index.exists() else [], delimiter="\t")
    said = {row["file"]: {name: text or "" for name, text in row.items()} for row in rows}
    files = [path for path in sorted(root.rglob("*/*")) if path.is_file()]
    found = [Recorded(path, path.parent.name, said.get(str(path.relative_to(root)), {})) for path in files]
    return [recorded for recorded in found if recorded.platform in CONNECTORS]


RECORDINGS = recordings()
needs_recordings = pytest.mark.skipif(not RECORDINGS, reason="OVERWATCH_EXTRA_PAYLOADS names no folder with bodies")
each_recording = pytest.mark.parametrize(
    "recorded", RECORDINGS, ids=lambda recorded: f"{recorded.folder}-{recorded.path.stem}"
)


@needs_recordings
@each_recording
def test_recorded_body_gives_sound_events_or_a_typed_error(recorded: Recorded) -> None:
    assert [problems_of(event) for event in recorded.events() if problems_of(event)] == []


@needs_recordings
@each_recording
def test_recorded_body_has_the_same_keys_again(recorded: Recorded) -> None:
    assert [event.dedup_key for event in recorded.events()] == [event.dedup_key for event in recorded.events()]
    assert recorded.connector.delivery_key(recorded.delivery) == recorded.connector.delivery_key(recorded.delivery)


@needs_recordings
@each_recording
def test_recorded_state_is_the_one_of_the_index(recorded: Recorded) -> None:
    expected = recorded.said.get("state", "")
    assert expected not in STATES or {event.state.value for event in recorded.events()} == {expected}


@needs_recordings
@pytest.mark.parametrize("folder", MAPPINGS)
def test_mapping_reads_what_a_platform_without_a_connector_sends(folder: str) -> None:
    recorded = [each for each in RECORDINGS if each.folder == folder]
    assert [len(each.events()) for each in recorded] == [1] * len(recorded)


@needs_recordings
def test_recordings_of_one_alert_keep_one_key() -> None:
    pairs = combinations([one for one in RECORDINGS if one.said.get("natural_key")], 2)
    same = [(a, b) for a, b in pairs if (a.platform, a.said["natural_key"]) == (b.platform, b.said["natural_key"])]
    keys = [({event.dedup_key for event in a.events()}, {event.dedup_key for event in b.events()}) for a, b in same]
    assert [(first, second) for first, second in keys if first != second] == []


@needs_recordings
@pytest.mark.parametrize("platform", CONNECTORS)
def test_recorded_severities_keep_their_order(platform: str) -> None:
    ranked = [
        (RANKS[recorded.said["expected_severity"].lower()], RANKS[event.severity])
        for recorded in RECORDINGS
        for event in recorded.events()
        if recorded.platform == platform
        and recorded.said.get("expected_severity", "").lower() in RANKS
        and event.severity is not Severity.UNKNOWN
    ]
    assert [(one, other) for one, other in combinations(sorted(ranked), 2) if one[1] > other[1]] == []
