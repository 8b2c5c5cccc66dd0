"""Normalising logs: what changes from one occurrence to the next goes, what names the trouble stays."""

import json
import re
from typing import Any

_CHARACTERS = 50_000
_LINES = 40  # a log of more distinct lines says nothing more; a model reads some 200 words of it

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\$\{[^{}]*\}|\$(?:labels|value)\b[\w.]*|<no value>|%!\w\([^)]*\)|\{\{|\}\}")

_FRAME = re.compile(
    r"""\s+at\s\S.*[):\d]\s*$                # Java, JavaScript, .NET
      |\s*File\s"[^"]*",\sline\s\d+          # Python
      |\s*Traceback\s\(most\srecent
      |\s*\.\.\.\s\d+\s(?:more|common)\b     # Java
      |\s*goroutine\s\d+\s\[                 # Go
      |\s+\S+\.go:\d+
      |\s*\#\d+\s+(?:0x[0-9a-f]+|/|\w+\()    # gdb, PHP
    """,
    re.VERBOSE,
)
_LEVEL = r"TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE|PANIC"
_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,]\d+)?"

# Tried from the top at each place; only what a `keep` names survives.
_TOKEN = re.compile(
    rf"""(?P<klog>\b[IWEF]\d{{4}}\s{_CLOCK}\s+\d+\s)
      |(?P<date>\b\d{{4}}[-/]\d\d[-/]\d\d(?:[T\s]+{_CLOCK})?(?:\s?(?:Z|[+-]\d\d:?\d\d|UTC)\b)?)
      |(?P<syslog>\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+\d{{1,2}}\s{_CLOCK})
      |(?P<apache>\b\d\d/[A-Z][a-z]{{2}}/\d{{4}}:{_CLOCK}(?:\s[+-]\d{{4}})?)
      |(?P<time>\b{_CLOCK}\b)
      |(?P<url>\b[a-z][a-z+]{{1,9}}://[^\s"'<>)\]]+)
      |(?P<uuid>\b[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}\b)
      |(?P<digest>\bsha\d+:[0-9a-f]+)
      |(?P<mac>\b(?:[0-9a-fA-F]{{2}}:){{5}}[0-9a-fA-F]{{2}}\b)
      |(?P<address>\b\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+|/\d+)?\b|\[?(?:[0-9a-fA-F]{{1,4}}:){{3,7}}[0-9a-fA-F:]*\]?)
      |(?P<source>\b[\w./-]{{1,200}}\.(?:go|py|java|js|ts|rb|rs|c|cc|cpp|cs|kt|php|scala):\d+(?::\d+)?)
      |(?P<keep_response>\bHTTP/[\d.]+"?\s\d{{3}}\b)
      |(?P<keep_status>\b(?i:exit|status|error|errno|code|signal|http|sqlstate|rc)(?:[\s:=]|\s(?i:code|status))*\d{{1,5}}\b)
      |(?P<keep_code>\b[A-Z]{{1,8}}-?\d{{2,6}}\b|\b0x8[0-9A-Fa-f]{{7}}\b)
      |(?P<pointer>\b0x[0-9a-fA-F]+\b)
      |(?P<hex>\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{{8,}}\b)
      |(?P<path>(?<![\w/.])/[\w.@%+-]+(?:/[\w.@%+-]+)+/?)
      |(?P<number>(?<![\w.-])[+-]?\d+(?:[.,:]\d+){{0,6}}\s?(?:[nuµm]?s|[mhd]|[kKMGTP]i?B|B|bytes|%)?(?![\w-])|_\d{{4,}}\b)
      |(?P<level>\b(?:{_LEVEL})\b|\blevel=\w+)
    """,
    re.VERBOSE,
)
_POD = re.compile(r"\b([a-z][a-z0-9]*(?:-[a-z0-9]+){0,12}?)-[a-f0-9]{7,10}-[a-z0-9]{5}(?![a-z0-9])")
_NOISE = re.compile(r"[\s\[\](){}\"'<>|=,;*]+")
_STRAY = re.compile(r"(?<!\S)[^\w\s]+(?!\S)")

_PAIR = re.compile(r'\b(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_SAID = ("msg", "message", "error", "err", "reason", "exception", "detail", "log", "event")
_TROUBLE = re.compile(
    r"(?i)error|exception|fail|fatal|severe|critical|panic|denied|refused|cannot|unable|time.?out|killed"
)


def normalise(text: str) -> str:
    """The distinct messages of a log, those that tell of trouble first, without times, ids, numbers and frames.

    Exception names, error codes and file names stay. At most 40 lines; empty when nothing is left.
    """
    raw = text[:_CHARACTERS].splitlines()
    troubled = sorted(raw, key=lambda line: not _TROUBLE.search(line))
    return "\n".join(list(dict.fromkeys(filter(None, map(_line, troubled))))[:_LINES])


def without_templates(text: str) -> str:
    """The text without what a template engine left unfilled, such as `{{ $labels.pod }}` or `<no value>`."""
    return _TEMPLATE.sub(" ", text)


def is_frame(line: str) -> bool:
    """Whether the line is a frame of a stack trace."""
    return _FRAME.match(line) is not None


def _line(line: str) -> str:
    if is_frame(line):
        return ""
    said = _said(_ANSI.sub("", line))
    named = _POD.sub(r"\1", without_templates(said))
    return " ".join(_STRAY.sub(" ", _NOISE.sub(" ", _TOKEN.sub(_lasting, named))).split())


def _lasting(token: re.Match[str]) -> str:
    """What stays of a token: all of a code, the file's name of a path, nothing of the rest."""
    group = token.lastgroup or ""
    if group.startswith("keep"):
        return token[0]
    return f" {token[0].rstrip('/').rpartition('/')[2]} " if group == "path" else " "


def _said(line: str) -> str:
    """What a structured line (JSON, logfmt) says, without its other fields; any other line as it is."""
    fields = _json_fields(line) or {key: quoted or bare for key, quoted, bare in _PAIR.findall(line)}
    said = [str(fields[key]) for key in _SAID if fields.get(key)]
    return ". ".join(said) or line


def _json_fields(line: str) -> dict[str, Any]:
    start = line.find("{")
    if start < 0 or not line.rstrip().endswith("}"):
        return {}
    try:
        return dict(json.loads(line[start:]))
    except (ValueError, TypeError, RecursionError):
        return {}
