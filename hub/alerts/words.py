"""Plain text in lists that are long: every word of it begins a word of the row, found by an index."""

import re
from collections.abc import Callable

from sqlalchemy import ColumnElement, cast, false, func, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute

_WORD = re.compile(r"[^\W_]+")


def saying(column: InstrumentedAttribute[object], function: str) -> Callable[[str], ColumnElement[bool]]:
    """The row's id is among those that the reviewed function finds; text without a word finds nothing."""

    def condition(text: str) -> ColumnElement[bool]:
        words = _WORD.findall(text.lower())
        if not words:
            return false()
        query = cast(" & ".join(f"'{word}':*" for word in words), TSQUERY)
        return column.in_(select(getattr(func, function)(query)))

    return condition
