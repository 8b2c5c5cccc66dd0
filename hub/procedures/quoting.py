"""Filling variables into a command so that no value of theirs can become a command itself.

A value is quoted by shlex where the shell's grammar is plain: outside quotes, and inside quotes by leaving them for a
moment. Wherever it is not (backticks, arithmetic, here-documents, comments, expansions), the value is assigned to a
shell variable in a line before, and the place reads that: a shell never reads an expansion's result as code. Where a
second shell reads the command again (ssh, eval, sh -c), no quoting is right for both: only plain words are filled in,
and the place of any other value stays open, for people to fill.
"""

import re
import shlex
from collections.abc import Mapping

_PLACE = re.compile(r"\{\{\s*(?P<name>[A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}")
_NOT_PLAIN = re.compile(r"`|<<|\(\(|\$[{'\"]|\bcase\b|(?:^|[\s;&|(])#", re.MULTILINE)
_READ_TWICE = re.compile(r"\b(?:eval|ssh|su|watch|xargs|parallel|trap)\b|\b(?:ba|z|da|k)?sh\s+(?:-\w+\s+)*-\w*c\b")
_PREFIX = "var_"  # so that no variable of a procedure can be PATH


def names_in(text: str) -> list[str]:
    """The variables that a text has places for, each once, in order."""
    return list(dict.fromkeys(found["name"] for found in _PLACE.finditer(text)))


def fill(command: str, values: Mapping[str, str]) -> str:
    """The command with each `{{ name }}` of a given value filled in, quoted; places without a value stay."""
    quoted = {name: shlex.quote(value) for name, value in values.items()}
    if _READ_TWICE.search(command):
        quoted = {name: word for name, word in quoted.items() if word == values[name]}
    return (_inline if _is_plain(command) else _assigned)(command, quoted)


def _is_plain(command: str) -> bool:
    # "$" before a place would make $'…' of the quoted value, whose escapes are others
    return not (_NOT_PLAIN.search(_PLACE.sub("x", command)) or re.search(r"\$\{\{", command))


def _assigned(command: str, quoted: Mapping[str, str]) -> str:
    used = [name for name in names_in(command) if name in quoted]
    lines = [f"{_PREFIX}{name}={quoted[name]}" for name in used]
    return "\n".join([*lines, _PLACE.sub(lambda found: _reading(found, quoted), command)])


def _reading(found: re.Match[str], quoted: Mapping[str, str]) -> str:
    return f"${{{_PREFIX}{found['name']}}}" if found["name"] in quoted else found[0]


def _inline(command: str, quoted: Mapping[str, str]) -> str:
    """Walks through the command and knows at each place which quotes are open, also within `$(…)`."""
    out: list[str] = []
    open_quotes = [""]  # one per level of parentheses
    at = 0
    while at < len(command):
        found = _PLACE.match(command, at)
        if found and found["name"] in quoted:
            value = quoted[found["name"]]
            quote = open_quotes[-1] if value.startswith("'") else ""  # a plain word may stand within any quotes
            out.append(f"{quote}{value}{quote}")
            at = found.end()
            continue
        taken = command[at : at + _length(command, at, open_quotes[-1])]
        _follow(taken, open_quotes)
        out.append(taken)
        at += len(taken)
    return "".join(out)


def _length(command: str, at: int, quote: str) -> int:
    is_pair = command[at] == "\\" or command.startswith("$(", at)
    return 2 if is_pair and quote != "'" else 1


def _follow(taken: str, open_quotes: list[str]) -> None:
    quote = open_quotes[-1]
    if taken == "$(" or (taken == "(" and not quote):
        open_quotes.append("")
    elif taken == ")" and not quote and len(open_quotes) > 1:
        open_quotes.pop()
    elif taken in {"'", '"'} and quote in {"", taken}:
        open_quotes[-1] = "" if quote else taken
