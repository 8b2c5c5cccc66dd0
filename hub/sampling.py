"""Which traces are kept: a part of them, and no statement that belongs to none, as the workers' every look for work."""

from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import SpanKind


class _OwnRootsOnly(TraceIdRatioBased):
    """A statement of the database begins no trace."""

    def should_sample(self, *arguments: object, **named: object) -> SamplingResult:
        kind = named.get("kind") or (arguments[3] if len(arguments) > 3 else None)
        if kind is SpanKind.CLIENT:
            return SamplingResult(Decision.DROP)
        return super().should_sample(*arguments, **named)  # type: ignore[arg-type]  # handed on as they came


def sampler(ratio: float) -> Sampler:
    """Keeps this part of all traces, and of each all or nothing."""
    return ParentBased(_OwnRootsOnly(ratio))
