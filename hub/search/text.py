"""What a document and a query give to the two indexes: words to embed, words to match, names to look up."""

import re
from dataclasses import dataclass

from hub import names
from hub.search import codes, logs
from hub.search.rules import Kind, query_kind

_LEXICAL_WORDS = 96  # a query's further words cost time and change no rank
_LOG_WORDS = 96  # what tells of trouble comes first; twice as many cost 50 ms more to embed
_LONGEST_NAME = 120
_TELLING_PARTS = 3  # CrashLoopBackOff names one thing; StatefulSet stands in any sentence
_NAME = re.compile(r"[^\W\d_]\w*")
_TITLE_LINE = re.compile(r"\s*#\s+(?P<title>.+?)[\s#]*$")
_LABEL = re.compile(
    r"\b(alertname|summary|description|message)\s*[=:]\s*(?:\"([^\"]*)\"|'([^']*)'|([^\n,}]+?)(?=\s+\w+=|\s*[\n,}]|\s*$))"
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query as the indexes want it: `semantic` is embedded, `lexical` becomes lexemes, `names` are looked up."""

    kind: Kind
    semantic: str
    lexical: str
    names: frozenset[str]


def understand(text: str) -> Query:
    """Reads a sentence, an alert's name or labels, or a pasted log."""
    kind = query_kind(text)
    if kind == "log":
        said = " ".join(logs.normalise(text).split()[:_LOG_WORDS])
    elif kind == "alert":
        said = _alert(text)
    else:
        said = logs.without_templates(text)
    said = codes.spelled_out(said.strip() or text)
    lexical = " ".join(said.split()[:_LEXICAL_WORDS])
    return Query(kind, names.split(said), names.with_parts(lexical), _names_in(text))


def alert(name: str, summary: str = "", description: str = "") -> str:
    """An alert's text, to index and to search by: "name. summary. description" without what is empty or repeated."""
    said = [" ".join(logs.without_templates(part).split()).rstrip(".") for part in (name, summary, description)]
    return ". ".join(part for part in dict.fromkeys(said) if part)


def names_of(title: str, body: str) -> frozenset[str]:
    """The names by which a document is found at once, folded: its title, and the heading it opens with."""
    opening = _TITLE_LINE.match(next(iter(body.strip().splitlines()), ""))
    return frozenset(identity(name) for name in (title, opening["title"] if opening else title)) - {""}


def identity(name: str) -> str:
    """What a name is looked up by: folded, without the word alert that some authors append."""
    return re.sub(r"(?<=\w{4})alerts?$", "", names.fold(name))


def _alert(text: str) -> str:
    """The name and annotations out of an alert's labels as they were pasted; a name alone as it is."""
    labels = {label: " ".join(values).strip() for label, *values in _LABEL.findall(text)}
    if "alertname" not in labels:
        return text
    return alert(labels["alertname"], labels.get("summary", ""), labels.get("description", labels.get("message", "")))


def _names_in(text: str) -> frozenset[str]:
    """What could be an alert's name: the whole text, a label's value, the first word, a name of three words or more."""
    labelled = [" ".join(values) for label, *values in _LABEL.findall(text) if label == "alertname"]
    told = [name for name in _NAME.findall(text) if len(names.parts(name)) >= _TELLING_PARTS]
    first = [word for word in text.split(maxsplit=1)[:1] if len(names.parts(word)) > 1]
    return frozenset(map(identity, (text[:_LONGEST_NAME], *labelled, *first, *told))) - {""}
