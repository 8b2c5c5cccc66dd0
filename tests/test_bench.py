"""Benchmarks run, on a hub of their own, and say what they measured."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.bench import correlation, growth, ingest, lists, search, search_scale, storm
from hub.bench.blaster import Blast
from hub.bench.commands import bench
from hub.bench.ingest import Case
from hub.bench.latency import Waited, percentile
from hub.bench.running import RunningHub, running_hub
from hub.bench.search import Dataset
from hub.bench.storm import Flood, Report
from hub.bench.storms import folders, read
from hub.contracts.errors import Malformed, NotFound


def test_latency_of_a_hub_of_its_own_is_told_in_milliseconds():
    told = CliRunner().invoke(bench, ["latency", "--webhooks", "3"], catch_exceptions=False)
    figure = r"p50 [\d.]+ ms, p99 [\d.]+ ms, longest [\d.]+ ms, of 3"
    names = [line.partition(":")[0] for line in told.output.splitlines() if re.search(figure, line)]
    assert names == ["webhook to answer", "webhook to visible incident"]


def test_alert_storms_are_found_in_a_folder_and_one_below(tmp_path: Path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "alerts.jsonl").touch()
    assert folders(tmp_path) == folders(tmp_path / "shop") == [tmp_path / "shop"]


def test_folder_without_alert_storms_is_refused_by_name(tmp_path: Path):
    with pytest.raises(NotFound, match=tmp_path.name):
        folders(tmp_path)


ALERT = '{"ts": 1, "kind": "log", "component": "db", "signal": "s", "text": "Disk full", "fault": "1"}'


@pytest.mark.parametrize(
    ("alerts", "topology", "problem"),
    [
        (ALERT, None, "topology.json"),
        (ALERT, "{}", "has no edges"),
        (ALERT + '\n{"ts": 1}', '{"edges": []}', "alerts.jsonl:2: has no kind"),
        ("[", '{"edges": []}', "alerts.jsonl:1: is no JSON"),
        ("", '{"edges": []}', "is empty"),
    ],
)
def test_folder_of_another_form_is_refused_naming_the_place(
    tmp_path: Path, alerts: str, topology: str | None, problem: str
):
    (tmp_path / "alerts.jsonl").write_text(alerts)
    if topology is not None:
        (tmp_path / "topology.json").write_text(topology)
    with pytest.raises((NotFound, Malformed), match=problem):
        read(tmp_path)


def test_storms_are_scored_beside_baselines_as_they_were_and_with_two_faults_at_once(tmp_path: Path):
    lines = [json.loads(ALERT) | {"ts": hour * 3_600_000, "fault": str(hour)} for hour in (1, 2) for _ in range(2)]
    (tmp_path / "alerts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "topology.json").write_text('{"edges": []}')
    told = "\n".join(correlation.run(tmp_path))
    assert "native, the hub: ARI 1.000, pairwise F1 1.000, B-cubed F1 1.000, 1.0 incidents per fault" in told
    assert "native, the hub with a rule, one incident per service: ARI 1.000" in told
    assert "two faults at once, kind and signal: ARI 0.000" in told


def test_percentile_is_one_of_the_values():
    waited = [0.3, 0.1, 0.2, 0.4]
    assert (percentile(waited, 0.5), percentile(waited, 0.99), percentile(waited[:1], 0.5)) == (0.3, 0.4, 0.3)


def test_help_fits_the_screen():
    told = CliRunner().invoke(bench, ["--help"], terminal_width=80).output
    assert "latency" in told
    assert "..." not in told.partition("Commands:")[2]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    free = {"users": None, "user_requests_per_minute": None, "organization_requests_per_minute": None}
    plans = {"OVERWATCH_PLANS": json.dumps({"free": free})}
    with running_hub(tmp_path_factory.mktemp("bench"), environment=plans) as hub:
        yield hub


def test_flood_of_one_organization_is_told_beside_what_its_neighbour_waited(running: RunningHub):
    told: list[str] = []
    assert storm.strain(running, 120, 5, 8, told.append), "\n".join(told)
    assert "  5 alerts of 120 occurrences, 5 of them in" in "\n".join(told)
    assert sum("neighbour, webhook to visible incident: p50" in line for line in told) == 2


def test_cost_of_an_alert_is_told_beside_that_of_the_first_size(running: RunningHub):
    told = list(growth.grow(running, [12, 30], 30))
    assert [line.split(" beside ")[1].split(" ")[0] for line in told] == ["12"] * 3 + ["30"] * 3
    assert all(line.endswith(", 1.00 of the first") for line in told[:3])


def test_sizes_that_do_not_grow_are_refused():
    told = CliRunner().invoke(bench, ["growth", "1000", "1000"])
    assert (told.exit_code, "each has to be larger than the one before" in told.output) == (2, True)


@pytest.mark.parametrize(
    ("case", "work"),
    [
        (Case("single", 30, 1, 8), "then worked off"),
        (Case("batches", 3, 20, 2), "then worked off"),
        (Case("steady", 30, 1, 8, rate=30), "webhook to incident p50"),
    ],
    ids=lambda given: given.name if isinstance(given, Case) else "",
)
def test_a_load_is_told_with_how_it_went_and_what_it_cost(running: RunningHub, case: Case, work: str):
    before = running.query("SELECT count(*) FROM alerts")[0][0]
    measure = ingest.measure_steady if case.rate else ingest.measure
    measured = measure(running, running.owner().connect("alertmanager", "bench"), case)
    assert measured.accepted.statuses == {200: case.webhooks}
    assert running.query("SELECT count(*) FROM alerts")[0][0] - before == case.webhooks * case.alerts_each
    assert {"api", "worker-ingest", "postgres"} <= measured.cpu.keys()
    assert work in measured.line()


def test_runbooks_of_a_folder_are_found_and_scored(running: RunningHub, tmp_path: Path):
    runbooks = {"disk": "Disk is full: delete old logs.", "cert": "Certificate expires: renew it."}
    docs = [{"id": name, "title": name, "text": said} for name, said in runbooks.items()]
    queries = [{"id": name, "kind": "text", "text": said} for name, said in runbooks.items()]
    qrels = [{"query": name, "doc": name, "relevance": 1} for name in runbooks]
    for name, lines in {"docs": docs, "queries": queries, "qrels": qrels}.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    told = "\n".join(search.measure(running, Dataset.read(tmp_path)))
    assert re.search(r"^text +2 +1\.0000 +1\.0000 +1\.0000 +1\.0000$", told, re.MULTILINE)


def test_each_query_of_a_long_list_tells_what_it_took_first_and_again(running: RunningHub):
    # last on this hub: nobody has indexed what is written past the workers, as the auditor would say
    told = "\n".join(lists.measure(running, 30))
    figures = re.findall(r"p50 +[\d.]+ ms, first +[\d.]+ ms  (/\w+)", told)
    assert set(figures) == {"/users", "/alerts", "/incidents"}


def test_search_by_the_size_of_an_organization_finds_all_that_is_nearest_in_small_ones():
    told = list(search_scale.run([10, 30]))
    sizes = [line for line in told if "latency p50" in line]
    assert [line.strip().split(" ")[0] for line in sizes] == ["10", "30"]
    assert all("recall@10 1.000" in line for line in sizes)


def test_flood_that_lost_an_alert_is_not_good():
    waited = [Waited(0.1, 0.2)]
    flood, accepted = Flood("storm", 3, 2), Blast()
    good, lost, doubled = ((2, 3, 2, 1), (2, 2, 2, 1), (2, 4, 2, 1))
    reports = [Report(flood, accepted, 1.0, counted, (1, 1), 0.0, waited) for counted in (good, lost, doubled)]
    assert [report.is_good for report in reports] == [True, False, False]
