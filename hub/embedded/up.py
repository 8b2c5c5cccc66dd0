"""`overwatch up`: everything the hub needs on one machine, in one command."""

import errno
import logging
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hub import logs
from hub.contracts.errors import Misconfigured, OverwatchError
from hub.embedded import lock
from hub.embedded.gate import Gate
from hub.embedded.postgres import EmbeddedPostgres
from hub.embedded.process import Child, Process, rotate
from hub.embedded.supervisor import Supervisor
from hub.embedded.wakeups import Wakeups
from hub.settings import Settings

log = logging.getLogger(__name__)


def say(line: str) -> None:
    """Prints at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(
    settings: Settings,
    host: str,
    port: int,
    *,
    children: Sequence[Child],
    migrate: Callable[[Settings], None],
    is_ready: Callable[[], bool],
    announce: Callable[[str], None] = say,
) -> int:
    """Runs the hub until SIGINT or SIGTERM; gives the exit code: 0 after a clean stop, 1 with one line on stderr.

    The children load their code meanwhile, and wait at a gate. `migrate` is called with Postgres up, then the gate
    opens, then `is_ready` is called again and again until it is true, then `announce` with the one line that says so.
    """
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        with ExitStack() as stack:
            wakeups = stack.enter_context(Wakeups())
            stack.enter_context(lock.hold(settings.data_dir, address))
            folder = stack.enter_context(_logs(settings.data_dir / "logs", logs.formatter(settings)))
            _refuse_taken_port(host, port)
            gate = stack.enter_context(Gate())
            processes = [stack.enter_context(_waiting(Process(child, folder), gate)) for child in children]
            postmaster = stack.enter_context(EmbeddedPostgres(settings)).postmaster if settings.embedded else None
            migrate(settings)
            gate.open()
            supervisor = Supervisor(processes, postmaster)
            supervisor.run(wakeups, is_ready, lambda: announce(f"Overwatch is ready: {address}"))
    except KeyboardInterrupt:
        return 0
    except Exception as error:  # noqa: BLE001  # whatever a migration raises: one line here, the traceback in the log
        sys.stderr.write(f"{_one_line(error, settings.data_dir)}\n")
        return 1
    return 0


@contextmanager
def _waiting(process: Process, gate: Gate) -> Iterator[Process]:
    """Started at the gate; at the end of the block it is over, which it already is unless something failed."""
    process.spawn_at(gate)
    try:
        yield process
    finally:
        process.kill()


class _Log(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Says nothing: a full disk has its one line already, and the default is a traceback on stderr."""


@contextmanager
def _logs(folder: Path, form: logging.Formatter) -> Iterator[Path]:
    """Makes the folder, puts large logs aside, and keeps our own in `up.log` until the end of the block."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.log"):
        rotate(path)
    handler = _Log(folder / "up.log")
    handler.setFormatter(form)
    room = logging.getLogger(__package__)
    room.addHandler(handler)
    try:
        yield folder
    except OverwatchError as error:
        log.error("%s", error)  # noqa: TRY400  # an error that has a name needs no traceback
        raise
    except Exception:
        log.exception("unexpected")
        raise
    finally:
        room.removeHandler(handler)
        handler.close()


def _refuse_taken_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what lingers of our last run is no other
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(f"Port {port} on {host} is taken: choose another with --port.") from error
        raise Misconfigured(f"Cannot listen on {host}, port {port}: {error.strerror}.") from error


def _one_line(error: Exception, data_dir: Path) -> str:
    if isinstance(error, OverwatchError):
        text = str(error)
    elif isinstance(error, OSError):
        text = f"Cannot use {data_dir}: {error.strerror or error}."
    else:
        first_line = next(iter(str(error).splitlines()), "")
        text = f"Cannot start: {type(error).__name__}: {first_line} (see {data_dir / 'logs' / 'up.log'})"
    return " ".join(text.split())
