"""The units of work that a layer is made of: what any process may take on by itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from conversion.pipeline.column import REST_NAME, Column
from conversion.pipeline.columns import Budget, Columns, cut
from conversion.pipeline.fragments import RestSource, join
from conversion.pipeline.geometry import add, floor_divide
from conversion.pipeline.layer_arrays import finish_layer, mag_arrays
from conversion.pipeline.mag_array import is_inside
from conversion.pipeline.offset_source import OffsetSource
from conversion.pipeline.plan import PlannedLayer
from conversion.pipeline.sources import Source
from conversion.pipeline.work_directory import WorkDirectory
from conversion.pipeline.workbench import Workbench
from datasets.properties import BoundingBox, Category, Layer, Mag, Vec3Int, VoxelSize

Result = dict[str, Any]
"""What the marker of a unit says, as JSON."""


@dataclass(frozen=True)
class Unit:
    """Something to be done once all units in `after` are done."""

    name: str
    """Its claim and marker are called so."""
    stage: str
    """What it is, for people."""
    after: frozenset[str]
    voxel_bytes: int
    """How much of the layer's finest mag it converts."""
    run: Callable[[Workbench], Result]
    """Can be called again, and by two processes at once, with the same outcome; it may find that
    files are gone which another process, having done the same, has removed.
    """
    spent: tuple[Path, ...] = ()
    """Files that nobody needs once it is done."""


class LayerWork:
    """How a layer is written in a work directory."""

    def __init__(
        self, layer: PlannedLayer, number: int, work: WorkDirectory, budget: Budget
    ) -> None:
        """`number` is the layer's place in the plan."""
        self._layer = layer
        self._number = number
        self._work = work
        finest = layer.mags[0]
        self._offset = floor_divide(layer.offset, finest)
        shape = add(self._offset, layer.shape)
        self._box = BoundingBox.of(self._offset, layer.shape)
        self._arrays = mag_arrays(
            work.dataset / layer.name,
            layer.mags,
            shape=shape,
            dtype=layer.dtype,
            num_channels=layer.num_channels,
            data_format=layer.data_format,
            profile=layer.profile,
            axes=layer.axes,
            chunk_shape=layer.chunk_shape,
            shard_shape=layer.shard_shape,
        )
        layout = self._arrays[finest].layout
        self._voxel_bytes = layer.num_channels * layer.dtype.itemsize
        self._columns = cut(
            mags=layer.mags,
            shape=shape,
            chunk_shape=layout.chunk_shape,
            file_shape=layout.file_shape,
            voxel_bytes=self._voxel_bytes,
            reads_bands=layer.source.reads_bands,
            budget=budget,
        )
        self.units = [unit for position in self._positions() for unit in self._units(position)]

    def finish(self, voxel_size: VoxelSize) -> Layer:
        """Write the metadata of a layer whose units are all done, and describe it."""
        layer = self._layer
        largest: int | None = None
        if layer.category is Category.SEGMENTATION:
            found = [self._work.result(unit.name).get("largest", 0) for unit in self.units]
            largest = max(found)
        return finish_layer(
            self._work.dataset / layer.name,
            self._arrays,
            box=BoundingBox.of(layer.offset, self._box.from_mag(layer.mags[0]).size),
            category=layer.category,
            voxel_size=voxel_size,
            largest_segment_id=largest,
            axes=layer.axes,
        ).model_copy(update={"default_view_configuration": layer.view})

    def _positions(self) -> Iterator[tuple[int, ...]]:
        """Every index of the additional axes."""
        return product(*(range(length) for _, length in self._layer.axes))

    def _units(self, position: tuple[int, ...]) -> Iterator[Unit]:
        """Of one index: its columns, the files that they share, and what is too coarse for them."""
        prefix = ".".join(map(str, (self._number, *position)))
        source = OffsetSource.moved(self._layer.source, self._offset)
        columns = {
            f"{prefix}.column-{box.top_left[1]}-{box.top_left[2]}": box
            for box in self._columns.boxes()
            if not box.intersection(self._box).is_empty
        }
        yield from self._joins(prefix, position, columns)  # first, to make room as soon as can be
        for name, box in columns.items():
            column = self._column(self._columns, box, source, position, name)
            covered = box.intersection(self._box).volume * self._voxel_bytes
            yield Unit(
                name, f"Converting {self._layer.name}", frozenset(), covered, self._runs(column)
            )
        if (rest := self._columns.rest) is not None:
            yield self._of_rest(rest, prefix, position, columns)

    def _column(
        self,
        columns: Columns,
        box: BoundingBox,
        source: Source,
        position: tuple[int, ...],
        name: str,
    ) -> Column:
        names = (axis for axis, _ in self._layer.axes)
        return Column(
            columns=columns,
            box=box,
            source=source,
            index=dict(zip(names, position, strict=True)),
            position=position,
            arrays=self._arrays,
            filter=self._layer.filter,
            fragments=self._work.fragments / name,
            is_segmentation=self._layer.category is Category.SEGMENTATION,
        )

    def _runs(self, column: Column) -> Callable[[Workbench], Result]:
        def run(bench: Workbench) -> Result:
            largest = column.write(bench)
            left: dict[str, list[str]] = {}
            for path in column.fragments.glob("*/*"):
                left.setdefault(path.parent.name, []).append(path.name)
            return {"largest": largest, "fragments": left}

        return run

    def _joins(
        self, prefix: str, position: tuple[int, ...], columns: Mapping[str, BoundingBox]
    ) -> Iterator[Unit]:
        """A unit for each file that no column holds wholly."""
        stages = self._columns.stages()
        for mag in (mag for stage in stages for mag in stage.mags):
            layout = self._arrays[mag].layout
            shared: dict[Vec3Int, list[str]] = {}
            for name, box in columns.items():
                part = self._columns.in_mag(box, mag)
                for file in layout.files_in(part):
                    if not is_inside(layout.file_box(file), part):
                        shared.setdefault(file, []).append(name)
            for file, names in shared.items():
                x, y, z = file
                yield Unit(
                    f"{prefix}.join-{mag.literal}-{x}-{y}-{z}",
                    f"Putting files of {self._layer.name} together",
                    frozenset(names),
                    0,
                    self._joining(mag, file, position, names),
                    tuple(self._fragment(name, mag, file) for name in names),
                )

    def _joining(
        self, mag: Mag, file: Vec3Int, position: tuple[int, ...], names: list[str]
    ) -> Callable[[Workbench], Result]:

        def run(bench: Workbench) -> Result:
            # A column that has only zeros in the file leaves no fragment.
            left = [
                path
                for name in names
                if (path := self._fragment(name, mag, file)).name
                in self._work.result(name)["fragments"].get(mag.literal, ())
            ]
            join(left, self._arrays[mag].file(file, position), bench.meter.tell)
            return {}

        return run

    def _fragment(self, column: str, mag: Mag, file: Vec3Int) -> Path:
        x, y, z = file
        return self._work.fragments / column / mag.literal / f"{x}-{y}-{z}"

    def _of_rest(
        self,
        rest: Columns,
        prefix: str,
        position: tuple[int, ...],
        columns: Mapping[str, BoundingBox],
    ) -> Unit:
        """The unit that makes the mags which are too coarse for single columns."""
        name = f"{prefix}.rest"
        finest = rest.mags[0]
        files = {
            self._work.fragments / column / REST_NAME: self._columns.in_mag(box, finest)
            for column, box in columns.items()
        }
        layout = self._arrays[finest].layout
        source = RestSource(
            files, shape=rest.shape, dtype=layout.dtype, num_channels=layout.num_channels
        )
        (box,) = rest.boxes()
        column = self._column(rest, box, source, position, name)
        return Unit(
            name,
            f"Making coarser mags of {self._layer.name}",
            frozenset(columns),
            0,
            self._runs(column),
            tuple(files),
        )
