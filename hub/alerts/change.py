"""What one batch of events did to one alert: its state before and after, as those ask who come later."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.alerts import rules
from hub.alerts.rules import AlertState, Episode
from hub.contracts.event import State


@dataclass(frozen=True, slots=True)
class Change:
    """What one batch did to one alert, as far as correlation needs to know."""

    alert_id: UUID
    integration_id: UUID
    platform: str
    dedup_key: str
    state: AlertState
    before: AlertState | None
    incident_id: UUID | None

    @property
    def episodes_before(self) -> int:
        """How many episodes the alert had."""
        return self.before.episode_count if self.before else 0

    @property
    def new_episodes(self) -> tuple[Episode, ...]:
        """Those that wait to be correlated."""
        return tuple(each for each in self.state.episodes if each.number > self.episodes_before)

    @property
    def _earlier_in_episode(self) -> AlertState | None:
        """What it was before, if that was in the episode which it is in now."""
        return self.before if self.before and self.before.episode_count == self.state.episode_count else None

    @property
    def has_other_severity(self) -> bool:
        """Whether the episode that was there already fires with another severity, or did until this batch ended it."""
        before = self._earlier_in_episode
        if before is None or self.state.severity is before.severity:
            return False
        return not (before.status is self.state.status is State.RESOLVED)

    @property
    def is_revived(self) -> bool:
        """Whether its episode was taken for over and fires still: an expiry was contradicted, an end was unsaid."""
        before = self._earlier_in_episode
        return before is not None and before.status is State.RESOLVED and self.state.status is not State.RESOLVED

    @property
    def current_episode(self) -> Episode:
        """The latest one, as of its last other severity, or else of what was heard last."""
        return self.state.regraded or rules.current_episode(self.state, self.state.last_seen_at)

    @property
    def heard_at(self) -> datetime:
        """When it was heard that an episode began or ended; a reminder of either is heard later, and is no news."""
        heard = [max(each.received_at, each.end_received_at or each.received_at) for each in self.state.episodes]
        return max(heard, default=self.state.last_seen_at)

    @property
    def has_lost(self) -> bool:
        """Whether a replay has left fewer episodes than there were."""
        return self.state.episode_count < self.episodes_before

    @property
    def has_resolved(self) -> bool:
        """Whether an episode that this batch began or changed is over."""
        return any(each.resolved_at is not None for each in self.state.episodes)

    @property
    def is_news(self) -> bool:
        """Whether it changed what people see of its incident, and not only counts and times."""
        return self.before is None or (self.before.status, self.before.content["title"]) != (
            self.state.status,
            self.state.content["title"],
        )
