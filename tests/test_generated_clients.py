"""Clients that generators make of the document: without a warning, and good for the main job."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from hub.settings import Settings
from tests.factories import Hub
from tests.served import serving

JOB = Path(__file__).with_name("generated_client_job.py")


def run(command: list[Any], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=600, **options)


@pytest.fixture(scope="module")
def described(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(hub.http.get("/openapi.json").json))
    return path


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment of its own that has openapi-python-client."""
    folder = tmp_path_factory.mktemp("generator")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    done = run([folder / "bin" / "pip", "install", "--quiet", "openapi-python-client"])
    if done.returncode:
        pytest.skip(f"openapi-python-client cannot be installed here: {done.stderr[-300:]}")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def python_client(described: Path, generator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the generated package."""
    package = tmp_path_factory.mktemp("clients") / "overwatch_client"
    path = {"PATH": f"{generator.parent}:/usr/bin:/bin"}
    options = ["--path", described, "--output-path", package, "--meta", "none"]
    done = run([generator.with_name("openapi-python-client"), "generate", *options], env=path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "arning" not in done.stderr + done.stdout, done.stderr + done.stdout
    return package.parent


def test_generated_python_client_does_the_main_job(
    hub: Hub, hub_settings: Settings, generator: Path, python_client: Path
):
    with serving(hub_settings) as address:
        job = subprocess.Popen(
            [generator, JOB, python_client, address], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        is_over = threading.Event()
        while job.poll() is None:
            hub.work()
            is_over.wait(0.1)
        told, _ = job.communicate()
    assert job.returncode == 0, told


def test_typescript_types_are_generated_and_compile(described: Path, tmp_path: Path):
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm here")
    done = run(
        [npm, "install", "--silent", "--no-audit", "--no-fund", "openapi-typescript", "typescript"], cwd=tmp_path
    )
    if done.returncode:
        pytest.skip(f"openapi-typescript cannot be installed here: {done.stderr[-300:]}")
    programs = tmp_path / "node_modules" / ".bin"
    made = run([programs / "openapi-typescript", described, "--output", "api.ts"], cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "arning" not in made.stderr + made.stdout
    checked = run([programs / "tsc", "--noEmit", "--strict", "api.ts"], cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
