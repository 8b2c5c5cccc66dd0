"""Fields that Sentry writes in several ways."""

import re
from collections.abc import Mapping

from hub.contracts import Payload

_PROJECT = re.compile(r"/projects/[^/]+/([^/]+)/")  # in the API's address of an event, which has but a number else


def tags_of(error: Payload) -> dict[str, str]:
    """Pairs of name and value, as lists or, in later versions, as objects; a relay may have one object of all."""
    if isinstance(error.get("tags").value, Mapping):
        return error.mapping("tags")
    tags = error.get("tags").value if isinstance(error.get("tags").value, list) else []
    named = [[tag.get("key"), tag.get("value")] if isinstance(tag, Mapping) else tag for tag in tags]
    pairs = {str(tag[0]): tag[1] for tag in named if isinstance(tag, list) and len(tag) == 2}
    return Payload({"tags": pairs}, error.path).mapping("tags")


def project_of(subject: Payload) -> str:
    """Its slug, by which people know it: an event has a number instead, and the slug only within its address."""
    if isinstance(subject.get("project").value, Mapping):
        return subject.text("project.slug", "project.name")
    if slug := subject.text("project_slug"):
        return slug
    if found := _PROJECT.search(subject.text("url")):
        return found[1]
    given = subject.text("project")
    return ", ".join(subject.texts("projects")) or (subject.text("project_name") if given.isdecimal() else given)
