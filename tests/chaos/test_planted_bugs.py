"""The chaos tests can fail: with a bug planted in a copy of the code, the same examination finds loss or doubling."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.bench.running import running_hub
from tests.chaos.test_kills import MOST_ROUNDS, push, report_of

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Change:
    """What is replaced by what in which file."""

    path: str
    right: str
    wrong: str


@dataclass(frozen=True)
class Bug:
    """What is wrong, where processes fail so that it shows, and the part of the report that shows it."""

    changes: Sequence[Change]
    failpoints: str
    shows: str


CLAIM = "hub/migrations/functions.sql"

BUGS = {
    "answered before the commit": Bug(
        [
            Change(
                "hub/deliveries/gathering.py",
                "            return answer.result(PATIENCE_SECONDS)\n",
                '            return ("accepted", wanted["id"])\n',
            ),
            Change(  # the answer is out before the commit, which a quick machine would otherwise often win
                "hub/deliveries/gathering.py",
                '        failpoint("before_inbox_commit")\n',
                '        time.sleep(0.05)\n        failpoint("before_inbox_commit")\n',
            ),
        ],
        failpoints="before_inbox_commit=kill:0.05",
        shows="lost",
    ),
    "done when claimed": Bug(
        [
            Change(
                CLAIM,
                "            SET attempts = d.attempts + 1, lease_token = p_token, claimed_at = overwatch_now(),\n",
                "            SET attempts = d.attempts + 1, lease_token = p_token, claimed_at = overwatch_now(),\n"
                "                status = 'processed', finished_at = overwatch_now(),\n",
            )
        ],
        failpoints="after_claim=kill:0.6",
        shows="lost",
    ),
    "every delivery is news": Bug(
        [
            Change(
                "hub/alerts/intake.py",
                'own_key = event.event_key or f"{dedup_key}\\n{state}\\n{occurred_at.isoformat()}"',
                'own_key = f"{delivery_id}{item}"',
            )
        ],
        failpoints="after_inbox_commit=kill:0.05",
        shows="doubled",
    ),
    "no turn and no lease": Bug(
        [
            Change(CLAIM, "        CONTINUE WHEN NOT pg_try_advisory_lock(", "        PERFORM pg_try_advisory_lock("),
            Change("hub/deliveries/turns.py", " AND d.id = o.id AND d.lease_token = :token", " AND d.id = o.id"),
        ],
        failpoints="after_claim=sleep:0.3",
        shows="violations",
    ),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_planted_bug_is_found(tmp_path: Path, bug: Bug):
    code = tmp_path / "code"
    for package in ("hub", "plugins", "workers"):
        shutil.copytree(ROOT / package, code / package)
    for change in bug.changes:
        source = (code / change.path).read_text()
        assert source.count(change.right) == 1
        (code / change.path).write_text(source.replace(change.right, change.wrong))
    environment = {"OVERWATCH_FAILPOINTS": bug.failpoints, "PYTHONPATH": str(code)}
    with running_hub(tmp_path / "data", environment=environment) as hub:
        for number in range(MOST_ROUNDS):  # whether two workers meet is chance: go on until it shows
            name = f"planted{number}"
            report = report_of(hub, name, 150, push(hub, name, count=150, rate=50))
            if getattr(report, bug.shows):
                break
    assert getattr(report, bug.shows), report.lines()
