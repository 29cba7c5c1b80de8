"""Readers of image formats behind one protocol, without Django.

`protocol` says what a reader is, `registry` finds the one for a file, `series` makes images of
folders, `sandbox` reads in another process, and `limits` refuses what can't be true.
"""

from conversion.readers.errors import MissingLibrary, UnreadableImage
from conversion.readers.protocol import Image, ImageInfo, Reader

__all__ = ["Image", "ImageInfo", "MissingLibrary", "Reader", "UnreadableImage"]
