"""Third-party plugins run in children of their own: each of the zoo hurts itself, its neighbours do not notice."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery
from hub.plugin_manager import loading
from hub.plugin_manager.child import Child, Source
from hub.plugin_manager.loading import Plugins
from hub.plugin_manager.wire import ConnectorFailed
from hub.runtime import Runtime, assemble
from hub.settings import Settings
from tests.factories import Hub, Person, alertmanager, firing

ZOO = Path(__file__).parent / "plugin_zoo"

# the animal → how its delivery ends
ENDS = {
    "raises": "connector_failed: RuntimeError",
    "exits": "connector_failed: SystemExit",
    "nothing": "malformed: events: the connector returned NoneType, not a list",
    "million": "malformed: events: 1000000 events in one delivery; the most are 10000",
    "endless": "connector_failed: no answer in time",
    "regex": "connector_failed: no answer in time",
    "sleeper": "connector_failed: no answer in time",
    "glutton": "connector_failed: MemoryError",
    "forker": "connector_failed: PermissionError",
    "quitter": "connector_failed: its process ended",
    "talker": "connector_failed: PermissionError",
    "reader": "connector_failed: PermissionError",
}


@pytest.fixture(scope="module")
def runtime(hub_settings: Settings) -> Iterator[Runtime]:
    made = assemble(replace(hub_settings, plugins_dir=ZOO))
    yield made
    made.plugins.close()
    made.database.dispose()


def deliveries(person: Person, webhook: str) -> list[dict[str, Any]]:
    integration = webhook.rsplit("/", maxsplit=1)[-1].partition("?")[0]
    found: list[dict[str, Any]] = person.get("/deliveries", integration_id=integration, sort="received_at", limit=100)
    return found


def test_plugin_that_cannot_be_imported_is_listed_with_its_reason(runtime: Runtime):
    assert runtime.plugins.unavailable == {"broken_import": "ImportError: acme_sdk is not installed"}


@pytest.mark.parametrize("animal", ENDS)
def test_animal_ends_its_own_delivery_and_neighbours_are_processed(hub: Hub, owner: Person, animal: str):
    webhook = owner.connect(animal)
    owner.push({"boom": True, "key": "1"}, webhook)
    owner.push(alertmanager(firing()))
    hub.work("ingest")
    assert [(each["status"], each["reason"]) for each in deliveries(owner, webhook)] == [("dead", ENDS[animal])]
    assert [alert["title"] for alert in owner.get("/alerts")] == ["HighLatency"]


@pytest.mark.parametrize("animal", [*ENDS, "spy"])
def test_animal_works_again_after_it_broke(hub: Hub, owner: Person, animal: str):
    webhook = owner.connect(animal)
    owner.push({"boom": True, "key": "1"}, webhook)
    owner.push({"boom": False, "key": "2"}, webhook)
    hub.work("ingest")
    assert deliveries(owner, webhook)[-1]["status"] == "processed"


def test_child_sees_nothing_of_our_environment(hub: Hub, owner: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OVERWATCH_ENCRYPTION_KEY", "of nobody's business")
    owner.push({"boom": True, "key": "1"}, owner.connect("spy"))
    hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert "OVERWATCH" not in alert["title"]


def test_kernel_holds_what_the_audit_hook_does_not_see(runtime: Runtime):
    (event,) = runtime.connectors["breakout"].normalise(Delivery(body=b"{}"), {})
    assert event.title == "none"


def test_folder_of_our_data_is_closed_to_the_child(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "secrets.json").write_text("{}")
    (tmp_path / "thief.py").write_text(f"open({str(data / 'secrets.json')!r})")
    plugins = loading.load("", tmp_path, data, found=[])
    plugins.close()
    assert plugins.unavailable == {"thief": "PermissionError: a plugin may read only its own files and Python's"}


def test_killed_child_is_gone_with_its_process():
    child = Child(Source("sleeper", file=ZOO / "sleeper.py"))
    child.describe()
    process = child._process
    assert process is not None
    child.end()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_waiting_for_a_busy_child_counts_against_the_deadline(runtime: Runtime):
    sleeper = runtime.connectors["sleeper"]
    with pytest.raises(ConnectorFailed, match="no answer in time"):
        sleeper.normalise(Delivery(body=b'{"boom": true, "key": "1"}'), {})


@pytest.mark.parametrize(("choice", "loaded"), [("none", set()), ("spy, raises", {"spy", "raises"})])
def test_safe_mode_loads_only_what_was_chosen(choice: str, loaded: set[str]):
    plugins: Plugins = loading.load(choice, ZOO)
    plugins.close()
    assert set(plugins.connectors) == loaded
