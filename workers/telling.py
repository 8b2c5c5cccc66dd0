"""What a turn tells of its deliveries: ids for its log lines, a line per outcome, a span per stage."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from hub import logs, telemetry
from hub.deliveries.turns import Outcome, Turn
from hub.http.ids import to_public


@contextmanager
def about(turn: Turn) -> Iterator[None]:
    """What is logged and traced inside is about this organization's deliveries."""
    organization_id = to_public("org", turn.organization_id)
    carried = [each.delivery.headers.get(telemetry.CARRIER) for each in turn.claimed]
    with (
        logs.about(organization_id=organization_id),
        telemetry.span("ingest", carried, organization_id=organization_id, deliveries=len(turn.claimed)),
    ):
        yield


def tell(turn: Turn, outcomes: Sequence[Outcome], stages: Mapping[str, datetime]) -> None:
    """How each delivery ended; call it after the commit."""
    claimed = {each.id: each for each in turn.claimed}
    for outcome in outcomes:
        delivery = claimed[outcome.delivery_id]
        facts = {"delivery_id": to_public("dlv", delivery.id), "platform": delivery.platform, "outcome": outcome.status}
        logs.tell("delivery", **facts, attempt=delivery.attempts)
        telemetry.tell_stages(delivery.delivery.headers.get(telemetry.CARRIER), "process delivery", stages, **facts)
