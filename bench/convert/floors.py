"""What no conversion can be faster than on this machine: decoding, compressing, writing alone."""

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from bench.convert.stacks import Stack, slices_of
from conversion.pipeline.zstd import ZstdEncoder, ZstdProfile

THREADS = os.cpu_count() or 1
SAMPLE_SLICES = 64
CHUNK = 32
PYRAMID = 1 + 1 / 4 + 1 / 16 + 1 / 64
"""Voxels of all mags to those of the finest, where mags grow in x and y."""


def report(stack: Stack, source: Path, folder: Path) -> None:
    """Print the seconds that each step takes alone with all processors."""
    folder.mkdir(parents=True, exist_ok=True)
    files = list(slices_of(source))
    decoding = seconds(lambda file: tifffile.imread(file).nbytes, files)
    print(f"floors with {THREADS} threads: decode only {decoding:.1f} s", end="")
    depth = min(SAMPLE_SLICES, stack.slices) // CHUNK * CHUNK
    sample = np.stack([tifffile.imread(file) for file in files[:depth]])
    whole = PYRAMID * stack.slices / depth
    for profile in ZstdProfile:
        encode = ZstdEncoder(profile, CHUNK**3 * stack.dtype.itemsize)
        lengths: list[int] = []

        def compress(chunk: Any, encode: Any = encode, lengths: list[int] = lengths) -> None:
            lengths.append(len(encode(np.ascontiguousarray(chunk))))

        took = seconds(compress, chunks(sample)) * whole
        print(f", compress only ({profile.value}) {took:.1f} s", end="")
    print(f", write only {writing(folder, int(sum(lengths) * whole)):.1f} s", flush=True)


def seconds(step: Callable[[Any], Any], parts: Iterable[Any]) -> float:
    """How long the step takes for all parts in all threads."""
    start = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(step, parts):
            pass
    return time.monotonic() - start


def chunks(voxels: Any) -> list[Any]:
    return [
        voxels[z : z + CHUNK, y : y + CHUNK, x : x + CHUNK]
        for z in range(0, voxels.shape[0], CHUNK)
        for y in range(0, voxels.shape[1], CHUNK)
        for x in range(0, voxels.shape[2], CHUNK)
    ]


def writing(folder: Path, count: int) -> float:
    """Write so many bytes to one file and wait until they lie on the disk."""
    block = os.urandom(1 << 24)
    path = folder / "written"
    start = time.monotonic()
    with path.open("wb") as file:
        for _ in range(max(count // len(block), 1)):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    took = time.monotonic() - start
    path.unlink()
    return took
