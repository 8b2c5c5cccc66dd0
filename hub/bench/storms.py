"""Real alert storms with ground truth, read from a folder: alerts.jsonl and topology.json, as its notes say."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from hub.contracts.errors import NotFound
from hub.incidents.signals import Signal, words_of

_TIES = frozenset({"control_flow", "data_flow", "hosted_on"})


@dataclass(frozen=True, slots=True)
class Storm:
    """Signals in the order of their time, the true fault of each, and which services are neighbours."""

    signals: Sequence[Signal]
    faults: Sequence[str]
    neighbours: Mapping[str, frozenset[str]]


def folders(folder: Path) -> list[Path]:
    """The data sets at this place: the folder itself, or those in it. Raises NotFound when there are none."""
    found = sorted(each.parent for pattern in ("alerts.jsonl", "*/alerts.jsonl") for each in folder.glob(pattern))
    if not found:
        raise NotFound(f"Neither {folder} nor a folder in it has an alerts.jsonl.")
    return found


def read(folder: Path) -> Storm:
    """One folder of the data set. Raises OSError, KeyError."""
    topology = json.loads((folder / "topology.json").read_text())
    service_of = {edge["source"]: edge["target"] for edge in topology["edges"] if edge["label"] == "instance_of"}
    lines = sorted(map(json.loads, (folder / "alerts.jsonl").read_text().splitlines()), key=lambda each: each["ts"])
    signals = [_signal(number, line, service_of) for number, line in enumerate(lines)]
    return Storm(signals, [line["fault"] for line in lines], _neighbours(topology["edges"], service_of))


def overlapped(storm: Storm) -> list[Storm]:
    """Every second fault moved onto the start of the one before it: storms of two faults at once."""
    by_fault: dict[str, list[Signal]] = defaultdict(list)
    for signal, fault in zip(storm.signals, storm.faults, strict=True):
        by_fault[fault].append(signal)
    faults = list(by_fault)
    return [_together(storm, by_fault, faults[n], faults[n + 1]) for n in range(0, len(faults) - 1, 2)]


def _together(storm: Storm, by_fault: Mapping[str, list[Signal]], first: str, second: str) -> Storm:
    shift = by_fault[second][0].at - by_fault[first][0].at
    told = [(signal, first) for signal in by_fault[first]]
    told += [(replace(signal, at=signal.at - shift), second) for signal in by_fault[second]]
    told.sort(key=lambda pair: (pair[0].at, pair[0].alert_id))
    return Storm([signal for signal, _ in told], [fault for _, fault in told], storm.neighbours)


def _signal(number: int, line: Mapping[str, Any], service_of: Mapping[str, str]) -> Signal:
    component = line["component"] or ""
    return Signal(
        alert_id=UUID(int=number),
        at=datetime.fromtimestamp(line["ts"] / 1000, UTC),
        severity="high",
        environment="",
        service=service_of.get(component, component),
        words=words_of(line["text"]),
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
