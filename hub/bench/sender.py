"""A sender of webhooks that retries until it is told 2xx, on any number of connections."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 15.0
_PAUSE_SECONDS = 0.1

Body = Callable[[int], bytes]
"""The n-th body to push."""


@dataclass(slots=True)
class Sent:
    """What became of the pushes: receipts by number, seconds each took to be accepted, and every answer's status.

    Status 0 stands for a connection that failed, was refused or timed out.
    """

    receipts: dict[int, str] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the pushes was accepted at the first try."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Sender:
    """Pushes `count` bodies to one webhook, `rate` a second over all connections; 0 is as fast as it goes."""

    def __init__(self, webhook: str, body: Body, count: int, connections: int, rate: float = 0.0) -> None:
        parts = urlsplit(webhook)
        self._host, self._port = parts.hostname or "", parts.port
        self._path = f"{parts.path}?{parts.query}"
        self._body = body
        self._numbers: Iterator[int] = iter(range(count))
        self._lock = threading.Lock()
        self._rate = rate
        self._start = 0.0
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(connections)]
        self.sent = Sent()

    def start(self) -> None:
        """Begins to push."""
        self._start = time.monotonic()
        for thread in self._threads:
            thread.start()

    def join(self) -> Sent:
        """Waits until every body is accepted."""
        for thread in self._threads:
            thread.join()
        self.sent.seconds = time.monotonic() - self._start
        return self.sent

    def is_done(self) -> bool:
        """Whether every body is accepted."""
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        while (number := self._next()) is not None:
            body = self._body(number)
            while not self._push(connection, number, body):
                time.sleep(_PAUSE_SECONDS)
        connection.close()

    def _next(self) -> int | None:
        with self._lock:
            number = next(self._numbers, None)
        if number is not None and self._rate:
            time.sleep(max(0.0, self._start + number / self._rate - time.monotonic()))
        return number

    def _push(self, connection: http.client.HTTPConnection, number: int, body: bytes) -> bool:
        begun = time.monotonic()
        try:
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            connection.close()
            status, told, answer = 0, b"", None
        with self._lock:
            self.sent.statuses[status] += 1
            if status == http.HTTPStatus.SERVICE_UNAVAILABLE and answer and not answer.headers.get("Retry-After"):
                self.sent.without_retry_after += 1
            if status == http.HTTPStatus.OK:
                self.sent.latencies.append(time.monotonic() - begun)
                self.sent.receipts[number] = json.loads(told)["data"]["delivery_id"]
        return status == http.HTTPStatus.OK


def alert_body(numbers: range, run: str) -> bytes:
    """An Alertmanager body of about 1 KB per alert; each number is an alert of its own."""
    alerts = [
        {
            "status": "firing",
            "labels": {
                "alertname": f"HighErrorRate{number % 200}",
                "service": f"service-{number % 400}",
                "instance": f"10.0.{number % 250}.7:8080",
                "severity": "critical",
                "run": run,
                "number": str(number),
            },
            "annotations": {"summary": "5 % of requests fail. " * 12, "runbook_url": "https://runbooks.example/errors"},
            "startsAt": "2026-01-02T03:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=job%3Aerrors%3Arate5m",
            "fingerprint": f"{run}-{number}",
        }
        for number in numbers
    ]
    return json.dumps({"version": "4", "groupKey": "{}", "status": "firing", "alerts": alerts}).encode()
