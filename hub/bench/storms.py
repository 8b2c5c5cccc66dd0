"""Real alert storms with ground truth, read from a folder: alerts.jsonl and topology.json, as its notes say."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from hub.contracts.errors import Malformed, NotFound
from hub.incidents.signals import Signal, words_of

_TIES = frozenset({"control_flow", "data_flow", "hosted_on"})
_ALERT = {"ts": int | float, "kind": str, "component": str | None, "signal": str, "text": str, "fault": str}
_EDGE = {"source": str, "target": str, "label": str}


@dataclass(frozen=True, slots=True)
class Storm:
    """Signals in the order of their time, the line of the data set each comes from, and who are neighbours."""

    signals: Sequence[Signal]
    lines: Sequence[Mapping[str, Any]]
    neighbours: Mapping[str, frozenset[str]]

    @property
    def faults(self) -> list[str]:
        """The true group of each signal."""
        return [line["fault"] for line in self.lines]


def folders(folder: Path) -> list[Path]:
    """The data sets at this place: the folder itself, or those in it. Raises NotFound when there are none."""
    found = sorted(each.parent for pattern in ("alerts.jsonl", "*/alerts.jsonl") for each in folder.glob(pattern))
    if not found:
        raise NotFound(f"Neither {folder} nor a folder in it has an alerts.jsonl.")
    return found


def read(folder: Path) -> Storm:
    """One folder of the data set. Raises NotFound for a file that is missing, Malformed for one of another form."""
    edges = list(_edges(folder / "topology.json"))
    service_of = {edge["source"]: edge["target"] for edge in edges if edge["label"] == "instance_of"}
    lines = sorted(_alerts(folder / "alerts.jsonl"), key=lambda each: each["ts"])
    signals = [_signal(number, line, service_of) for number, line in enumerate(lines)]
    return Storm(signals, lines, _neighbours(edges, service_of))


def overlapped(storm: Storm) -> list[Storm]:
    """Every second fault moved onto the start of the one before it: storms of two faults at once."""
    by_fault: dict[str, list[Told]] = defaultdict(list)
    for signal, line in zip(storm.signals, storm.lines, strict=True):
        by_fault[line["fault"]].append((signal, line))
    faults = list(by_fault.values())
    return [_together(storm, *faults[n : n + 2]) for n in range(0, len(faults) - 1, 2)]


Told = tuple[Signal, Mapping[str, Any]]


def _together(storm: Storm, first: Sequence[Told], second: Sequence[Told]) -> Storm:
    shift = second[0][0].at - first[0][0].at
    told = [*first, *((replace(signal, at=signal.at - shift), line) for signal, line in second)]
    told.sort(key=lambda pair: (pair[0].at, pair[0].alert_id))
    return Storm([signal for signal, _ in told], [line for _, line in told], storm.neighbours)


def _alerts(path: Path) -> Iterator[Mapping[str, Any]]:
    lines = [line for line in _text(path).splitlines() if line.strip()]
    if not lines:
        raise Malformed(path.name, f"{path} is empty: one alert per line, with {', '.join(_ALERT)}")
    for number, line in enumerate(lines, 1):
        yield _checked(_json(line, f"{path}:{number}"), _ALERT, f"{path}:{number}")


def _edges(path: Path) -> Iterator[Mapping[str, Any]]:
    topology = _checked(_json(_text(path), str(path)), {"edges": list}, str(path))
    return (_checked(edge, _EDGE, f"{path}: edge {number}") for number, edge in enumerate(topology["edges"], 1))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{path} cannot be read: {error}.") from error


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Malformed(place, f"is no JSON: {error}") from error


def _checked(told: Any, wanted: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise Malformed(place, f"is no object with {', '.join(wanted)}")
    for name, kind in wanted.items():
        if not isinstance(told.get(name), kind):
            raise Malformed(place, f"has no {name} as the data set needs it, but {told.get(name)!r}")
    return told


def _signal(number: int, line: Mapping[str, Any], service_of: Mapping[str, str]) -> Signal:
    component = line["component"] or ""
    service = service_of.get(component, component)
    return Signal(
        alert_id=UUID(int=number),
        at=datetime.fromtimestamp(line["ts"] / 1000, UTC),
        severity="high",
        environment="",
        service=service,
        words=words_of(line["text"]),
        facts={"service": service},
    )


def _neighbours(edges: Iterable[Mapping[str, str]], service_of: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Who calls whom, and whose instances run on which host: what a catalogue of services would hold."""
    found: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        if edge["label"] in _TIES:
            one, other = (service_of.get(edge[end], edge[end]) for end in ("source", "target"))
            found[one].add(other)
            found[other].add(one)
    return {service: frozenset(others) for service, others in found.items()}
