"""Sentences for people that have to fit into a column: grouped, cut at a word, printable."""

import re
from collections.abc import Iterable

_OF_LAYER = re.compile(r"""Layer ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(.*)""", re.DOTALL)
_MISLEADING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of text (Unicode's Bidi_Control) or end
lines: with them a file's name could pretend to be other text.
"""
_NAMED = 2  # layers that are named beside the first one


def grouped(sentences: Iterable[str]) -> list[str]:
    """The sentences, those that say the same of several layers once.

    The first layer's is kept and followed by the names of some others and the number of the rest.
    """
    layers: dict[str, list[str]] = {}
    for sentence in sentences:
        found = _OF_LAYER.fullmatch(sentence)
        layers.setdefault(found[2] if found else sentence, []).append(found[1] if found else "")
    return [
        f"Layer {names[0]}{rest}{_same_of(names[1:])}" if names[0] else rest
        for rest, names in layers.items()
    ]


def _same_of(names: list[str]) -> str:
    if not names:
        return ""
    shown = names[:_NAMED]
    if further := len(names) - len(shown):
        shown.append(f"{further} more")
    listed = " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    return f" The same holds for {'layer' if len(names) == 1 else 'the layers'} {listed}."


def fitting(text: str, limit: int) -> str:
    """The text as a column of `limit` characters can hold it: printable, and cut at a word."""
    text = printable(text)
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    words, separator, _ = kept.rpartition(" ")
    return f"{words if separator else kept[:-1]} …"


def printable(text: str) -> str:
    r"""Text that is shown as it is: what could mislead is written as `\u202e`, and each byte of a
    name on disk that is not UTF-8 as `\xff`.
    """
    try:
        text = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    except UnicodeEncodeError:  # half a pair, which no file system gives
        text = text.encode(errors="backslashreplace").decode()
    return _MISLEADING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
