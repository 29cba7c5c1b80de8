"""Reads Gatan Digital Micrograph files, DM3 and DM4.

`tags` reads the tree of tags that the whole file is, `reader` makes images of it.
"""

from conversion.readers.dm.reader import DigitalMicrographReader

__all__ = ["DigitalMicrographReader"]
