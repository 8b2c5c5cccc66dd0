"""Decisions about dependencies: which would close a circle, and who suffers from whom."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Dependencies = Mapping[str, Iterable[str]]
"""Service → the services that it depends on."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A service that may suffer: how many dependencies away, and along which of them."""

    service: str
    hops: int
    path: tuple[str, ...]


def circle_through(service: str, dependencies: Dependencies) -> list[str]:
    """The shortest circle of dependencies from the service back to itself, e.g. [web, db, web]; [] without one."""
    paths = {service: [service]}
    waiting = [service]
    for current in waiting:  # grows while it is walked
        for needed in sorted(dependencies.get(current, ())):
            if needed == service:
                return [*paths[current], service]
            if needed not in paths:
                paths[needed] = [*paths[current], needed]
                waiting.append(needed)
    return []


def blast_radius(failing: Iterable[str], dependencies: Dependencies) -> list[Affected]:
    """Who depends on the failing services, directly or through others: nearest first, each by its shortest path."""
    dependents: dict[str, set[str]] = defaultdict(set)
    for service, needs in dependencies.items():
        for needed in needs:
            dependents[needed].add(service)
    found = {service: Affected(service, 0, (service,)) for service in sorted(failing)}
    waiting = list(found.values())
    for current in waiting:  # grows while it is walked
        for service in sorted(dependents[current.service] - found.keys()):
            found[service] = Affected(service, current.hops + 1, (*current.path, service))
            waiting.append(found[service])
    return [each for each in waiting if each.hops]
