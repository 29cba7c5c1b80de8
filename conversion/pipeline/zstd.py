"""How hard Zarr chunks are compressed."""

import threading
from enum import StrEnum
from typing import Any

import zstandard
from numpy.typing import NDArray

_SMALLEST_WINDOW = 15  # powers of two of bytes; a window holds a chunk, within reason
_LARGEST_WINDOW = 23


class ZstdProfile(StrEnum):
    """Trade size for time. All give plain zstd frames with checksum, which any reader decodes.

    On EM images of uint8 in chunks of 32^3, on one core: SMALL is level 5, as the public library
    writes (about 50 MB/s); TUNED gives files about 1 % larger at twice the speed; FAST writes the
    finest mag at level 1, at ten times the speed, and the few voxels of the others as TUNED does:
    about 9 % larger in all.
    """

    SMALL = "small"
    TUNED = "tuned"
    FAST = "fast"

    @property
    def level(self) -> int:
        """The level that the metadata names, at which others may add chunks."""
        return 1 if self is ZstdProfile.FAST else 5

    @property
    def of_coarser_mags(self) -> "ZstdProfile":
        """Level 1 finds hardly anything in their smoother images, which are soon compressed."""
        return ZstdProfile.TUNED if self is ZstdProfile.FAST else self


class ZstdEncoder:
    """Compresses chunks of `chunk_bytes`, in any number of threads."""

    def __init__(self, profile: ZstdProfile, chunk_bytes: int) -> None:
        self._profile = profile
        self._chunk_bytes = chunk_bytes
        self._threads = threading.local()

    def __call__(self, chunk: NDArray[Any]) -> bytes:
        if not hasattr(self._threads, "compressor"):
            self._threads.compressor = self._compressor()
        compressor: zstandard.ZstdCompressor = self._threads.compressor
        return compressor.compress(chunk.data)

    def _compressor(self) -> zstandard.ZstdCompressor:
        # A compressor keeps its working memory, but may not be shared between threads.
        if self._profile is not ZstdProfile.TUNED:
            return zstandard.ZstdCompressor(level=self._profile.level, write_checksum=True)
        chunk_bits = (self._chunk_bytes - 1).bit_length()
        return zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters(
                strategy=zstandard.STRATEGY_FAST,
                min_match=4,
                hash_log=15,
                chain_log=15,
                search_log=1,
                target_length=0,
                window_log=min(max(chunk_bits, _SMALLEST_WINDOW), _LARGEST_WINDOW),
                write_checksum=True,
                write_content_size=True,
            )
        )
