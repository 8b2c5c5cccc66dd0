"""Benchmarks run, on a hub of their own, and say what they measured."""

import re

from click.testing import CliRunner

from hub.bench.commands import bench
from hub.bench.latency import percentile


def test_latency_of_a_hub_of_its_own_is_told_in_milliseconds():
    told = CliRunner().invoke(bench, ["latency", "--webhooks", "3"], catch_exceptions=False)
    figure = r"p50 [\d.]+ ms, p99 [\d.]+ ms, longest [\d.]+ ms, of 3"
    names = [line.partition(":")[0] for line in told.output.splitlines() if re.search(figure, line)]
    assert names == ["webhook to answer", "webhook to visible incident"]


def test_percentile_is_one_of_the_values():
    waited = [0.3, 0.1, 0.2, 0.4]
    assert (percentile(waited, 0.5), percentile(waited, 0.99), percentile(waited[:1], 0.5)) == (0.3, 0.4, 0.3)


def test_help_fits_the_screen():
    told = CliRunner().invoke(bench, ["--help"], terminal_width=80).output
    assert "latency" in told
    assert "..." not in told.partition("Commands:")[2]
