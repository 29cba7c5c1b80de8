"""Bounds on what metadata may declare, checked before anything is opened or allocated."""

from typing import Final

# A chunk is decoded as a whole, however little of it is asked for.
MAX_CHUNK_BYTES: Final = 256 * 2**20
# 16 bytes an entry: an index of 64 MiB at most.
MAX_SHARD_CHUNKS: Final = 4 * 2**20
MAX_METADATA_BYTES: Final = 16 * 2**20
MAX_RANK: Final = 10
# Keeps sums and products of coordinates inside 64 bits.
MAX_LENGTH: Final = 2**40
