"""Hubs in processes of their own, that are made to suffer; each at the end answers to the auditor."""

from collections.abc import Iterator

import pytest

from hub.bench.running import RunningHub, running_hub


@pytest.fixture(scope="package")
def suffering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """One hub for the faults that a hub outlives."""
    with running_hub(tmp_path_factory.mktemp("chaos")) as hub:
        yield hub
