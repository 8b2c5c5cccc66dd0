"""`overwatch up` as a process of its own: one line, one hub per folder, a clean end, and no orphan after a kill."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from hub.settings import from_env

# A hub whose parts are as small as they can be; the folder in every command line finds what remains.
UP = """
import sys, time
from pathlib import Path
from hub.embedded import up
from hub.embedded.process import Child
from hub.settings import from_env
import psycopg

settings = from_env(Path(sys.argv[1]), {})
port, migration = int(sys.argv[2]), sys.argv[3]

API = '''
import http.server, sys, threading, signal, psycopg
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
def leave(*_):
    with psycopg.connect(sys.argv[2]) as session:
        session.execute("INSERT INTO goodbyes VALUES (now())")
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, leave)
server.serve_forever()
'''
url = settings.owner_database_url.replace("+psycopg", "")

def migrate(settings):
    exec(migration)

def is_ready():
    import urllib.request
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=1).status == 200
    except OSError:
        return False

def execute(statement):
    with psycopg.connect(url) as session:
        session.execute(statement)

children = [
    Child("api", [sys.executable, "-c", API, str(port), url, sys.argv[1]]),
    Child("beat", [sys.executable, "-c", "import time; time.sleep(600)", sys.argv[1]]),
]
sys.exit(up.run(settings, "127.0.0.1", port, children=children, migrate=migrate, is_ready=is_ready))
"""
MIGRATION = "execute('CREATE TABLE IF NOT EXISTS goodbyes (at timestamptz)')"


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def running(folder: Path) -> dict[int, str]:
    """Processes that carry the folder in their command line, or are servers that work in it: pid → command line."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text().replace("\0", " ")
            where = str((process / "cwd").readlink())
        except OSError:
            continue
        if str(folder) in command or where.startswith(str(folder)):
            found[int(process.name)] = command
    return found


class Hub:
    """One data folder, and the `up` that runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]

    def up(self, migration: str = MIGRATION, port: int = 0) -> "subprocess.Popen[str]":
        argv = [sys.executable, "-c", UP, str(self.folder), str(port or self.port), migration]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def up_and_ready(self) -> "subprocess.Popen[str]":
        process = self.up()
        assert process.stdout
        assert select.select([process.stdout], [], [], 30)[0]
        assert process.stdout.readline() == f"Overwatch is ready: http://127.0.0.1:{self.port}\n"
        return process

    def refused(self, migration: str = MIGRATION, port: int = 0) -> str:
        process = self.up(migration, port)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err.count("\n")) == (1, "", 1)
        return err

    def children(self, word: str) -> list[int]:
        """Those with the word in their command line, `up` itself left out."""
        return [pid for pid, command in running(self.folder).items() if word in command and UP[:60] not in command]

    def query(self, statement: str) -> object:
        url = from_env(self.folder, {}).owner_database_url.replace("+psycopg", "")
        with psycopg.connect(url) as session:
            return session.execute(statement).fetchone()[0]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    yield Hub(tmp_path)
    remaining = running(tmp_path)
    for pid in remaining:
        os.kill(pid, signal.SIGKILL)
    assert remaining == {}


def test_up_says_one_line_and_ends_cleanly_on_either_signal(hub: Hub) -> None:
    for signum in (signal.SIGTERM, signal.SIGINT):
        process = hub.up_and_ready()
        began = time.monotonic()
        process.send_signal(signum)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")
        assert time.monotonic() - began < 10
        assert running(hub.folder) == {}


def test_children_still_have_their_database_while_they_stop_and_a_restart_keeps_the_data(hub: Hub) -> None:
    for expected in (0, 1):
        process = hub.up_and_ready()
        assert hub.query("SELECT count(*) FROM goodbyes") == expected
        process.terminate()
        process.communicate(timeout=10)


def test_a_second_up_names_the_first(hub: Hub) -> None:
    first = hub.up_and_ready()
    refusal = hub.refused()
    assert f"already runs on {hub.folder} (process {first.pid}, http://127.0.0.1:{hub.port})" in refusal
    first.terminate()
    first.communicate(timeout=10)


def test_a_killed_up_leaves_nothing_and_the_next_one_finds_all_data(hub: Hub) -> None:
    killed = hub.up_and_ready()
    hub.query("INSERT INTO goodbyes VALUES (now()) RETURNING 1")
    killed.kill()
    killed.communicate()
    again = hub.up_and_ready()
    assert hub.query("SELECT count(*) FROM goodbyes") == 1
    again.kill()
    again.communicate()
    until(lambda: not running(hub.folder), seconds=3)


@pytest.mark.parametrize("word", ["postgres -D", "http.server", "time.sleep"])
def test_whoever_is_killed_comes_back(hub: Hub, word: str) -> None:
    process = hub.up_and_ready()
    (victim,) = hub.children(word)
    os.kill(victim, signal.SIGKILL)
    until(lambda: hub.children(word) not in ([], [victim]))
    until(lambda: answers(hub))
    process.terminate()
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0
    assert f"process {victim} ended with -9; next start in 0.0 s" in (hub.folder / "logs" / "up.log").read_text()


def answers(hub: Hub) -> bool:
    try:
        socket.create_connection(("127.0.0.1", hub.port), timeout=1).close()
        return hub.query("SELECT 1") == 1
    except (OSError, psycopg.OperationalError):
        return False


def test_a_taken_port_is_said_before_anything_is_made(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 is taken" in hub.refused(port=port)
    assert not (hub.folder / "pg18").exists()


def test_data_of_another_major_are_refused_in_one_line(hub: Hub) -> None:
    (hub.folder / "pg18").mkdir()
    (hub.folder / "pg18" / "PG_VERSION").write_text("16\n")
    assert "holds data of Postgres 16" in hub.refused()


def test_a_failed_migration_is_one_line_here_and_its_place_in_the_log(hub: Hub) -> None:
    refusal = hub.refused("raise ValueError('revision 7 is broken\\n[SQL: CREATE ...]')")
    assert "Cannot start: ValueError: revision 7 is broken (see" in refusal
    assert ":25 migrate" in (hub.folder / "logs" / "up.log").read_text()
    assert running(hub.folder) == {}


def test_a_stop_during_the_start_is_a_clean_one(hub: Hub) -> None:
    process = hub.up("print('migrating', flush=True); time.sleep(600)")
    assert process.stdout
    assert process.stdout.readline() == "migrating\n"
    process.terminate()
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0
    assert running(hub.folder) == {}
