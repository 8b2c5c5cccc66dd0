"""From `overwatch plugins new` to a green suite and a connector that the hub loads, outside of this repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Packages are installed into a folder of the test's own."""
    return {**os.environ, "OVERWATCH_DATA": str(tmp_path / "data"), "PYTHONPATH": str(tmp_path / "site")}


def run(environment: dict[str, str], cwd: Path, *command: str, fails: bool = False) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def overwatch(environment: dict[str, str], cwd: Path, *arguments: str, fails: bool = False) -> str:
    return run(environment, cwd, sys.executable, "-m", "hub.cli", "plugins", *arguments, fails=fails)


def pip_install(environment: dict[str, str], cwd: Path, folder: str) -> None:
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--target", str(cwd / "site"))
    run(environment, cwd, sys.executable, "-m", "pip", "install", *options, folder)


def test_new_plugin_installs_and_translates_in_its_child(environment: dict[str, str], tmp_path: Path):
    overwatch(environment, tmp_path, "new", "cold_store")
    pip_install(environment, tmp_path, "./cold_store")
    assert "cold_store 0.1.0 (webhook)" in overwatch(environment, tmp_path, "list")
    assert "its sample gives 1 events" in overwatch(environment, tmp_path, "check", "cold_store")


def test_try_shows_the_events_of_a_body(environment: dict[str, str], tmp_path: Path):
    (tmp_path / "body.json").write_text(
        '{"version": "4", "alerts": [{"labels": {"alertname": "A"}, "status": "firing"}]}'
    )
    assert '"state": "firing"' in overwatch(environment, tmp_path, "try", "alertmanager", "body.json")


@pytest.mark.parametrize("name", ["Acme", "1acme", "../acme", "a-b"])
def test_name_that_is_no_package_is_refused(environment: dict[str, str], tmp_path: Path, name: str):
    assert "a name is lower-case letters" in overwatch(environment, tmp_path, "new", name, fails=True)
    assert not (tmp_path / name).exists()
