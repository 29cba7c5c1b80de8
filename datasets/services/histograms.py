"""Histograms of a layer's values, from samples spread over it."""

from typing import Any

import numpy as np

from datasets.streaming.catalog import ServedLayer
from datasets.streaming.sampling import coarsest, sampled

_BINS = 256
_BOXES_PER_AXIS = 4
_SUFFICIENT_VOXELS = 128

JsonObject = dict[str, Any]


def histograms(layer: ServedLayer) -> list[JsonObject]:
    """One histogram a channel of an RGB layer, else one of all channels; zeros are not counted.

    `elementCounts` divides `min` to `max` into 256 equal parts; of 8-bit values each has its own.
    Raises VoxelsError where the layer can't be read.
    """
    channels = layer.properties.element_class.channels
    mag = coarsest(layer, _SUFFICIENT_VOXELS)
    if mag is None:
        return [_histogram(np.zeros(0))] * channels
    parts: list[list[np.ndarray[Any, Any]]] = [[] for _ in range(channels)]
    for _, voxels in sampled(mag, _BOXES_PER_AXIS):
        for channel in range(channels):
            values = voxels[channel] if channels > 1 else voxels
            parts[channel].append(values[values != 0].ravel())
    return [_histogram(np.concatenate(values)) for values in parts]


def _histogram(values: np.ndarray[Any, Any]) -> JsonObject:
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if not len(values):
        return {"elementCounts": [0] * _BINS, "min": 0, "max": 0, "numberOfElements": 0}
    low, high = values.min(), values.max()
    if values.dtype == np.uint8:
        counts = np.bincount(values, minlength=_BINS)
        low, high = np.uint8(0), np.uint8(_BINS - 1)
    else:
        counts, _ = np.histogram(values.astype("f8"), bins=_BINS, range=(float(low), float(high)))
    return {
        "elementCounts": counts.tolist(),
        "min": low.item(),
        "max": high.item(),
        "numberOfElements": len(values),
    }
