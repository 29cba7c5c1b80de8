"""Mags whose chunks are being read: what is the same for all of them is worked out once.

A chunk's address consists of an opening that names token, dataset, layer and mag, and of numbers.
Readers ask for thousands of chunks with the same opening. For it are remembered, as long as the
access generation stays the same, the array and the headers that its chunks go out with. Only
openings with a token in them are: there the address is all that access depends on.
"""

import time
from typing import NamedTuple

from datasets.streaming import ome_zarr, zarr2
from datasets.streaming.access import RECHECK_SECONDS, admitted, audience_of
from datasets.streaming.answers import Answer, Headers, fixed_headers
from datasets.streaming.presented import PresentedArray
from datasets.streaming.requests import CredentialKind, DataRequest
from datasets.voxels.errors import VoxelsError
from sharing import generation
from sharing.errors import ServiceError

_MAX_OPEN_MAGS = 10_000


class OpenMag(NamedTuple):
    """The array behind an opening, and the headers of its chunks but for their length."""

    generation: int
    made: float
    array: PresentedArray
    headers: Headers

    @property
    def is_current(self) -> bool:
        """Whether access would still be decided as it was."""
        return (
            self.generation == generation.current()
            and time.monotonic() - self.made < RECHECK_SECONDS
        )


_open_mags: dict[str, OpenMag] = {}


def open_mag_at(opening: str) -> OpenMag | None:
    """The mag with this opening, None where it is not remembered (any more)."""
    mag = _open_mags.get(opening)
    return mag if mag is not None and mag.is_current else None


def remember(opening: str, request: DataRequest) -> None:
    """Remember the mag of the chunk that was asked for, if it is one and may be read."""
    if request.credential.kind is not CredentialKind.ADDRESS:
        return
    try:
        mag = _opened(request)
    except (ServiceError, VoxelsError):
        return
    if mag is not None:
        if len(_open_mags) >= _MAX_OPEN_MAGS:
            _open_mags.clear()
        _open_mags[opening] = mag


def _opened(request: DataRequest) -> OpenMag | None:
    made, current = time.monotonic(), generation.current()
    match request.path.split("/"):
        case ["zarr" as dialect, dataset_id, layer, literal, _]:
            version = None
        case ["ome-zarr" as dialect, dataset_id, layer, literal, "c", *_]:
            version = None
        case ["viewer" as dialect, dataset_id, version, layer, literal, "c", *_]:
            pass
        case _:
            return None
    dataset = admitted(dataset_id.removesuffix(".zarr"), request.credential)
    if version is not None and version != dataset.version:
        return None
    if dialect == "zarr":
        array = zarr2.presented(dataset, layer, literal)
    else:
        array = ome_zarr.presented(dataset, layer, literal, for_viewer=dialect == "viewer")
    chunk = Answer(etag=dataset.version, is_immutable=dialect == "viewer")
    headers = fixed_headers(chunk, audience_of(request.credential, dataset))
    return OpenMag(current, made, array, headers)
