"""/metrics: what a Prometheus should see of the hub, read from the database, so that every API process says the same.

All of it is about the whole hub; the labels are platforms, lanes and plugins, so their number is bounded.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from ipaddress import ip_address
from typing import Final

from flask import Flask, Response, request
from sqlalchemy import text

from hub.contracts.errors import NotFound
from hub.database import Database

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

# every metric and its help line; all are gauges, because the database knows states and not histories
HELP: Final[Mapping[str, str]] = {
    "overwatch_build_info": "Always 1; the label tells the version.",
    "overwatch_deliveries_last_minute": "Deliveries accepted in the last 60 seconds, by platform and outcome so far.",
    "overwatch_deliveries_pending": "Deliveries accepted and not yet worked on.",
    "overwatch_oldest_pending_seconds": "How long the oldest pending delivery has been waiting.",
    "overwatch_lane_jobs_waiting": "Jobs of a lane that wait for a worker or for their next attempt.",
    "overwatch_lane_jobs_dead": "Jobs of a lane that failed at their last attempt.",
    "overwatch_lane_lag_seconds": "How long the job of a lane that has been due longest is overdue.",
    "overwatch_lane_workers": "Processes that work on a lane and said so in the last 15 seconds.",
    "overwatch_broker_messages_rejected": "Messages in the broker, ever, that were no wake-up and were thrown away.",
    "overwatch_mails_waiting": "Mails not yet sent.",
    "overwatch_mails_dead": "Mails given up.",
    "overwatch_plugin_errors_last_minute": "Deliveries that failed in the last 60 seconds, for good or until retried.",
    "overwatch_plugin_delivery_seconds": "From webhook to outcome, of deliveries of the last 60 seconds, by platform.",
    "overwatch_embeddings_last_minute": "Texts embedded and indexed in the last 60 seconds.",
    "overwatch_notifications_last_minute": "Changes to tell platforms, of the last 60 seconds, by what became of them.",
    "overwatch_notifications_waiting": "Changes that platforms are still to be told.",
    "overwatch_breakers": "Integrations by the state of their breaker: closed, open, half_open.",
    "overwatch_breakers_open": "Integrations whose connector keeps failing, so that their deliveries wait.",
    "overwatch_plugin_available": "1 for a plugin that is loaded, 0 for one that could not be.",
}

_FIGURES = text("SELECT figure, labels, value FROM hub_figures()")
_FORWARDED = ("Forwarded", "X-Forwarded-For")


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: a metric of HELP, its labels, its value."""

    metric: str
    labels: Mapping[str, str]
    value: float


def install(app: Flask, database: Database, token: str, *, loaded: Iterable[str], unavailable: Iterable[str]) -> None:
    """Adds the route; `loaded` and `unavailable` are names of plugins."""
    fixed = [Sample("overwatch_build_info", {"version": version("overwatch-hub")}, 1)]
    fixed += [Sample("overwatch_plugin_available", {"plugin": name}, 1) for name in sorted(loaded)]
    fixed += [Sample("overwatch_plugin_available", {"plugin": name}, 0) for name in sorted(unavailable)]

    def show() -> Response:
        if not _may_look(token):
            raise NotFound
        return Response("".join(render([*fixed, *read(database)])), content_type=CONTENT_TYPE)

    show.permission = "public"  # type: ignore[attr-defined]  # as hub.accounts.access.public says it: it asks by itself
    show.is_documentation = True  # type: ignore[attr-defined]  # no part of the API that the document describes
    app.add_url_rule("/metrics", endpoint="metrics", view_func=show)


def read(database: Database) -> list[Sample]:
    """What the database knows now."""
    with database.transaction() as session:
        return [Sample(f"overwatch_{row.figure}", row.labels, row.value) for row in session.execute(_FIGURES)]


def render(samples: Iterable[Sample]) -> Iterator[str]:
    """Lines of Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/"""
    by_metric: dict[str, list[Sample]] = {metric: [] for metric in HELP}
    for sample in samples:
        by_metric[sample.metric].append(sample)
    for metric, found in by_metric.items():
        yield f"# HELP {metric} {HELP[metric]}\n# TYPE {metric} gauge\n"
        for sample in found:
            labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(sample.labels.items()))
            yield f"{metric}{{{labels}}} {sample.value:.17g}\n" if labels else f"{metric} {sample.value:.17g}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _may_look(token: str) -> bool:
    """Who has the token; where none is set, whoever calls on this machine itself, and not through a proxy on it."""
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    is_forwarded = any(name in request.headers for name in _FORWARDED)
    return not is_forwarded and ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104  # an unknown caller
