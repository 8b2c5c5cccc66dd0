"""An alert's state depends on the set of its events: not on their order, nor on how often they come."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.alerts import recording
from hub.alerts.intake import EXPIRY, Occurrence, occurrence
from hub.alerts.state_hash import state_hash
from hub.contracts import Event, Severity, State
from tests.factories import Hub, Person

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
MOST_DELIVERIES = 9

said = st.builds(
    lambda key, state, minute, severity, title, kind: Event(
        title=title,
        state=State.RESOLVED if kind else state,
        dedup_key=key,
        severity=severity,
        occurred_at=START + timedelta(minutes=minute),
        raw_kind=kind,
        event_key=f"{key} expired at {minute}" if kind else None,
    ),
    key=st.sampled_from(["disk", "cpu"]),
    state=st.sampled_from(list(State)),
    minute=st.integers(0, 4),
    severity=st.sampled_from([Severity.CRITICAL, Severity.LOW, Severity.UNKNOWN]),
    title=st.sampled_from(["Full", "Fuller"]),
    kind=st.sampled_from(["", "", "", EXPIRY]),
)
deliveries = st.lists(st.lists(said, min_size=1, max_size=3), min_size=1, max_size=MOST_DELIVERIES)


class Inbox:
    """Deliveries of one integration, received a minute and a half apart."""

    def __init__(self, owner: Person) -> None:
        self.database = owner.hub.runtime.database
        platform = UUID(owner.alertmanager.split("int_")[1][:32])
        self.organization_id = UUID(owner.get("/auth/me")["organization_id"].removeprefix("org_"))
        self.integration_id = platform
        self.ids = sorted(uuid4() for _ in range(MOST_DELIVERIES))
        with self.database.transaction(self.organization_id) as session:
            for number, delivery_id in enumerate(self.ids):
                session.execute(
                    text(
                        "INSERT INTO deliveries (organization_id, id, integration_id, received_at, headers, query,"
                        " body) VALUES (:org, :id, :integration, :at, '{}', '{}', '')"
                    ),
                    {"org": self.organization_id, "id": delivery_id, "integration": platform, "at": self.at(number)},
                )

    def at(self, number: int) -> datetime:
        return START + timedelta(seconds=90 * number)

    def occurrences(self, number: int, events: list[Event]) -> list[Occurrence]:
        return [
            occurrence(
                event,
                delivery_id=self.ids[number],
                item=item,
                integration_id=self.integration_id,
                platform="alertmanager",
                received_at=self.at(number),
            )
            for item, event in enumerate(events)
        ]

    def hash_after(self, turns: list[list[list[Occurrence]]]) -> str:
        """Records one turn after the other in a transaction that is taken back."""
        with self.database.session(self.organization_id) as session:
            for turn in turns:
                recording.record(session, [each for one in turn for each in one])
            found = state_hash(session)
            session.rollback()
        return found


@pytest.fixture(scope="module")
def inbox(hub: Hub) -> Inbox:
    return Inbox(hub.register())


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(told=deliveries, chance=st.randoms(use_true_random=False))
def test_any_order_with_duplicates_gives_the_same_state(inbox: Inbox, told, chance):
    in_order = [inbox.occurrences(number, events) for number, events in enumerate(told)]
    shuffled = [*in_order, *chance.sample(in_order, chance.randint(0, len(in_order)))]
    chance.shuffle(shuffled)
    cuts = sorted(chance.sample(range(1, len(shuffled) + 1), chance.randint(0, min(3, len(shuffled)))))
    turns = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    assert inbox.hash_after(turns) == inbox.hash_after([in_order])


def test_hash_tells_states_apart(inbox: Inbox):
    fires = Event(title="Full", state=State.FIRING, dedup_key="disk", occurred_at=START)
    over = Event(title="Full", state=State.RESOLVED, dedup_key="disk", occurred_at=START + timedelta(minutes=1))
    one, both = inbox.occurrences(0, [fires]), inbox.occurrences(0, [fires, over])
    assert inbox.hash_after([[one]]) != inbox.hash_after([[both]])


def test_reminder_unsays_an_expiry(inbox: Inbox):
    fires = Event(title="Full", state=State.FIRING, dedup_key="disk", occurred_at=START)
    expired = Event(
        title="Full", state=State.RESOLVED, dedup_key="disk", occurred_at=START + timedelta(minutes=1), raw_kind=EXPIRY
    )
    told = [inbox.occurrences(0, [fires]), inbox.occurrences(1, [expired]), inbox.occurrences(2, [fires])]
    with inbox.database.session(inbox.organization_id) as session:
        seen = []
        for each in told:
            recording.record(session, each)
            seen.append(_status(session))
        session.rollback()
    assert seen == ["firing", "resolved", "firing"]


def _status(session: Session) -> str:
    return str(session.execute(text("SELECT status FROM alerts")).scalar_one())
