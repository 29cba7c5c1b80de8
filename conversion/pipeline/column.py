"""Writes one column of a layer: all mags that come out in whole chunks, and what it leaves."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from conversion.pipeline.columns import Columns, Stage
from conversion.pipeline.downsample import Filter
from conversion.pipeline.geometry import pieces
from conversion.pipeline.mag_array import MagArray
from conversion.pipeline.mag_writer import MagWriter
from conversion.pipeline.part_file import PartFile
from conversion.pipeline.pyramid import LEAST_SLICES, Pyramid
from conversion.pipeline.raw_volume import RawVolume, ScratchVolume
from conversion.pipeline.sources import Source
from conversion.pipeline.workbench import ReadAhead, Workbench
from datasets.properties import BoundingBox, Mag

REST_NAME = "rest"


@dataclass(frozen=True)
class Column:
    """A column, and where all that is made of it goes."""

    columns: Columns
    box: BoundingBox
    """In voxels of the finest mag."""
    source: Source
    index: Mapping[str, int]
    """On the additional axes, as the source knows them."""
    position: tuple[int, ...]
    """The same in the arrays, the outermost axis first."""
    arrays: Mapping[Mag, MagArray]
    filter: Filter
    fragments: Path
    """The directory of what it leaves for others: `<mag>/<x>-<y>-<z>`, its fragment of a file that
    it shares, and `rest`, the voxels of the finest mag that it is too small for.
    """
    is_segmentation: bool = False

    def write(self, bench: Workbench) -> int:
        """Write it, and return the largest segment id in it, 0 where it is no segmentation.

        Files appear when they are whole; those of an attempt before are replaced by equal ones.
        """
        with ExitStack() as scratch:
            source, largest = self.source, 0
            if not source.reads_bands and not self.columns.slab_fits():
                source = scratch.enter_context(self._scratch_volume(bench, self.columns.mags[0]))
                self._spool(bench, source.volume)
            stages = self.columns.stages()
            for stage in stages:
                if stage.rest is None:
                    found = self._write_stage(bench, stage, source, {})
                elif stage is stages[-1]:
                    with PartFile(self.fragments / REST_NAME) as part:
                        volume = self._raw_volume(part.file.fileno(), stage.rest)
                        found = self._write_stage(bench, stage, source, {stage.rest: volume})
                        part.publish()
                else:
                    rest = scratch.enter_context(self._scratch_volume(bench, stage.rest))
                    found = self._write_stage(bench, stage, source, {stage.rest: rest.volume})
                    source = rest
                largest = max(largest, found)
        return largest

    def _write_stage(
        self, bench: Workbench, stage: Stage, source: Source, rest: Mapping[Mag, RawVolume]
    ) -> int:
        """Write the stage's mags and its rest; return the largest segment id."""
        finest, largest = stage.mags[0], 0
        box = self.columns.in_mag(self.box, finest)
        bands = self.columns.bands(box, stage.band_rows)
        slab_depth = self.columns.chunk_shape[2]
        slices = pieces(box.depth, slab_depth, LEAST_SLICES)
        layout = self.arrays[finest].layout
        ahead = ReadAhead(
            bench,
            source,
            self.index,
            [slab for band in bands for slab in _slabs(band, slices)],
            dtype=layout.dtype,
            num_channels=layout.num_channels,
        )
        with ExitStack() as stack:
            writers = {mag: stack.enter_context(self._writer(bench, mag)) for mag in stage.mags}
            for band in bands:
                pyramid = Pyramid(
                    {**writers, **rest},
                    self.filter,
                    box=band,
                    slab_depth=slab_depth,
                    pool=bench.pool,
                    wait_for=bench.wait_for,
                )
                for _ in slices:
                    slab = ahead.next()
                    ahead.is_encoded_by(pyramid.add(slab))
                    if finest == self.columns.mags[0]:
                        bench.meter.add(slab.nbytes)
                    if self.is_segmentation:
                        largest = max(largest, int(slab.max()))
            for writer in writers.values():
                bench.wait_for(writer.tasks)
        return largest

    def _writer(self, bench: Workbench, mag: Mag) -> MagWriter:
        return self.arrays[mag].writer(
            bench.pool,
            index=self.position,
            box=self.columns.in_mag(self.box, mag),
            fragments=self.fragments / mag.literal,
        )

    def _spool(self, bench: Workbench, volume: RawVolume) -> None:
        """Decode slices that can't be read in bands once, and keep them as they are."""
        layout = self.arrays[self.columns.mags[0]].layout
        width, height, _ = self.columns.shape
        slices = max(self.columns.slab_bytes // (width * height * self.columns.voxel_bytes), 1)
        boxes = _slabs(self.box, pieces(self.box.depth, slices, 0))
        ahead = ReadAhead(
            bench,
            self.source,
            self.index,
            boxes,
            dtype=layout.dtype,
            num_channels=layout.num_channels,
        )
        for box in boxes:
            ahead.is_encoded_by(volume.write(ahead.next(), box.top_left))

    def _scratch_volume(self, bench: Workbench, mag: Mag) -> ScratchVolume:
        layout = self.arrays[mag].layout
        return ScratchVolume(
            bench.scratch,
            shape=layout.shape,
            box=self.columns.in_mag(self.box, mag),
            dtype=layout.dtype,
            num_channels=layout.num_channels,
        )

    def _raw_volume(self, descriptor: int, mag: Mag) -> RawVolume:
        layout = self.arrays[mag].layout
        box = self.columns.in_mag(self.box, mag)
        return RawVolume(descriptor, box, layout.dtype, layout.num_channels)


def _slabs(band: BoundingBox, slices: list[range]) -> list[BoundingBox]:
    x, y, z = band.top_left
    return [
        BoundingBox.of((x, y, z + part.start), (band.width, band.height, len(part)))
        for part in slices
    ]
