"""Reading a runbook: its front matter, its title, its first paragraph, and the steps that its headings make.

Headings and fences as CommonMark has them, https://spec.commonmark.org/0.31.2/#atx-headings and #fenced-code-blocks;
whatever else stands in a text goes through as it is, line by line, so that nothing costs more than its length.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from hub import names

MOST_STEPS = 200
LONGEST_TITLE = 300
_LONGEST_DESCRIPTION = 1_000

_HEADING = re.compile(r" {0,3}(?P<level>#{1,6})(?:[ \t]+(?P<text>.*?))?(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)")
_PROMPT = re.compile(r"^[ \t]*[$][ \t]+")
_FRONT = re.compile(r"(?P<key>[A-Za-z_]{1,40})[ \t]*:[ \t]*(?P<value>.*)")

# code in these is meant to be run; in any other it is something to read
_COMMANDS = frozenset({"", "bash", "console", "sh", "shell", "shell-session", "terminal", "zsh", "powershell", "sql"})


@dataclass(frozen=True, slots=True)
class Step:
    """One section of the runbook."""

    title: str
    instructions: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Runbook:
    """What a file says; `front` has its front matter's values, each a text or a list of texts."""

    title: str
    description: str
    content: str
    steps: Sequence[Step]
    front: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read(text: str, path: str = "") -> Runbook:
    """The runbook in a Markdown text; without a title of its own, the file's name is its title."""
    front, content = _front_matter(text.replace("\r\n", "\n").replace("\r", "\n"))
    sections = list(_sections(content))
    first = next((heading for level, heading, _ in sections if level == 1 and heading), "")
    title = " ".join(front.get("title", ())) or first or _titled(path)
    return Runbook(
        title=title[:LONGEST_TITLE],
        description=(" ".join(front.get("description", ())) or _first_paragraph(sections))[:_LONGEST_DESCRIPTION],
        content=content,
        steps=steps_of(content, title),
        front=front,
    )


def steps_of(content: str, title: str) -> list[Step]:
    """One step per section that says something; a text without sections is one step."""
    named = [(heading or title, lines) for _, heading, lines in _sections(content)]
    steps = [_step(heading, lines) for heading, lines in named if any(map(str.strip, lines))]
    return steps[:MOST_STEPS] or [Step(title)]


def _front_matter(text: str) -> tuple[dict[str, Sequence[str]], str]:
    """`key: value` lines between two lines of three dashes, as static site generators have them; lists in brackets."""
    lines = text.split("\n")
    if lines[0].strip("\ufeff ") != "---" or "---" not in (rest := [line.rstrip() for line in lines[1:]]):
        return {}, text
    end = rest.index("---")
    front = {found["key"].lower(): _values(found["value"]) for line in rest[:end] if (found := _FRONT.fullmatch(line))}
    return front, "\n".join(lines[end + 2 :]).lstrip("\n")


def _values(text: str) -> Sequence[str]:
    inner = text.strip()
    listed = inner[1:-1].split(",") if inner.startswith("[") and inner.endswith("]") else [inner]
    return [value for each in listed if (value := each.strip().strip("\"'"))]


def _sections(content: str) -> Iterator[tuple[int, str, list[str]]]:
    """Level, heading and lines of each section; what stands before the first heading has level 0."""
    level, heading, lines, fence = 0, "", list[str](), ""
    for line in content.split("\n"):
        opened = _FENCE.match(line)
        if opened and not fence:
            fence = opened["fence"]
        elif fence and _closes(line, fence):
            fence = ""
        found = None if fence or opened else _HEADING.match(line)
        if found:
            yield level, heading, lines
            level, heading, lines = len(found["level"]), (found["text"] or "").strip(), []
        else:
            lines.append(line)
    yield level, heading, lines


def _closes(line: str, fence: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(fence) and set(bare) == {fence[0]}


def _step(heading: str, lines: Sequence[str]) -> Step:
    said, commands, code = list[str](), list[str](), list[str]()
    fence, is_command = "", False
    for line in lines:
        opened = _FENCE.match(line)
        if opened and not fence:
            fence, is_command, code = opened["fence"], opened["language"].lower() in _COMMANDS, []
            continue
        if fence and _closes(line, fence):
            (commands if is_command else said).append("\n".join(code))
            fence = ""
            continue
        (code if fence else said).append(_PROMPT.sub("", line) if fence and is_command else line)
    said += code if fence else []  # a fence that nothing closes holds the rest, as text to read
    return Step(heading[:LONGEST_TITLE], "\n".join(said).strip(), "\n".join(commands).strip())


def _first_paragraph(sections: Sequence[tuple[int, str, list[str]]]) -> str:
    for _, _, lines in sections:
        paragraph = list[str]()
        for line in map(str.strip, lines):
            if line.startswith(("```", "~~~")) or (not line and paragraph):
                break
            paragraph += [line] if line else []
        if paragraph:
            return " ".join(paragraph)
    return ""


def _titled(path: str) -> str:
    return names.split(PurePosixPath(path).stem).strip() or "Untitled"
