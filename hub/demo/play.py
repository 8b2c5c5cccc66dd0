"""Plays the storm against a hub and tells what came of it; can be played again, and cleans up after itself."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hub.client import ApiRefused, Client
from hub.contracts.errors import Misconfigured, Unavailable
from hub.demo import storm
from hub.wait import is_ready

Say = Callable[[str], None]

_PLATFORMS = ("alertmanager", "datadog", "newrelic")
_START_SECONDS = 90
_SETTLE_SECONDS = 60
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Stage:
    """Who plays the demo, and where its platforms push; kept in the data folder, readable by its owner only."""

    email: str
    password: str
    webhooks: dict[str, str]


def play(address: str, data: Path, say: Say) -> None:
    """Raises Unavailable when the hub does not settle in a minute, ApiRefused when it refuses a call."""
    client = Client(address)
    stage = _set(client, data, say)
    before = _counts(client)
    pushes = list(storm.pushes(storm.now()))
    for number, push in enumerate(pushes, 1):
        client.call("POST", stage.webhooks[push.platform], push.body)
        say(f"[{number:>2}/{len(pushes)}] {push.platform:<12} {push.says}")
    _settle(client, say)
    after = _counts(client)
    say("")
    say(" → ".join(f"{after[kind] - before[kind]} {kind}" for kind in before))
    for incident in client.call("GET", f"/incidents?limit={max(1, after['incidents'] - before['incidents'])}")["data"]:
        say(
            f"  {incident['status']:<8} {incident['severity']:<8} {incident['alert_count']} alerts  {incident['title']}"
        )
    _search(client, say)
    say("")
    say(f"The hub: {address}   you: {stage.email}   password: {stage.password}")


def reset(address: str, data: Path, say: Say) -> None:
    """Deletes the demo's organization with all that is in it, and what the data folder knows of it."""
    path = _path(data)
    if not path.exists():
        say("There is no demo to clean up.")
        return
    client = Client(address)
    stage = Stage(**json.loads(path.read_text()))
    client.log_in(stage.email, stage.password)
    client.call("DELETE", "/organizations/current")
    path.unlink()
    say("The demo's organization is gone.")


@contextmanager
def running_hub(host: str, port: int, data: Path, say: Say) -> Iterator[str]:
    """The address of the hub that runs there, or of one started for as long as the demo takes."""
    address = f"http://{host}:{port}"
    if is_ready(host, port):
        yield address
        return
    say("No hub runs here yet: starting one ...")
    command = [sys.executable, "-P", "-m", "hub.cli", "up", "--data", str(data), "--host", host, "--port", str(port)]
    hub = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603  # our own command
    try:
        _wait_for(lambda: is_ready(host, port) or hub.poll() is not None, _START_SECONDS, "the hub did not start")
        if hub.poll() is not None:
            raise Misconfigured("The hub could not start; its own message stands above.")
        yield address
        say("Stopping the hub again; `make up` starts it with the same data.")
    finally:
        hub.terminate()
        hub.wait()


def _set(client: Client, data: Path, say: Say) -> Stage:
    path = _path(data)
    if path.exists():
        stage = Stage(**json.loads(path.read_text()))
        try:
            client.log_in(stage.email, stage.password)
        except ApiRefused:
            say("The demo of before is gone from this hub; setting up a new one.")
        else:
            return stage
    email, password = f"demo-{secrets.token_hex(4)}@example.org", f"Demo-{secrets.token_urlsafe(12)}-1"
    client.register(email=email, password=password, name="Demo", organization="Demo shop")
    webhooks = {platform: client.connect(platform, f"Demo {platform}") for platform in _PLATFORMS}
    stage = Stage(email, password, webhooks)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(stage), file)
    return stage


def _path(data: Path) -> Path:
    return data / "demo.json"


def _counts(client: Client) -> dict[str, int]:
    return {kind: _total(client, f"/{kind}?limit=1") for kind in ("deliveries", "alerts", "incidents")}


def _total(client: Client, path: str) -> int:
    total: int = client.call("GET", path)["meta"]["total"]
    return total


def _settle(client: Client, say: Say) -> None:
    say("Waiting until every delivery has its outcome ...")
    pending = "/deliveries?status=pending&limit=1"
    _wait_for(lambda: _total(client, pending) == 0, _SETTLE_SECONDS, "deliveries are still pending")


def _search(client: Client, say: Say) -> None:
    """What solved it is written down, and found by words that do not stand in it."""
    for incident in client.call("GET", "/incidents?service=orders-db&limit=1")["data"]:
        client.call("PATCH", f"/incidents/{incident['id']}", {"resolution": storm.ANSWER})
    found: list[dict[str, Any]] = []

    def is_found() -> bool:
        found[:] = client.call("POST", "/search/query", {"query": storm.QUESTION, "limit": 1})["data"]
        return bool(found)

    _wait_for(is_found, _SETTLE_SECONDS, "search finds nothing")
    say("")
    say(f"Asked: {storm.QUESTION}")
    say(f"Found: {found[0]['title']} ({found[0]['type']}, confidence {found[0]['confidence']:.2f})")


def _wait_for(condition: Callable[[], bool], seconds: float, complaint: str) -> None:
    patience = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > patience:
            raise Unavailable(f"After {seconds:.0f} s {complaint}; see the logs in the data folder.")
        time.sleep(_POLL_SECONDS)
