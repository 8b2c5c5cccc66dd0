"""The hooks beside connectors: enrichers, observers of incidents; all from a plugin of one file."""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub import progress
from hub.contracts import hookspecs
from hub.notifications import observing
from hub.plugin_manager import loading
from hub.runtime import Runtime, assemble
from hub.settings import Settings
from tests.factories import Hub, Person, alertmanager, firing, resolved
from tests.stand_in import StandIn, standing_in

PLUGIN = """
import json
from hub.contracts import Connector, Enricher, hookimpl

class Owners(Enricher):
    name = "owners"

    def enrich(self, event):
        return {"owner": "payments", "severity": "of the plugin"}

class Broken(Enricher):
    name = "broken"

    def enrich(self, event):
        raise RuntimeError

class Shop(Connector):
    name = "shop"
    title = "Shop"
    directions = frozenset({"webhook"})
    config_schema = {"type": "object"}

@hookimpl
def overwatch_enrichers():
    return [Broken(), Owners()]

@hookimpl
def overwatch_connectors():
    return [Shop()]

def tell(http, **said):
    http.request("POST", "URL", body=json.dumps(said).encode())

@hookimpl
def overwatch_incident_opened(incident, http):
    tell(http, hook="opened", title=incident["title"])

@hookimpl
def overwatch_incident_changed(change, http):
    tell(http, hook="changed", **change)

@hookimpl
def overwatch_incident_resolved(incident, http):
    tell(http, hook="resolved", title=incident["title"])
"""
BROKEN_OBSERVER = """
from hub.contracts import hookimpl

@hookimpl
def overwatch_incident_opened(incident):
    raise SystemExit
"""


@pytest.fixture(scope="module")
def listener() -> Iterator[StandIn]:
    with standing_in() as made:
        yield made


@pytest.fixture(scope="module")
def runtime(hub_settings: Settings, listener: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder: Path = tmp_path_factory.mktemp("plugins")
    (folder / "extras.py").write_text(PLUGIN.replace("URL", listener.url))
    (folder / "broken_observer.py").write_text(BROKEN_OBSERVER)
    chosen = replace(hub_settings, egress_allow="127.0.0.0/8", plugins_dir=folder)
    made = assemble(chosen)
    yield made
    made.plugins.close()
    made.database.dispose()


def test_enricher_adds_labels_and_the_senders_own_stand(hub: Hub, owner: Person):
    owner.push(alertmanager(firing()))
    hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert (alert["labels"]["owner"], alert["labels"]["severity"] == "of the plugin") == ("payments", False)


def test_observers_are_told_of_the_life_of_an_incident(hub: Hub, owner: Person, listener: StandIn):
    progress.beat(hub.runtime.database, [observing.LANE])
    owner.push(alertmanager(firing()))
    hub.work("ingest", "notify")
    owner.push(alertmanager(resolved()))
    hub.work("ingest", "notify")
    told = [(asked.json["hook"], asked.json.get("title") or asked.json.get("status")) for asked in listener.asked]
    assert told == [("opened", "HighLatency"), ("changed", "resolved"), ("resolved", "HighLatency")]


def test_two_plugins_with_one_name_are_both_refused(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(PLUGIN)
    plugins = loading.load("", tmp_path, found=[])
    plugins.close()
    assert plugins.unavailable == dict.fromkeys(("one", "two"), "2 connectors are named 'shop': all are refused")


def test_every_hook_is_documented_with_its_arguments():
    readme = (Path(__file__).parent.parent / "plugins" / "README.md").read_text()
    specs = {name: spec for name, spec in vars(hookspecs).items() if name.startswith("overwatch_")}
    headings = [f"### `{name}({', '.join(inspect.signature(spec).parameters)})`" for name, spec in specs.items()]
    assert [heading for heading in headings if heading not in readme.splitlines()] == []
