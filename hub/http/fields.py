"""Fields that all features use: times as the contract writes them, lists in a query, the order of a list."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from hub.http.published import written
from hub.listing import Listing

MOST_VALUES = 100

_LONGEST_TEXT = 200
_EARLIEST, _LATEST = 1970, 2199  # arithmetic on times beyond can overflow

# RFC 3339, 5.6: a time without its offset says nothing
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_NO_MOMENT = "Not a time of RFC 3339 with its offset, e.g. 2026-01-05T10:00:00Z."


class Moment(fields.Field[datetime]):
    """RFC 3339; read with any offset, written in UTC with milliseconds and Z."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"type": "string", "format": "date-time"} | kwargs.pop("metadata", {})
        super().__init__(metadata=metadata, **kwargs)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else written(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        # in a query an unescaped "+" arrives as a space
        text = value.replace(" ", "+") if isinstance(value, str) and value[10:11] in {"T", "t"} else value
        if not isinstance(text, str) or not _MOMENT.fullmatch(text):
            raise ValidationError(_NO_MOMENT)
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError(_NO_MOMENT) from error
        if not _EARLIEST <= moment.year <= _LATEST:
            raise ValidationError(f"Not a time between {_EARLIEST} and {_LATEST}.")
        return moment


class RowSchema(Schema):
    """What is dumped of a row: its members are attributes. Marshmallow tries each as a dictionary's first."""

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return getattr(obj, attr, default)


class Texts(fields.Dict):
    """Texts by name, stored as they are shown: nothing is left to do for each of them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(keys=fields.String(), values=fields.String(), **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value


class PlainText(fields.String):
    """Words to look for in a list; not only spaces, which would look for nothing."""

    def __init__(self, description: str, **kwargs: Any) -> None:
        checks = [validate.Length(1, _LONGEST_TEXT), validate.Regexp(r"\s*\S", error="Give a word.")]
        super().__init__(validate=checks, metadata={"description": description}, **kwargs)


class Commas(fields.Field[list[Any]]):
    """Several values in one query parameter, separated by commas; `each` reads one of them, or `choices` names all."""

    def __init__(self, choices: Sequence[str] = (), each: fields.Field[Any] | None = None, **kwargs: Any) -> None:
        words = f": {', '.join(choices)}" if choices else ""
        metadata = {"type": "string", "description": f"One value or several, separated by commas{words}"}
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)
        self.choices = choices
        self.each = each

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        found = str(value).split(",")
        if "" in found or len(found) > MOST_VALUES:
            raise ValidationError(f"Give one value or up to {MOST_VALUES}, separated by commas.")
        if self.choices and not set(found) <= set(self.choices):
            raise ValidationError(f"Choose from: {', '.join(self.choices)}.")
        return [self.each.deserialize(one, attr, data) for one in found] if self.each else found


class OneOrMany(fields.List[Any]):
    """Several values of a body, or one by itself, which is read as a list of one; `inner` reads text."""

    def __init__(self, inner: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(inner, metadata={"type": ["array", "string"]} | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        return super()._deserialize([value] if isinstance(value, str) else value, attr, data, **kwargs)


class Sort(Commas):
    """The order of a list: its allowed fields, "-" before one for descending, several separated by commas."""

    def __init__(self, listing: Listing[Any], **kwargs: Any) -> None:
        default = listing.default_sort
        choices = [f"{sign}{name}" for name in listing.sorts for sign in ("", "-")]
        super().__init__(choices, load_default=[default], metadata={"default": default}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        found = super()._deserialize(value, attr, data, **kwargs)
        if len({name.removeprefix("-") for name in found}) != len(found):
            raise ValidationError("Each field can be sorted by once.")
        return found
