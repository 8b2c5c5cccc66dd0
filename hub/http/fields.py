"""Fields that all features use: times as the contract writes them, lists in a query, labels."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields


class Moment(fields.DateTime):
    """RFC 3339 in UTC with milliseconds and Z."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Commas(fields.Field[list[str]]):
    """Several values in one query parameter, separated by commas; each one of `choices`, where there are any."""

    def __init__(self, choices: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(metadata={"type": "string", "description": f"comma-separated {', '.join(choices)}"}, **kwargs)
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        found = [part for part in str(value).split(",") if part]
        unknown = [part for part in found if self.choices and part not in self.choices]
        if unknown or not found:
            raise ValidationError(f"Choose from: {', '.join(self.choices)}." if self.choices else "Give a value.")
        return found
