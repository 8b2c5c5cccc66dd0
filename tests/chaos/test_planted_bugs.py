"""The chaos tests can fail: with a bug planted in a copy of the code, the same examination finds loss or doubling."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.bench.running import running_hub
from tests.chaos.test_kills import push, report_of

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Bug:
    """What is replaced by what in which file, and where processes die so that it shows."""

    path: str
    right: str
    wrong: str
    failpoints: str
    shows: str


BUGS = {
    "answered before the commit": Bug(
        "hub/deliveries/gathering.py",
        "            return answer.result(PATIENCE_SECONDS)\n",
        '            return ("accepted", wanted["id"])\n',
        failpoints="before_inbox_commit=kill:0.05",
        shows="lost",
    ),
    "done when claimed": Bug(
        "hub/migrations/functions.sql",
        "            SET attempts = d.attempts + 1, lease_token = p_token, claimed_at = overwatch_now(),\n",
        "            SET attempts = d.attempts + 1, lease_token = p_token, claimed_at = overwatch_now(),\n"
        "                status = 'processed', finished_at = overwatch_now(),\n",
        failpoints="after_claim=kill:0.2",
        shows="lost",
    ),
    "every delivery is news": Bug(
        "hub/alerts/intake.py",
        'own_key = event.event_key or f"{dedup_key}\\n{state}\\n{occurred_at.isoformat()}"',
        'own_key = f"{delivery_id}{item}"',
        failpoints="after_inbox_commit=kill:0.05",
        shows="doubled",
    ),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_planted_bug_is_found(tmp_path: Path, bug: Bug):
    code = tmp_path / "code"
    for package in ("hub", "plugins", "workers"):
        shutil.copytree(ROOT / package, code / package)
    source = (code / bug.path).read_text()
    assert source.count(bug.right) == 1
    (code / bug.path).write_text(source.replace(bug.right, bug.wrong))
    environment = {"OVERWATCH_FAILPOINTS": bug.failpoints, "PYTHONPATH": str(code)}
    with running_hub(tmp_path / "data", environment=environment) as hub:
        report = report_of(hub, "planted", 150, push(hub, "planted", count=150, rate=50))
    assert getattr(report, bug.shows) > 0, report.lines()
