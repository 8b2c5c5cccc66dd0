"""What a procedure saved from an incident says: a decision from given facts alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST_TITLE = 300
_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Solved:
    """An incident, what people wrote about it, and the steps that they carried out in it, oldest first."""

    title: str
    description: str
    alert_names: Sequence[str]
    summary: str
    root_cause: str
    comments: Sequence[str]
    steps: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Drafted:
    """A procedure's text and steps."""

    title: str
    description: str
    content: str
    steps: list[dict[str, Any]]


def draft(solved: Solved) -> Drafted:
    """Steps that were done become its steps; without any, the resolution and the comments do."""
    steps = [*_steps(solved)][:_MOST_STEPS]
    description = " ".join((solved.summary or solved.description).split())[:1_000]
    return Drafted(solved.title[:_LONGEST_TITLE], description, "\n\n".join(_content(solved, steps)), steps)


def _steps(solved: Solved) -> Iterator[dict[str, Any]]:
    done = [step for step in solved.steps if step["outcome"] == "done"]
    for step in done:
        told = "\n\n".join(filter(None, (step["instructions"], step.get("note"))))
        yield _step(step["title"], told, step.get("command"), step.get("output"))
    if not done:
        for number, comment in enumerate(solved.comments, start=1):
            yield _step(f"What was done, {number}", comment)
    if solved.summary:
        yield _step("Resolve", solved.summary)


def _step(title: str, instructions: str, command: str | None = None, expected: str | None = None) -> dict[str, Any]:
    return {"title": title, "instructions": instructions, "command": command, "expected": expected}


def _content(solved: Solved, steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"# {solved.title}"
    if solved.alert_names:
        yield "Alerts: " + ", ".join(solved.alert_names)
    for heading, said in (
        ("Meaning", solved.description),
        ("Root cause", solved.root_cause),
        ("Resolution", solved.summary),
    ):
        if said.strip():
            yield f"## {heading}"
            yield said
    for step in steps:
        yield f"## {step['title']}"
        yield from filter(None, (step["instructions"], _fenced(step["command"])))


def _fenced(command: str | None) -> str:
    fence = "```" if "```" not in (command or "") else "~~~~"
    return f"{fence}shell\n{command}\n{fence}" if command else ""
