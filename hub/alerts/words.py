"""Plain text in lists that are long: every word of it begins a word of the row, found by an index."""

import re

from sqlalchemy import ColumnElement, and_, any_, cast, func, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute

from hub.listing import Condition, containing

_WORD = re.compile(r"[^\W_]+")
_MARK = re.compile(r"[^\w\s]|_")


def saying(function: str, row_id: InstrumentedAttribute[object], *columns: InstrumentedAttribute[str]) -> Condition:
    """The rows that the reviewed function finds by their words; where the text has other marks, they must occur too."""
    literally = containing(*columns)

    def condition(text: str) -> ColumnElement[bool]:
        words = _WORD.findall(text.lower())
        query = cast(" & ".join(f"'{word}':*" for word in words), TSQUERY)
        # as an array: by its length the server goes through the index row by row, or all in one sweep
        ids = func.array(select(getattr(func, function)(query)).scalar_subquery())
        found = [row_id == any_(ids)] if words else []
        return and_(*found, literally(text)) if _MARK.search(text) else and_(*found)

    return condition
