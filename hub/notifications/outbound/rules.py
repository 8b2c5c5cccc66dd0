"""Decisions about telling platforms: when to try again, when to give up, when to stop for good."""

from collections.abc import Sequence

# seconds before the next attempt; the schedule of the Standard Webhooks specification, about three days in all
SCHEDULE_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
MOST_ATTEMPTS = len(SCHEDULE_SECONDS) + 1
FAILED_IN_A_ROW = 5


def retry_seconds(attempts: int, asked_seconds: int) -> int | None:
    """How long to wait after so many attempts, and no shorter than the platform asks; None: not again."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return max(SCHEDULE_SECONDS[attempts - 1], asked_seconds)


def pause_seconds(asked_seconds: int) -> int:
    """How long a platform that has just failed is left alone; what it never takes must not hold up all else."""
    return max(SCHEDULE_SECONDS[0], asked_seconds)


def is_hopeless(newest: Sequence[str]) -> bool:
    """Whether the newest endings (`sent` or `failed`, newest first) say that nobody will listen."""
    return len(newest) >= FAILED_IN_A_ROW and all(status == "failed" for status in newest[:FAILED_IN_A_ROW])
