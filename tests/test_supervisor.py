"""The supervisor with real processes: restarts, stops in time, and leaves no orphan."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.contracts.errors import Misconfigured
from hub.embedded import process, supervisor
from hub.embedded.process import Child, Process, rotate
from hub.embedded.supervisor import Supervisor, restart_delay_seconds
from hub.embedded.wakeups import Wakeups

SLEEPER = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEPER}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}, sys.argv[1]]); {SLEEPER}"


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def running(mark: Path) -> list[int]:
    """The processes that carry the mark in their command line."""
    return [int(path.parts[2]) for path in Path("/proc").glob("[0-9]*/cmdline") if str(mark).encode() in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def python(folder: Path, name: str, code: str) -> Process:
    """A child whose command line carries the test's folder."""
    return Process(Child(name, [sys.executable, "-c", code, str(folder)]), folder / "logs")


def stop_us() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


class Driver:
    """Runs the supervisor in this process: each step is called, as `is_ready`, until it is true; then all stops."""

    def __init__(self, *steps: Callable[[], bool]) -> None:
        self._steps = list(steps)

    def __call__(self) -> bool:
        while self._steps and self._steps[0]():
            self._steps.pop(0)
        return not self._steps

    def run(self, *children: Process, foundation: Process | None = None) -> None:
        with Wakeups() as wakeups:
            Supervisor(children, foundation).run(wakeups, self, stop_us)


def do(action: Callable[[], object]) -> Callable[[], bool]:
    """A step that is done once."""
    return lambda: action() or True


@pytest.fixture(autouse=True)
def nothing_remains(tmp_path: Path) -> Iterator[None]:
    yield
    until(lambda: not running(tmp_path))


# --- restarts -------------------------------------------------------------------------------------------------------


def test_restart_delays_double_from_nothing_to_ten_seconds() -> None:
    assert [restart_delay_seconds(deaths) for deaths in range(1, 9)] == [0, 0.5, 1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_child_that_dies_is_started_again(tmp_path: Path, signum: signal.Signals) -> None:
    child = python(tmp_path, "api", SLEEPER)
    pids: list[int] = []
    Driver(
        do(lambda: pids.append(child.pid)),
        do(lambda: os.kill(child.pid, signum)),
        lambda: child.pid != pids[0] and child.is_running(),
    ).run(child)


def test_the_foundation_is_started_again_and_outlives_the_children(tmp_path: Path) -> None:
    foundation = python(tmp_path, "database", SLEEPER)
    foundation.spawn()
    first = foundation.pid
    Driver(
        do(lambda: os.kill(first, signal.SIGKILL)),
        lambda: foundation.pid != first,
    ).run(python(tmp_path, "api", SLEEPER), foundation=foundation)
    assert running(tmp_path) == [foundation.pid]
    foundation.stop(5)


def test_what_a_dead_child_leaves_behind_dies_before_the_next_one_starts(tmp_path: Path) -> None:
    child = python(tmp_path, "api", PARENT)
    families: list[list[int]] = []
    Driver(
        lambda: len(running(tmp_path)) == 2,
        do(lambda: families.append(running(tmp_path))),
        do(lambda: os.kill(child.pid, signal.SIGKILL)),
        lambda: len(running(tmp_path)) == 2 and not set(running(tmp_path)) & set(families[0]),
    ).run(child)


def test_a_child_that_cannot_even_start_is_named(tmp_path: Path) -> None:
    child = Process(Child("beat", [tmp_path / "nowhere"]), tmp_path / "logs")
    with pytest.raises(Misconfigured, match=r"^beat keeps ending at its start"):
        Driver(lambda: False).run(child)


def test_a_child_that_keeps_dying_at_its_start_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"api keeps ending at its start: SystemExit: no plugin .*logs/api.log"):
        Driver(lambda: False).run(
            python(tmp_path, "api", "import sys; sys.exit('SystemExit: no plugin')"),
            python(tmp_path, "worker", SLEEPER),
        )


def test_deaths_after_a_healthy_while_are_not_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_HEALTHY_SECONDS", -1)
    child = python(tmp_path, "api", SLEEPER)
    killed: set[int] = set()

    def kill_again() -> bool:
        if child.pid not in killed:
            killed.add(child.pid)
            os.kill(child.pid, signal.SIGKILL)
        return len(killed) == supervisor._DEATHS_BEFORE_READY + 1

    Driver(kill_again).run(child)


def test_a_hub_that_does_not_get_ready_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_READY_SECONDS", 0.3)
    with pytest.raises(Misconfigured, match="Not ready after"):
        Driver(lambda: False).run(python(tmp_path, "api", SLEEPER))


# --- stopping -------------------------------------------------------------------------------------------------------


def test_children_are_asked_before_they_are_killed(tmp_path: Path) -> None:
    polite = (
        "import signal, sys, time\n"
        "def leave(*_): print('goodbye'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('hello', flush=True)\n"
        "time.sleep(600)"
    )
    child = python(tmp_path, "worker", polite)
    Driver(lambda: "hello" in child.output()).run(child)
    assert child.output() == "hello\ngoodbye\n"


def test_a_child_deaf_to_sigterm_is_killed_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_STOP_SECONDS", 0.5)
    children = [python(tmp_path, name, STUBBORN) for name in ("worker", "beat")]
    stopped_at: list[float] = []
    Driver(
        lambda: all("deaf" in child.output() for child in children),
        do(lambda: stopped_at.append(time.monotonic())),
    ).run(*children)
    assert 0.5 <= time.monotonic() - stopped_at[0] < 5


def test_a_stop_ends_grandchildren_too(tmp_path: Path) -> None:
    Driver(lambda: len(running(tmp_path)) == 2).run(python(tmp_path, "api", PARENT))
    until(lambda: not running(tmp_path), seconds=1)


def test_the_time_to_stop_leaves_room_for_postgres_within_ten_seconds() -> None:
    from hub.embedded import postgres

    assert supervisor._STOP_SECONDS + postgres._STOP_SECONDS < 9.5


# --- the death of the supervisor itself -----------------------------------------------------------------------------

SUPERVISE = f"""
import sys
from pathlib import Path
from hub.embedded.process import Child, Process
from hub.embedded.supervisor import Supervisor
from hub.embedded.wakeups import Wakeups

folder = Path(sys.argv[1])
children = [
    Process(Child(name, [sys.executable, "-c", {STUBBORN!r}, str(folder)]), folder / "logs") for name in ("api", "beat")
]
with Wakeups() as wakeups:
    deaf = lambda: all("deaf" in child.output() for child in children)
    Supervisor(children).run(wakeups, deaf, lambda: print("ready", flush=True))
"""


def test_a_killed_supervisor_leaves_no_orphan_not_even_a_deaf_one(tmp_path: Path) -> None:
    hub = subprocess.Popen([sys.executable, "-c", SUPERVISE, str(tmp_path)], stdout=subprocess.PIPE)
    with hub:
        assert hub.stdout
        assert hub.stdout.readline() == b"ready\n"
        assert len(running(tmp_path)) == 3
        hub.kill()
    until(lambda: not running(tmp_path), seconds=2)


def test_a_child_whose_parent_died_before_it_could_ask_dies_at_once() -> None:
    late = "import os; from hub.embedded.lifeline import die_with_parent; die_with_parent(parent_pid=os.getpid())"
    assert subprocess.run([sys.executable, "-c", late], check=False).returncode == -signal.SIGKILL


def test_an_idle_supervisor_does_not_wake_up(tmp_path: Path) -> None:
    hub = subprocess.Popen([sys.executable, "-c", SUPERVISE, str(tmp_path)], stdout=subprocess.PIPE)
    with hub:
        assert hub.stdout
        hub.stdout.readline()
        status = Path(f"/proc/{hub.pid}/status")
        until(lambda: "sleeping" in status.read_text())
        before = [line for line in status.read_text().splitlines() if "voluntary" in line]
        with pytest.raises(subprocess.TimeoutExpired):
            hub.wait(0.5)
        assert [line for line in status.read_text().splitlines() if "voluntary" in line] == before
        hub.kill()


# --- logs -----------------------------------------------------------------------------------------------------------


def test_output_and_errors_of_every_start_end_in_the_child_s_log(tmp_path: Path) -> None:
    child = python(tmp_path, "api", "import sys; print('out', flush=True); sys.exit('err')")
    for _ in range(2):
        child.spawn()
        until(lambda: not child.is_running())
    assert child.kill() == 1
    assert (tmp_path / "logs" / "api.log").read_text() == "out\nerr\n" * 2
    assert child.output() == "out\nerr\n"


def test_only_a_large_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_LARGEST_LOG_BYTES", 100)
    small, large = tmp_path / "small.log", tmp_path / "large.log"
    small.write_text("x" * 100)
    large.write_text("x" * 101)
    for log in (small, large):
        rotate(log)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large.log.1", "small.log"]


def test_a_child_gets_our_environment_and_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    code = "import os; print(os.environ.get('OURS'), os.environ.get('OVERWATCH_DATA'))"
    outputs = []
    for inherits in (True, False):
        argv = [sys.executable, "-c", code]
        child = Child("api", argv, env={"OVERWATCH_DATA": "here"}, inherits_environment=inherits)
        run = Process(child, tmp_path)
        run.spawn()
        until(lambda run=run: not run.is_running())
        run.kill()
        outputs.append(run.output())
    assert outputs == ["1 here\n", "None here\n"]
