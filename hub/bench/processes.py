"""The processes of a running hub: who is who, and who is busy; read from /proc."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.03
_OTHER = "other"

# what stands in a command line, and the role it tells; Postgres' own children rename themselves. Words that no path
# to the hub or to its data has
ROLES: Mapping[str, str] = {
    "postgres: ": "postgres",
    "/bin/postgres ": "postgres",
    " api ": "api",
    " --lanes ingest": "worker-ingest",
    " --lanes index": "worker-index",
    " beat ": "scheduler",
}


@dataclass(frozen=True, slots=True)
class Running:
    """One process; `cpu_seconds` is user and system time since its start."""

    pid: int
    parent: int
    role: str
    cpu_seconds: float


def below(pid: int) -> list[Running]:
    """All descendants of the process; one whose command line tells no role has its parent's."""
    everyone = list(_everyone())
    found: list[Running] = []
    level = {pid: _OTHER}
    while level:
        children = [each for each in everyone if each.parent in level]
        found += [replace(each, role=level[each.parent]) if each.role == _OTHER else each for each in children]
        level = {each.pid: each.role for each in found[-len(children) :]} if children else {}
    return found


def busiest(pid: int, role: str) -> Running | None:
    """Of the descendants with this role, the one that has just worked the most."""
    before = {each.pid: each.cpu_seconds for each in below(pid)}
    time.sleep(_LOOK_SECONDS)
    known = [each for each in below(pid) if each.role == role]
    return max(known, key=lambda each: (each.cpu_seconds - before.get(each.pid, 0.0), each.pid), default=None)


def cpu_seconds(pid: int) -> dict[str, float]:
    """What the living descendants have used since their start, by role."""
    spent: dict[str, float] = {}
    for each in below(pid):
        spent[each.role] = spent.get(each.role, 0.0) + each.cpu_seconds
    return spent


def _everyone() -> Iterator[Running]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = f"{(folder / 'cmdline').read_text().replace(chr(0), ' ')} "
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended since
            continue
        role = next((role for word, role in ROLES.items() if word in words), _OTHER)
        if fields[0] != "Z":
            yield Running(
                int(folder.name), int(fields[1]), role, (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
            )
