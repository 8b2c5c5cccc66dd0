"""The README is executed: its quick start's commands, on a hub that its first command starts."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from hub.settings import Secrets
from tests.system import free_port, read_line

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the README's `make up` starts, on a folder and a port of its own; the environment for the other commands."""
    environment = {**os.environ, "DATA": str(tmp_path_factory.mktemp("data")), "PORT": str(free_port())}
    command = next(block for block in BLOCKS if block == "make up\n").split()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        while not read_line(process, 300).startswith("Overwatch is ready: "):
            pass  # what it installs, where it has not been installed yet
        yield environment | {"HUB": f"http://127.0.0.1:{environment['PORT']}"}
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)


def run(block: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_quick_start_by_hand_ends_with_the_incident_found_by_meaning(hub: dict[str, str]):
    (by_hand,) = (block for block in BLOCKS if "TOKEN=" in block)
    told = run(by_hand, hub)
    assert told.count("NodeFilesystemAlmostOutOfSpace") >= 2
    assert '"confidence"' in told


def test_demo_plays_and_cleans_up(hub: dict[str, str]):
    told = run(next(block for block in BLOCKS if block == "make demo\n"), hub)
    assert re.search(r"\d+ deliveries → \d+ alerts → \d+ incidents", told)
    assert "Found:" in told
    assert "is gone" in run(".venv/bin/overwatch demo --data $DATA --port $PORT --reset", hub)


def test_every_target_is_named_by_make_alone():
    # as from a shell: what an outer make leaves in the environment makes the inner one announce its folder
    alone = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    told = subprocess.run(["make"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in told.splitlines()] == ["setup", "up", "demo", "test", "check", "bench"]


def test_linked_files_exist():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_settings_table_names_every_variable_the_code_reads():
    sources = [*(ROOT / "hub").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]
    read = {name for path in sources for name in re.findall(r"\bOVERWATCH_[A-Z_]*[A-Z]\b", path.read_text())}
    secrets = {f"OVERWATCH_{field.name.upper()}" for field in fields(Secrets)}
    told = {
        name for row in re.findall(r"^\| (`OVERWATCH_.*?) \|", README, re.MULTILINE) for name in re.findall(r"\w+", row)
    }
    assert told == read - secrets
