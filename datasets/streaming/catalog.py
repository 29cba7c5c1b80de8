"""Datasets as this process serves them: their properties, and their mags opened once.

Loaded from the database when the access generation has changed (every change of a dataset raises
it); arrays stay open as long as the dataset's version is the same. Who may see a dataset is decided
in datasets.streaming.access.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from django.db.models import prefetch_related_objects

from datasets import models
from datasets.properties import BoundingBox, DataSource, Layer, MagProperties
from datasets.services import data_source
from datasets.storage.local import NoSuchData, dataset_directory, mag_directory, may_read
from datasets.voxels.array import VoxelArray
from datasets.voxels.box import Box
from datasets.voxels.cache import ArrayCache, ArrayKey
from datasets.voxels.errors import VoxelsError
from datasets.voxels.mag_files import MagFiles, MayRead
from datasets.voxels.open import open_mag
from sharing.errors import Conflict, NotFound, ServiceError

_MAX_OPEN_ARRAYS = 4096

_arrays = ArrayCache(_MAX_OPEN_ARRAYS)
Value = TypeVar("Value")


class Gone(ServiceError):
    """Data that the properties name is not where they say."""

    status = 410


@dataclass(frozen=True)
class ServedMag:
    """One mag of a layer: what the properties say of it, and its array, opened when asked for."""

    layer: Layer
    properties: MagProperties
    row: models.Mag
    key: ArrayKey

    @property
    def box(self) -> Box:
        """The layer's box in voxels of this mag; beyond it everything is zero."""
        return as_box(self.layer.bounding_box.in_mag(self.properties.mag))

    def array(self) -> VoxelArray:
        """The mag's voxels; raises VoxelsError where they can't be read."""
        return _arrays.get(self.key, self._open)

    @property
    def is_readable(self) -> bool:
        """Whether its array can be opened."""
        try:
            self.array()
        except (VoxelsError, ServiceError):
            return False
        return True

    def directory(self) -> Path:
        """Where the mag lies; raises Gone where that is no directory any more.

        Absent data must not look like an absent chunk, which stands for zeros.
        """
        try:
            return mag_directory(self.row)
        except NoSuchData as error:
            raise Gone(f"The data of mag {self.row.literal} is gone.", *error.messages) from error

    def files(self) -> MagFiles:
        """Everything that lies in the mag's directory; raises Gone."""
        return MagFiles(self.directory(), may_read_for(self.row.layer.dataset))

    def _open(self) -> VoxelArray:
        return open_mag(
            self.directory(),
            self.layer.data_format,
            axis_order=self.properties.axis_order or None,
            channel_index=self.properties.channel_index,
            element_class=self.layer.element_class,
            additional_axes={axis.name: axis.index for axis in self.layer.additional_axes},
            may_read=may_read_for(self.row.layer.dataset),
        )


@dataclass(frozen=True)
class ServedLayer:
    """One layer, its mags by their literal, finest first."""

    properties: Layer
    row: models.Layer
    mags: Mapping[str, ServedMag]

    def mag(self, literal: str) -> ServedMag:
        """The mag of this literal, `2-2-2` being the same as `2`; raises NotFound."""
        if literal not in self.mags:
            x, _, rest = literal.partition("-")
            literal = x if rest == f"{x}-{x}" else literal
        try:
            return self.mags[literal]
        except KeyError:
            raise NotFound(f"The layer has no mag {literal}.") from None


@dataclass(frozen=True)
class ServedDataset:
    """A usable dataset. `remembered` keeps what is derived from it as long as it is current."""

    row: models.Dataset
    data_source: DataSource
    layers: Mapping[str, ServedLayer]
    _memory: dict[object, object] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Changes whenever voxels may have changed."""
        return str(self.row.version)

    def layer(self, name: str) -> ServedLayer:
        """The layer of this name; raises NotFound."""
        try:
            return self.layers[name]
        except KeyError:
            raise NotFound(f"The dataset has no layer '{name}'.") from None

    def remembered(self, key: object, make: Callable[[], Value]) -> Value:
        """What `make` made the first time; threads may make it twice, which does no harm."""
        try:
            return cast("Value", self._memory[key])
        except KeyError:
            return cast("Value", self._memory.setdefault(key, make()))


def serve(row: models.Dataset) -> ServedDataset:
    """Prepare a dataset for serving, in three queries; raises Conflict for one that is unusable."""
    if row.status:
        raise Conflict(f"The dataset '{row.name}' can't be read: {row.status}")
    prefetch_related_objects([row], "layers__mags", "layers__attachments")
    properties = data_source.load_with_id(row)
    rows = {layer.name: layer for layer in row.layers.all()}
    return ServedDataset(
        row=row,
        data_source=properties,
        layers={layer.name: _layer(row, layer, rows[layer.name]) for layer in properties.layers},
    )


def _layer(dataset: models.Dataset, properties: Layer, row: models.Layer) -> ServedLayer:
    mags = {mag.literal: mag for mag in row.mags.all()}
    served = [
        ServedMag(
            layer=properties,
            properties=entry,
            row=mags[entry.mag.literal],
            key=ArrayKey(dataset.pk, str(dataset.version), row.name, entry.mag.literal),
        )
        for entry in sorted(properties.mags, key=lambda entry: (max(entry.mag), *entry.mag))
    ]
    return ServedLayer(properties, row, {mag.properties.mag.literal: mag for mag in served})


def may_read_for(dataset: models.Dataset) -> MayRead:
    """Where links inside of the dataset's mags and attachments may lead."""
    return partial(may_read, dataset_directory(dataset))


def as_box(box: BoundingBox) -> Box:
    """A bounding box as the reader of voxels takes it."""
    return Box(box.top_left, box.size)
