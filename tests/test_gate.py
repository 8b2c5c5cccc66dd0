"""The gate at the start: a process loads its code, and does nothing before the database is ready."""

import sys
import time
from pathlib import Path

from hub.embedded.gate import Gate
from hub.embedded.process import Child, Process

THROUGH = """
import sys
from hub.embedded import gate
print("loaded", flush=True)
gate.wait(int(sys.argv[2]) if "--gate" in sys.argv else None)
print("through", flush=True)
"""


def at_start(tmp_path: Path) -> Process:
    return Process(Child("api", [sys.executable, "-c", THROUGH]), tmp_path)


def until_it_says(process: Process, words: str) -> None:
    deadline = time.monotonic() + 20
    while process.output() != words:
        assert time.monotonic() < deadline, process.output()
        time.sleep(0.02)


def test_a_process_at_the_gate_loads_and_then_waits_until_it_opens(tmp_path: Path):
    process = at_start(tmp_path)
    with Gate() as gate:
        process.spawn_at(gate)
        until_it_says(process, "loaded\n")
        time.sleep(0.2)  # time enough to go on in, if nothing held it
        assert process.is_running()
        assert process.output() == "loaded\n"
        gate.open()
        until_it_says(process, "loaded\nthrough\n")
    process.kill()


def test_a_process_that_is_started_again_waits_for_nobody(tmp_path: Path):
    process = at_start(tmp_path)
    process.spawn()
    until_it_says(process, "loaded\nthrough\n")
    process.kill()
