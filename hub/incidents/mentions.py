"""Mentions: whom `@name` in a comment means; pure."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from hub.names import fold

# what stands in code is quoted, not said
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
# "@Ada Lovelace" in quotes, or one word; an e-mail address mentions nobody
_MENTION = re.compile(r'(?<![\w@.])@(?:"([^"\n]{1,200})"|(\w[\w.-]*))')


@dataclass(frozen=True, slots=True)
class Mentionable:
    """A person as comments may name them."""

    user_id: UUID
    name: str
    email: str


def mentioned(body: str, people: Iterable[Mentionable]) -> list[UUID]:
    """Those whom the text names, in its order: by whole name, by the e-mail's local part, or by a unique first name.

    Case, spaces, dots and hyphens do not count: `@ada.lovelace` is Ada Lovelace.
    """
    handles = [fold(quoted or word) for quoted, word in _MENTION.findall(_CODE.sub(" ", body))]
    if not handles:
        return []
    exact: dict[str, set[UUID]] = defaultdict(set)
    by_first_name: dict[str, set[UUID]] = defaultdict(set)
    for person in people:
        exact[fold(person.name)].add(person.user_id)
        exact[fold(person.email.partition("@")[0])].add(person.user_id)
        by_first_name[fold(person.name.partition(" ")[0])].add(person.user_id)
    unique = {name: ids for name, ids in by_first_name.items() if len(ids) == 1}
    meant = [exact[handle] or unique.get(handle, set()) for handle in handles]
    return list(dict.fromkeys(user_id for ids in meant for user_id in sorted(ids)))
