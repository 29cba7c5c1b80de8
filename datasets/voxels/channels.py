"""Some of an array's channels as an array of their own: one layer of a multi-channel image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datasets.voxels.array import StoredChunk, Vec4, VoxelArray, Voxels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datasets.voxels.box import Box


class SelectedChannels(VoxelArray):
    """`channels` of `array`, counted from 0 again.

    Stored chunks can be handed on only where each holds a single channel.
    """

    def __init__(self, array: VoxelArray, channels: range) -> None:
        if not (0 <= channels.start < channels.stop <= array.num_channels):
            raise ValueError(
                f"the layer shows channels {channels.start} to {channels.stop - 1}, "
                f"but {array.num_channels} are stored"
            )
        self._array = array
        self._channels = channels
        self.dtype = array.dtype
        self.num_channels = len(channels)
        self.chunk_shape = (min(array.chunk_shape[0], len(channels)), *array.chunk_shape[1:])
        self.additional_axes = array.additional_axes
        self.fill_value = array.fill_value
        self.codec = array.codec if array.chunk_shape[0] == 1 else None

    @property
    def extent(self) -> Box:
        return self._array.extent

    def _read_inside(
        self, box: Box, channels: Sequence[int], additional: tuple[int, ...]
    ) -> Voxels:
        if isinstance(channels, range):
            stored: Sequence[int] = self._channels[channels.start : channels.stop : channels.step]
        else:
            stored = [self._channels[channel] for channel in channels]
        return self._array._read_inside(box, stored, additional)

    def _locate(self, chunk: Vec4, additional: tuple[int, ...]) -> StoredChunk | None:
        channel, x, y, z = chunk
        return self._array._locate((channel + self._channels.start, x, y, z), additional)
