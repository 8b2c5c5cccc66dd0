"""When each stage of a turn was done: the database's clock at the claim, and from there on our own stopwatch."""

import time
from datetime import datetime, timedelta


class Trace:
    """The stages of one turn."""

    def __init__(self, claimed_at: datetime) -> None:
        self._claimed_at = claimed_at
        self._start = time.monotonic()
        self.stages = {"claimed": claimed_at}

    def mark(self, stage: str) -> None:
        """The stage is done now."""
        self.stages[stage] = self._claimed_at + timedelta(seconds=time.monotonic() - self._start)
