"""What the benchmark beside this file does with the public library, in the library's environment.

client.py make FOLDER FORMAT X Y Z     a dataset of so many voxels of uint8, in FORMAT
client.py upload FOLDER NAME           prints seconds and the dataset's id
client.py download ID FOLDER           prints seconds, and how many of them it waited for voxels
client.py read ID|ADDRESS              prints seconds
"""

import sys
import time

import numpy as np
import webknossos as wk
from webknossos.client.api_client.datastore_api_client import DatastoreApiClient

CHUNK, SHARD = 32, 512  # WKW calls them blocks and files


def make(folder: str, data_format: str, *shape: str) -> None:
    """Noise of 6 bits a voxel, which LZ4 can't compress, and zstd to three quarters."""
    dataset = wk.Dataset(folder, voxel_size=(4, 4, 40))
    box = wk.BoundingBox((0, 0, 0), tuple(map(int, shape)))
    layer = dataset.add_layer(
        "color", "color", dtype="uint8", data_format=data_format, bounding_box=box
    )
    view = layer.add_mag(1, chunk_shape=(CHUNK,) * 3, shard_shape=(SHARD,) * 3, compress=True)
    noise = np.random.default_rng(1)
    for shard in box.chunk((SHARD,) * 3, (SHARD,) * 3):
        data = noise.integers(0, 64, shard.size.to_tuple(), dtype=np.uint8)
        view.write(data, absolute_offset=shard.topleft)


def upload(folder: str, name: str) -> None:
    """As `Dataset.upload` does it by itself."""
    dataset = wk.Dataset.open(folder)
    begun = time.perf_counter()
    remote = dataset.upload(new_dataset_name=name)
    print(time.perf_counter() - begun, remote.dataset_id)


def download(dataset_id: str, folder: str) -> None:
    """As `RemoteDataset.download` does it by itself."""
    remote = wk.RemoteDataset.open(dataset_id=dataset_id)
    get, waited = DatastoreApiClient.dataset_get_raw_data, 0.0

    def timed(*given: object, **options: object) -> tuple[bytes, str]:
        nonlocal waited
        begun = time.perf_counter()
        answer = get(*given, **options)
        waited += time.perf_counter() - begun
        return answer

    DatastoreApiClient.dataset_get_raw_data = timed
    begun = time.perf_counter()
    remote.download(path=folder)
    print(time.perf_counter() - begun, waited)


def read(place: str) -> None:
    """All voxels into memory, streamed by the site, or from files below an address."""
    is_address = "://" in place
    dataset = wk.Dataset.open(place) if is_address else wk.RemoteDataset.open(dataset_id=place)
    view = dataset.get_layer("color").get_mag(1)
    begun = time.perf_counter()
    view.read()
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    step, *given = sys.argv[1:]
    {"make": make, "upload": upload, "download": download, "read": read}[step](*given)
