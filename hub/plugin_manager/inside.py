"""The inside of a plugin's child: begun with a descriptor, it answers requests until the pipe ends."""

import importlib
import importlib.util
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from hub.contracts.connector import Connector, Response, Trouble
from hub.plugin_manager import declared, fences, wire
from hub.plugin_manager.declared import Brought
from hub.plugin_manager.framing import Line

_MORE_THAN_THE_DEADLINE_SECONDS = 5.0

_SHOWN = ("name", "title", "version", "requires_api", "setup_guide", "sample_body")
_DECIDING = ("signing_secret", "repeats_on_purpose", "installs")


class PipedHttp:
    """The child has no network: the hub sends its requests, and its guard decides where to."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Raises Unavailable or Misconfigured."""
        asked = {"method": method, "url": url, "headers": dict(headers or {}), "body": body.hex()}
        self._line.send({"http": asked})
        answer = self._line.receive()
        if "error" in answer:
            raise wire.to_error(answer["error"])
        return wire.to_response(answer["value"])


def main() -> None:
    """Runs until the hub hangs up."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    order = line.receive()
    sys.path[:] = order["path"]
    file = Path(order["file"]) if order["file"] else None
    readable = [
        Path(sys.prefix),
        Path(sys.base_prefix),
        *map(Path, filter(None, sys.path)),
        *([file.parent] if file else _home(order["module"])),
    ]
    fences.put_up(readable, Path(order["hidden"]) if order["hidden"] else None)
    brought: list[Brought] = []

    def describe() -> dict[str, Any]:
        brought[:] = [declared.brought_by(order["name"], _module(order["name"], order["module"], file))]
        return _description(brought[0])

    _answer(line, describe, order["seconds"], is_loading=True)
    while True:
        request = line.receive()
        _answer(line, partial(_call, brought[0] if brought else Brought(), request, line), request["seconds"])


def _answer(line: Line, act: Callable[[], Any], seconds: float, *, is_loading: bool = False) -> None:
    fences.end_after(seconds + _MORE_THAN_THE_DEADLINE_SECONDS)
    try:
        answer = {"value": act()}
    except BaseException as error:  # noqa: BLE001  # SystemExit too: this process ends when the hub says so
        answer = {
            "error": wire.from_error(error, is_whole=is_loading),
            "is_out_of_memory": isinstance(error, MemoryError),
        }
    fences.end_after(0)
    line.send(answer | {"cpu_seconds": time.process_time()})


def _home(module: str) -> list[Path]:
    """The folder of a package that lies outside of sys.path, as one does that is installed to be edited."""
    spec = importlib.util.find_spec(module.partition(".")[0])
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []


def _module(name: str, module: str, file: Path | None) -> ModuleType:
    if file is None:
        return importlib.import_module(module)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _description(brought: Brought) -> dict[str, Any]:
    return {
        "connectors": [_described(connector) for connector in brought.connectors],
        "enrichers": [enricher.name for enricher in brought.enrichers],
        "observers": list(brought.observers),
    }


def _described(connector: Connector) -> dict[str, Any]:
    shown = {name: str(getattr(connector, name)) for name in _SHOWN}
    deciding = {name: getattr(connector, name) for name in _DECIDING}
    told = {"directions": sorted(connector.directions), "config_schema": dict(connector.config_schema)}
    return {**shown, **deciding, **told}


def _call(brought: Brought, request: Mapping[str, Any], line: Line) -> Any:
    if request["call"] in _OTHER_CALLS:
        return _OTHER_CALLS[request["call"]](brought, request, PipedHttp(line))
    (connector,) = (each for each in brought.connectors if each.name == request["connector"])
    return _CALLS[request["call"]](connector, request, PipedHttp(line))


def _observe(brought: Brought, request: Mapping[str, Any], http: PipedHttp) -> None:
    brought.observers[request["hook"]](**request["told"], http=http)


def _enrich(brought: Brought, request: Mapping[str, Any], _: PipedHttp) -> list[dict[str, str]]:
    enricher = next(each for each in brought.enrichers if each.name == request["name"])
    return [dict(labels) for labels in enricher.enrich_all(wire.to_events(request["events"]))]


_OTHER_CALLS: Mapping[str, Callable[[Brought, Mapping[str, Any], PipedHttp], Any]] = {
    "enrich": _enrich,
    "observe": _observe,
}
_CALLS: Mapping[str, Callable[[Connector, Mapping[str, Any], PipedHttp], Any]] = {
    "verify": lambda connector, r, _: connector.verify(wire.to_delivery(r["delivery"]), r["config"]),
    "delivery_key": lambda connector, r, _: connector.delivery_key(wire.to_delivery(r["delivery"])),
    "normalise": lambda connector, r, _: wire.from_events(
        connector.normalise(wire.to_delivery(r["delivery"]), r["config"])
    ),
    "confirm": lambda connector, r, http: asdict(connector.confirm(wire.to_delivery(r["delivery"]), r["config"], http)),
    "poll": lambda connector, r, http: wire.from_poll(connector.poll(r["config"], r["cursor"], http)),
    "check": lambda connector, r, http: asdict(connector.check(r["config"], http)),
    "install": lambda connector, r, http: asdict(connector.install(r["config"], r["webhook_url"], http)),
    "notify": lambda connector, r, http: asdict(connector.notify(wire.to_notice(r["notice"]), r["config"], http)),
    "embed": lambda connector, r, http: connector.embed(r["texts"], r["dimensions"], r["config"], http),
    "draft": lambda connector, r, http: connector.draft(Trouble(**r["trouble"]), r["config"], http),
}

if __name__ == "__main__":
    os.environ.clear()
    try:
        main()
    except (EOFError, ConnectionError):  # the hub has hung up
        os._exit(0)
