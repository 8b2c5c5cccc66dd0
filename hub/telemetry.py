"""Traces from a webhook to its incident, over processes: OpenTelemetry, sent by OTLP/HTTP to where the settings say.

The context of a trace travels with the rows, as W3C's `traceparent`: with a delivery's headers through the inbox, with
a job through the outbox. A broker message is only a wake-up, may be lost, and stands for many rows: it carries none.
Off by default: nothing of OpenTelemetry is imported then, and every function here returns at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, g, request

from hub.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

CARRIER: Final = "traceparent"

_MOST_LINKS: Final = 100

_tracer: "Tracer | None" = None


def start(settings: Settings, service: str) -> None:
    """Begins to send the traces of this process, if the settings name an endpoint. Call it after any fork."""
    if not settings.otlp_endpoint or _tracer is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from hub.sampling import sampler

    resource = Resource.create({"service.name": f"overwatch-{service}"})
    provider = TracerProvider(resource=resource, sampler=sampler(settings.trace_ratio))
    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    use(provider)


def use(provider: "TracerProvider") -> None:
    """Traces go to this provider from now on; statements on connections that are made from now on too."""
    global _tracer  # noqa: PLW0603  # one per process, as its connections are
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor

    _tracer = provider.get_tracer("overwatch")
    PsycopgInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)


def is_on() -> bool:
    """Whether anything is traced in this process."""
    return _tracer is not None


def install(app: Flask) -> None:
    """Every request becomes a span, named by its route; its trace goes on where the caller's began."""
    app.before_request(_begin_request)
    app.after_request(_note_answer)
    app.teardown_request(_end_request)


@contextmanager
def span(name: str, carried: Sequence[str | None] = (), **facts: object) -> Iterator[None]:
    """What is done inside is one span: below what it was carried from, below the thread's own else.

    Where several have asked for the same work, it stands below the first of them, and is linked to the others.
    """
    if _tracer is None:
        yield
        return
    from opentelemetry.trace import Link, get_current_span

    contexts = [_read(each) for each in dict.fromkeys(carried) if each]
    links = [Link(get_current_span(each).get_span_context()) for each in contexts[1:_MOST_LINKS]]
    above = contexts[0] if contexts else None
    with _tracer.start_as_current_span(name, above, links=links, attributes=_attributes(facts)):
        yield


def carrier() -> str | None:
    """What a row carries along: the `traceparent` of where this thread is; None outside of a trace."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    found: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(found)
    return found.get(CARRIER)


def tell_stages(carried: str | None, name: str, stages: Mapping[str, datetime], **facts: object) -> None:
    """One span of work that is done, with one below it per stage: each began when the stage before was done."""
    if _tracer is None or carried is None:
        return
    from opentelemetry.trace import set_span_in_context

    times = [(stage, int(at.timestamp() * 1e9)) for stage, at in stages.items()]
    began, ended = times[0][1], times[-1][1]
    whole = _tracer.start_span(name, _read(carried), start_time=began, attributes=_attributes(facts))
    for (_, before), (stage, at) in pairwise(times):
        _tracer.start_span(stage, set_span_in_context(whole), start_time=before).end(at)
    whole.end(ended)


def _read(carried: str) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({CARRIER: carried}, Context())


def _attributes(facts: Mapping[str, object]) -> dict[str, Any]:
    return {f"overwatch.{name}": str(value) for name, value in facts.items()}


def _begin_request() -> None:
    if _tracer is None:
        return
    rule = request.url_rule.rule if request.url_rule else "(no route)"
    g.span = span(f"{request.method} {rule}", [request.headers.get(CARRIER)], request_id=g.get("request_id", ""))
    g.span.__enter__()


def _note_answer(response: Response) -> Response:
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        get_current_span().set_attribute("http.response.status_code", response.status_code)
    return response


def _end_request(_error: BaseException | None) -> None:
    if found := g.pop("span", None):
        found.__exit__(None, None, None)
