"""Benchmarks run, on a hub of their own, and say what they measured."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.bench.commands import bench
from hub.bench.latency import percentile
from hub.bench.storms import folders
from hub.contracts.errors import NotFound


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


def test_percentile_is_one_of_the_values():
    waited = [0.3, 0.1, 0.2, 0.4]
    assert (percentile(waited, 0.5), percentile(waited, 0.99), percentile(waited[:1], 0.5)) == (0.3, 0.4, 0.3)


def test_help_fits_the_screen():
    told = CliRunner().invoke(bench, ["--help"], terminal_width=80).output
    assert "latency" in told
    assert "..." not in told.partition("Commands:")[2]
