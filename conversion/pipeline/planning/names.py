"""Names of layers, made of what files, folders and channels are called, in whatever script.

Servers take nearly all names, but the public library only letters from A to Z, digits and
`_ - . $ @`, so that is what new layers are called.
"""

import re
import unicodedata
from collections.abc import Iterable

from datasets.properties.infer.layers import layer_name

_OTHER_SCRIPTS = re.compile(r"[^\x00-\x7f]+")
_LONGEST = 200
"""Of the 255 bytes that a file's name may have."""


def named(called: str) -> tuple[str, str]:
    """The name of a layer whose file is called so, and again what it is called where the name
    does not show it: where letters are left out, or where it is too long.

    Accents are taken off; of other scripts stays what else there is: `клетки_01` is `layer_01`.
    """
    apart = unicodedata.normalize("NFKD", called)
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    kept = _OTHER_SCRIPTS.sub("_", plain)
    if kept != plain:
        kept = kept.strip("_-. ")
        if not re.search("[A-Za-z]", kept):
            kept = f"layer_{kept}".rstrip("_")
    name = layer_name(kept)[:_LONGEST]
    if not re.search("[A-Za-z0-9]", name):
        name = "layer"
    return name, "" if name == layer_name(plain) else called


def distinct(names: Iterable[str]) -> list[str]:
    """The names with `_2`, `_3` ... after those that came before."""
    taken: dict[str, None] = {}
    for name in names:
        numbered, number = name, 1
        while numbered in taken:
            number += 1
            numbered = f"{name}_{number}"
        taken[numbered] = None
    return list(taken)
