"""/metrics: who may look, what it tells, and that the alert rules and the dashboard ask for what it tells."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hub import metrics, progress
from hub.broker import LANES
from hub.metrics import HELP, Sample
from hub.runtime import Runtime
from tests.factories import Hub, Person, firing

MONITORING = Path(__file__).parents[1] / "docker" / "monitoring"
ROLES = {"overwatch_app", "overwatch_owner"}


def told(hub: Hub) -> dict[str, float]:
    """Series → value."""
    lines = hub.http.get("/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def promtool(*words: str, given: str = "") -> str:
    if shutil.which("promtool") is None:
        pytest.skip("promtool (Debian's package prometheus) is not installed")
    done = subprocess.run(
        ["promtool", *words], cwd=MONITORING, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_delivery_is_counted_pending_and_then_by_its_outcome(hub: Hub, owner: Person):
    owner.push(firing())
    assert told(hub)["overwatch_deliveries_pending"] == 1
    hub.work()
    after = told(hub)
    assert after["overwatch_deliveries_pending"] == 0
    assert sum(value for series, value in after.items() if 'platform="alertmanager"' in series) >= 1


def test_workers_are_counted_by_lane(hub: Hub):
    progress.beat(hub.runtime.database, ["ingest", "index"])
    assert told(hub)['overwatch_lane_workers{lane="index"}'] == 1


def test_every_lane_tells_its_lag_and_every_integration_its_breaker(hub: Hub, owner: Person):
    owner.push(firing())
    hub.work()
    found = told(hub)
    assert [found[f'overwatch_lane_lag_seconds{{lane="{lane}"}}'] for lane in LANES] == [0] * len(LANES)
    assert found['overwatch_breakers{platform="alertmanager",state="closed"}'] >= 1


def test_platform_tells_how_long_it_takes_and_what_fails(hub: Hub, owner: Person):
    owner.push(firing())
    owner.push({"alerts": "no list"})
    hub.work()
    found = told(hub)
    assert found['overwatch_plugin_errors_last_minute{platform="alertmanager"}'] >= 1
    assert 0 < found['overwatch_plugin_delivery_seconds{platform="alertmanager",statistic="p99"}'] < 60
    assert found["overwatch_embeddings_last_minute"] >= 1


def test_every_series_has_its_help_and_nothing_names_an_organization(hub: Hub, owner: Person):
    text = hub.http.get("/metrics").text
    assert set(re.findall(r"^# HELP (\w+)", text, re.MULTILINE)) == set(HELP)
    assert owner.tokens["user"]["organization_id"] not in text


def test_label_is_escaped():
    (_, line) = [part for part in metrics.render([Sample("overwatch_plugin_available", {"plugin": 'a"\\\n'}, 0)])][-2:]
    assert line == 'overwatch_plugin_available{plugin="a\\"\\\\\\n"} 0\n'


def test_prometheus_takes_it_as_it_is(hub: Hub, owner: Person):
    owner.push(firing())
    promtool("check", "metrics", given=hub.http.get("/metrics").text)


@pytest.mark.parametrize(("address", "headers"), [("192.0.2.1", {}), ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"})])
def test_without_a_token_only_this_machine_may_look(hub: Hub, address: str, headers: dict[str, str]):
    asked = hub.http.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert asked.status_code == 404


def test_with_a_token_nobody_looks_without_it(runtime: Runtime):
    closed = Hub(replace(runtime, settings=replace(runtime.settings, metrics_token="watch-me")))
    for given, status in {"": 404, "Bearer ": 404, "Bearer watch-mf": 404, "Bearer watch-me": 200}.items():
        assert closed.http.get("/metrics", headers={"Authorization": given}).status_code == status


def test_rules_are_right_and_fire_when_they_should():
    promtool("check", "rules", "overwatch.rules.yml")
    promtool("test", "rules", "overwatch.rules.test.yml")


@pytest.mark.parametrize("name", ["overwatch.rules.yml", "overwatch.dashboard.json"])
def test_whoever_watches_asks_for_what_is_told(name: str):
    asked = set(re.findall(r"\boverwatch_[a-z_]+", (MONITORING / name).read_text()))
    assert asked
    assert asked <= set(HELP)


def test_operators_guide_names_every_metric():
    assert set(re.findall(r"`(overwatch_[a-z_]+)`", (MONITORING.parent / "README.md").read_text())) - ROLES == set(HELP)


def test_every_panel_has_a_question_and_a_place_of_its_own():
    panels = json.loads((MONITORING / "overwatch.dashboard.json").read_text())["panels"]
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
