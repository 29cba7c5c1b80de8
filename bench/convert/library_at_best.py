"""The public library at its best, run by its own environment: both cores, and shards that divide
the data, so that it never has to read a shard again to write a part of it.

    python library_at_best.py SOURCE TARGET CATEGORY VOXEL_SIZE
"""

import sys
from pathlib import Path

from webknossos import Dataset
from webknossos.utils import get_executor_for_args

FINEST_SHARD = (1024, 1024, 32)
COARSER_SHARD = (256, 256, 32)


def main(source: str, target: str, category: str, voxel_size: str) -> None:
    factors = tuple(float(part) for part in voxel_size.split(","))
    dataset = Dataset(Path(target), voxel_size=factors)
    with get_executor_for_args(None) as executor:
        layer = dataset.add_layer_from_images(
            Path(source),
            "stack",
            category,
            chunk_shape=(32, 32, 32),
            shard_shape=FINEST_SHARD,
            compress=True,
            executor=executor,
        )
        layer.downsample(shard_shape=COARSER_SHARD, executor=executor)


if __name__ == "__main__":
    main(*sys.argv[1:])
