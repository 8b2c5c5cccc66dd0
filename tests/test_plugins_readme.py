"""The README for plugin authors, to the letter: in a fresh environment, outside of this repository."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(env: dict[str, str], cwd: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path]:
    """An environment with a wheel of the hub in it. Other packages are this one's: they are not what is tested."""
    home = tmp_path_factory.mktemp("author")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OVERWATCH_", "PYTHON", "PIP_"))}
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    copy = home / "source"
    files = run(env, home, "git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    run(env, home, *pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "wheels", str(copy))
    run(env, home, sys.executable, "-m", "venv", "venv")
    python = home / "venv" / "bin" / "python"
    (site,) = (home / "venv").glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(env, home, str(python), *pip[1:], "uninstall", "--yes", "setuptools")  # an old one would come first
    (wheel,) = (home / "wheels").glob("*.whl")
    run(env, home, str(python), *pip[1:], "install", "--no-deps", "--no-index", str(wheel))
    work = home / "work"
    work.mkdir()
    paths = {"PATH": f"{home / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}", "OVERWATCH_DATA": str(home / "data")}
    # nothing is fetched: pip finds setuptools and pytest among the other packages
    return {**env, **paths, "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false"}, work


def test_commands_of_the_readme_end_in_a_connector_that_the_hub_loads(fresh: tuple[dict[str, str], Path]):
    env, work = fresh
    section = (ROOT / "plugins" / "README.md").read_text().partition("## Your own in five minutes")[2]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    said = [run(env, work, "sh", "-c", command) for command in block[1].strip().splitlines()]
    assert "acme 0.1.0 (webhook)" in said[-1]


def test_package_has_all_that_is_promised(fresh: tuple[dict[str, str], Path]):
    env, work = fresh
    run(env, work, "overwatch", "plugins", "new", "other")
    found = {str(path.relative_to(work / "other")) for path in (work / "other").rglob("*") if path.is_file()}
    promised = {"LICENSE", "pyproject.toml", ".github/workflows/test.yml"}
    own = {f"other_overwatch/{name}" for name in ("__init__.py", "README.md", "test_other.py")}
    assert promised | own <= found
