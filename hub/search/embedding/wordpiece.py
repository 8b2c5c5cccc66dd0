"""BERT's uncased WordPiece in plain Python; equal to the `tokenizers` library, which the runtime need not carry.

Algorithm: Devlin et al., 2018, https://arxiv.org/abs/1810.04805, with the cleaning of BERT's own BasicTokenizer.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

_LONGEST_WORD = 100  # characters; BERT calls anything longer unknown
_CHARACTERS_PER_PIECE = 64  # bounds the work for text without an end; real text has about 4

_BLANK_SEPARATED = re.compile(r"[^ \t\n\r]+")
_NOT_TEXT = frozenset(("Cc", "Cf", "Co"))
# BERT's blocks of ideographs, which are words of one character; kana and Hangul are not among them.
_IDEOGRAPH = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f]"
)
_ASCII_SYMBOLS = frozenset("$+<=>^`|~")


class WordPiece:
    """`vocabulary` maps each piece to its id and holds [CLS], [SEP] and [UNK]."""

    def __init__(self, vocabulary: Mapping[str, int], max_pieces: int) -> None:
        self._vocabulary = vocabulary
        self._room = max_pieces - 2
        self._begin, self._end, self._unknown = (vocabulary[mark] for mark in ("[CLS]", "[SEP]", "[UNK]"))
        self._cached_pieces = lru_cache(50_000)(self._pieces)

    def encode(self, text: str) -> list[int]:
        """The ids of the text's first pieces between [CLS] and [SEP], at most `max_pieces` of them in all."""
        ids: list[int] = []
        for found in _BLANK_SEPARATED.finditer(text, 0, self._room * _CHARACTERS_PER_PIECE):
            for word in _words(found[0]):
                ids.extend((self._unknown,) if len(word) > _LONGEST_WORD else self._cached_pieces(word))
            if len(ids) >= self._room:
                break
        return [self._begin, *ids[: self._room], self._end]

    def _pieces(self, word: str) -> tuple[int, ...]:
        """The longest known pieces from left to right; the whole word is unknown when one is missing."""
        ids: list[int] = []
        start = 0
        while start < len(word):
            piece, start = self._longest(word, start)
            ids.append(piece)
        return (self._unknown,) if self._unknown in ids else tuple(ids)

    def _longest(self, word: str, start: int) -> tuple[int, int]:
        """The piece that begins at `start`, and where it ends."""
        prefix = "##" if start else ""
        for end in range(len(word), start, -1):
            piece = self._vocabulary.get(prefix + word[start:end])
            if piece is not None:
                return piece, end
        return self._unknown, len(word)


def _words(raw: str) -> Iterator[str]:
    """Lower-case words without accents; a punctuation mark or an ideograph is a word of its own."""
    word = ""
    for c in _plain(raw):
        alone = c.isspace() or _is_punctuation(c)
        if alone and word:
            yield word
            word = ""
        if not alone:
            word += c
        elif not c.isspace():
            yield c
    if word:
        yield word


def _plain(raw: str) -> str:
    text = "".join(c for c in raw if unicodedata.category(c) not in _NOT_TEXT and c != "\N{REPLACEMENT CHARACTER}")
    decomposed = unicodedata.normalize("NFD", _IDEOGRAPH.sub(r" \g<0> ", text))
    # One character at a time, for a whole word would give Greek its final sigma, which the vocabulary never saw.
    return "".join(c.lower() for c in decomposed if unicodedata.category(c) != "Mn")


def _is_punctuation(c: str) -> bool:
    return c in _ASCII_SYMBOLS or unicodedata.category(c).startswith("P")
