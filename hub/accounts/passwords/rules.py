"""Decisions about passwords: the organization's policy, and what everybody guesses first."""

import re
from collections.abc import Callable, Collection, Mapping
from importlib.resources import files
from typing import Any

LONGEST = 1_000

# what the policy asks for, which characters are of that kind, and what to tell the person
_PARTS: tuple[tuple[str, Callable[[str], bool], str], ...] = (
    ("require_uppercase", str.isupper, "an upper-case letter"),
    ("require_lowercase", str.islower, "a lower-case letter"),
    ("require_numbers", str.isdigit, "a digit"),
    ("require_special_chars", lambda character: not character.isalnum(), "a special character"),
)

# A policy of upper case, lower case, digit and special character makes people write Password1! and Welcome2024#. So not
# whole passwords are listed but the words within them, and what is put around a word or in place of its letters is
# taken away first. The words are our own choice of what every list of leaked passwords begins with.
_WORDS = frozenset(files(__package__ or "").joinpath("common.txt").read_text(encoding="ascii").split())

_DISGUISES = str.maketrans("@483|1!05$7+", "aabeiiiosstt")
_DECORATION = "".join(character for character in map(chr, range(32, 127)) if not character.isalpha())
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv",
)
_FEWEST_LETTERS = 4


def problems(password: str, policy: Mapping[str, Any], about: Collection[str] = ()) -> list[str]:
    """What is wrong with the password, as messages; empty when it will do. `about`: the person's names and address."""
    found = [f"Needs {what}." for name, is_one, what in _PARTS if policy[name] and not any(map(is_one, password))]
    if len(password) < policy["min_length"]:
        found.append(f"Needs {policy['min_length']} characters or more.")
    if is_obvious(password, about):
        found.append("Is among the first that anybody would guess; choose another.")
    return found


def is_obvious(password: str, about: Collection[str] = ()) -> bool:
    """Whether it is a common word, a part of the person's name, or a walk over the keyboard, however decorated."""
    plain = password.lower()
    words = _WORDS | {word for text in about for word in _words(text)}
    bare = {plain, plain.rstrip(_DECORATION), plain.strip(_DECORATION)}
    cores = {_core(text) for each in bare for text in (each, each.translate(_DISGUISES))}
    return any(_is_made_of(core, words) for core in cores) or _is_walk(plain)


def _words(text: str) -> set[str]:
    found = re.split(r"[\W\d_]+", text.lower())
    return {word for word in (*found, "".join(found)) if len(word) >= _FEWEST_LETTERS}


def _core(text: str) -> str:
    """The letters, when all else is decoration."""
    return re.sub(r"[\W\d_]+", "", text)


def _is_made_of(core: str, words: Collection[str]) -> bool:
    """One of the words, once or again and again."""
    lengths = (length for length in range(1, len(core) + 1) if len(core) % length == 0)
    return any(core[:length] in words and core == core[:length] * (len(core) // length) for length in lengths)


def _is_walk(plain: str) -> bool:
    """Without its decoration it is one or two characters, or steps along a row of the keyboard or the alphabet."""
    characters = re.sub(r"[\W_]+", "", plain)
    if len(set(characters)) <= 2:
        return True
    return any(characters in row * 2 or characters in (row * 2)[::-1] for row in _ROWS)
