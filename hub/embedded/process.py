"""One child process: started in a session of its own, tied to our life, its output in a log file."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.embedded.account import Account
from hub.embedded.gate import Gate
from hub.embedded.lifeline import die_with_parent

_LARGEST_LOG_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Child:
    """What to run. `env` is added to our environment, or is all of it where `inherits_environment` is false."""

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    inherits_environment: bool = True
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # SIGKILL, because a child that takes its time over SIGTERM would be an orphan for as long.
    orphan_signal: signal.Signals = signal.SIGKILL


class Process:
    """A child that can be started again after its death. Spawn from the main thread only: see `die_with_parent`."""

    def __init__(self, child: Child, logs: Path) -> None:
        self.child = child
        self.log = logs / f"{child.name}.log"
        self._popen: subprocess.Popen[bytes] | None = None
        self._output_start = 0

    @property
    def name(self) -> str:
        return self.child.name

    @property
    def pid(self) -> int:
        """Of the latest start; 0 before the first."""
        return self._popen.pid if self._popen else 0

    def spawn(self) -> None:
        """Starts it, after ending what the last run left in its process group. Raises OSError."""
        self.kill()
        self._open()

    def spawn_at(self, gate: Gate) -> None:
        """Starts it with the option `--gate`, for a first start: it loads its code, and goes on when the gate opens."""
        self._open(["--gate", str(gate.descriptor)], [gate.descriptor])

    def _open(self, more_argv: Sequence[str] = (), open_files: Sequence[int] = ()) -> None:
        child, account, parent_pid = self.child, self.child.account, os.getpid()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._output_start = log.tell()
            self._popen = subprocess.Popen(  # noqa: S603  # argv comes from our own code
                [*child.argv, *more_argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=child.cwd,
                env={**(os.environ if child.inherits_environment else {}), **child.env},
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                pass_fds=open_files,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(child.orphan_signal, parent_pid),  # noqa: PLW1509  # no threads here
            )

    def output(self) -> str:
        """What the latest start wrote to its log, at most the first 64 KiB."""
        with self.log.open("rb") as log:
            log.seek(self._output_start)
            return log.read(65536).decode(errors="replace")

    def is_running(self) -> bool:
        """False once it is dead; it then stays a zombie until `kill`, so that nobody else gets its process group."""
        if self._popen is None or self._popen.returncode is not None:
            return False
        return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def ask_to_stop(self) -> None:
        """Sends its stop signal, if it lives."""
        if self.is_running():
            os.kill(self.pid, self.child.stop_signal)

    def stop(self, seconds: float) -> None:
        """Asks it to stop, waits so long, and ends what is left of its process group."""
        self.ask_to_stop()
        patience = time.monotonic() + seconds
        while self.is_running() and time.monotonic() < patience:
            time.sleep(0.005)
        self.kill()

    def kill(self) -> int | None:
        """Ends the whole process group, dead leader or not. Gives the leader's exit code, negative for a signal."""
        if self._popen is None:
            return None
        if self._popen.returncode is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
        return self._popen.wait()


def rotate(log: Path) -> None:
    """Puts a large log aside as `<name>.log.1`, in place of the one before. Raises OSError."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
