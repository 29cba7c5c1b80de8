"""One shard of a sharded Zarr v3 array, streamed to disk chunk by chunk."""

import struct

import google_crc32c

from conversion.pipeline.chunk_file import ChunkFile
from conversion.pipeline.part_file import PartFile


class ShardWriter(ChunkFile):
    """A `sharding_indexed` shard: chunks in any order, then their index and its crc32c.

    `grid` is the number of chunks in the shard along each axis of the stored array, in that
    order; axes of a single chunk may be left out. Format: the Zarr v3 codec `sharding_indexed`,
    with `index_location` end and index codecs bytes (little endian) and crc32c. A chunk that was
    not appended has the offset and length 2^64 - 1 and reads as the fill value.
    """

    def _publish(self, part: PartFile) -> None:
        index = self._index.tobytes()
        part.file.write(index)
        part.file.write(struct.pack("<I", google_crc32c.value(index)))
        part.publish()
