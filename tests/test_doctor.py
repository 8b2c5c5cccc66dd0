"""`overwatch doctor`: one page that says how the hub is, and on stderr what to do where it is not well."""

import os
import subprocess
from pathlib import Path

from sqlalchemy import text

from hub import progress
from hub.broker import LANES
from hub.settings import Settings
from tests.factories import Hub, Person, firing
from tests.system import OVERWATCH, free_port

LOOKED_AT = {"versions", "database", "migrations", "clock", "deliveries", "lane", "scheduler", "plugins", "broker"}


def doctor(chosen: Settings, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What an operator sees of this hub."""
    told = {"OVERWATCH_DATABASE_URL": chosen.database_url, "OVERWATCH_BROKER_URL": chosen.broker_url} | environment
    command = [OVERWATCH, "doctor", "--data", chosen.data_dir, *words]
    return subprocess.run(command, env=os.environ | told, capture_output=True, text=True, check=False, timeout=120)


def at_work(hub: Hub, *lanes: str) -> None:
    """These lanes are worked on, for as long as a slow machine needs to look."""
    progress.beat(hub.runtime.database, lanes)
    with hub.runtime.database.transaction() as session:
        session.execute(text("UPDATE heartbeats SET beat_at = now() + interval '1 hour'"))


def test_page_of_a_hub_that_works_is_calm(hub: Hub, owner: Person, hub_settings: Settings):
    owner.push(firing())
    hub.work()
    at_work(hub, *LANES, progress.SCHEDULE)
    page = doctor(hub_settings, "--audit")
    assert (page.returncode, page.stderr, "WRONG" in page.stdout) == (0, "", False)
    assert {line.split()[1] for line in page.stdout.splitlines()} >= LOOKED_AT | {"disk", "model", "audit"}
    assert "0 wait, the oldest 0 s" in page.stdout


def test_page_names_what_is_wrong_and_what_to_do(hub: Hub, hub_settings: Settings, tmp_path: Path):
    at_work(hub, "index", "notify", "poll", "bulk", progress.SCHEDULE)
    page = doctor(
        hub_settings, OVERWATCH_BROKER_URL=f"redis://127.0.0.1:{free_port()}", OVERWATCH_MODEL_DIR=str(tmp_path)
    )
    assert page.returncode == 1
    complaints = page.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in complaints] == ["progress", "broker", "model"]
    assert "nobody works on the lane 'ingest'" in complaints[0]
    assert "does not answer" in complaints[1]
    assert "make setup" in complaints[2]


def test_page_of_a_hub_whose_database_is_away_still_tells_the_rest(hub_settings: Settings):
    away = f"postgresql://overwatch_app:x@127.0.0.1:{free_port()}/overwatch"
    page = doctor(hub_settings, OVERWATCH_DATABASE_URL=away)
    assert page.returncode == 1
    assert "WRONG progress    the database does not answer" in page.stdout
    assert "ok    disk" in page.stdout
    assert "Traceback" not in page.stderr
