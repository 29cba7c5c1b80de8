"""datasource-properties.json as typed data: every field that the format knows.

Legacy spellings are understood when read; what is written is always the modern form. Whether the
values make sense is for `validation`, and files are for `files`.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from datasets.properties.bigint import BigInt
from datasets.properties.element_class import ElementClass
from datasets.properties.geometry import BoundingBox, Mag, Vec3Float
from datasets.properties.record import (
    NullMeansEmptyList,
    NullMeansEmptyObject,
    OptionalObject,
    Record,
)
from datasets.properties.units import LengthUnit, parse_unit


class Category(StrEnum):
    COLOR = "color"
    SEGMENTATION = "segmentation"


class DataFormat(StrEnum):
    WKW = "wkw"
    ZARR = "zarr"
    ZARR3 = "zarr3"
    N5 = "n5"
    NEUROGLANCER_PRECOMPUTED = "neuroglancerPrecomputed"


class AttachmentDataFormat(StrEnum):
    ZARR3 = "zarr3"
    HDF5 = "hdf5"
    JSON = "json"
    NEUROGLANCER_PRECOMPUTED = "neuroglancerPrecomputed"


class VoxelSize(Record):
    """The size of a mag-1 voxel, in `unit`."""

    factor: Vec3Float
    unit: LengthUnit = LengthUnit.NANOMETER

    @model_validator(mode="before")
    @classmethod
    def _read_legacy_list(cls, value: Any) -> Any:
        return {"factor": value} if isinstance(value, list | tuple) else value

    @field_validator("unit", mode="before")
    @classmethod
    def _read_any_spelling(cls, value: object) -> object:
        if value is None:
            return LengthUnit.NANOMETER
        return parse_unit(value) if isinstance(value, str) else value

    @property
    def nanometers(self) -> Vec3Float:
        x, y, z = self.factor
        scale = self.unit.nanometers
        return x * scale, y * scale, z * scale


class AdditionalAxis(Record):
    """An axis beyond c, x, y and z, such as time.

    `bounds` are the first index and the one after the last, `index` is the axis' place in the
    stored arrays.
    """

    name: str
    bounds: tuple[int, int]
    index: int


class MagProperties(Record):
    """One mag of a layer and how its array lies.

    `axis_order` maps axis names to their place in the stored array; empty means c, x, y, z.
    `channel_index` picks one channel of an array that several layers share.
    """

    mag: Annotated[Mag, BeforeValidator(Mag.parse)]
    path: str | None = None
    cube_length: int | None = None
    axis_order: Annotated[dict[str, int], NullMeansEmptyObject] = Field(default_factory=dict)
    channel_index: int | None = None
    credential_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_legacy_resolution(cls, value: Any) -> Any:
        if isinstance(value, dict) and "resolution" in value:
            value = dict(value)
            resolution = value.pop("resolution")
            value.setdefault("mag", resolution)
        return value


class Attachment(Record):
    name: str
    path: str
    data_format: AttachmentDataFormat
    credential_id: str | None = None


AttachmentList = Annotated[tuple[Attachment, ...], NullMeansEmptyList]


class Attachments(Record):
    """Files that belong to a layer but are not voxels. Names are unique per kind."""

    meshes: AttachmentList = ()
    agglomerates: AttachmentList = ()
    connectomes: AttachmentList = ()
    segment_index: Attachment | None = None
    segment_statistics: Attachment | None = None
    cumsum: Attachment | None = None

    def by_kind(self) -> dict[str, tuple[Attachment, ...]]:
        """The attachments of every kind that has any; the kinds are named as in JSON."""
        found: dict[str, tuple[Attachment, ...]] = {}
        for name in type(self).model_fields:
            value: tuple[Attachment, ...] | Attachment | None = getattr(self, name)
            attachments = value if isinstance(value, tuple) else (value,) if value else ()
            if attachments:
                found[to_camel(name)] = attachments
        return found

    def replaced(self, replace: Callable[[str, Attachment], Attachment | None]) -> Self:
        """A copy with each attachment replaced by what `replace(kind, attachment)` returns; None
        removes it.
        """
        changed: dict[str, object] = {}
        for name in type(self).model_fields:
            found = self.by_kind().get(to_camel(name), ())
            kept = tuple(a for a in (replace(to_camel(name), a) for a in found) if a is not None)
            is_list = isinstance(getattr(self, name), tuple)
            changed[name] = kept if is_list else next(iter(kept), None)
        return self.model_copy(update=changed)


Row4 = tuple[float, float, float, float]


class Correspondences(Record):
    """Pairs of points: each of `source` moves to the one of `target` at the same place."""

    source: tuple[Vec3Float, ...]
    target: tuple[Vec3Float, ...]


class CoordinateTransformation(Record):
    """How a layer's voxels move into the dataset's space: an affine 4x4 `matrix` (rows, acting on
    x, y, z, 1), or a thin plate spline through `correspondences`.
    """

    type: Literal["affine", "thin_plate_spline"]
    matrix: tuple[Row4, Row4, Row4, Row4] | None = None
    correspondences: Correspondences | None = None

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        if self.type == "affine" and self.matrix is None:
            raise ValueError("an affine transformation needs `matrix`, four rows of four numbers")
        if self.type == "thin_plate_spline":
            points = self.correspondences
            if points is None or len(points.source) != len(points.target):
                raise ValueError(
                    "a thin plate spline needs `correspondences` with as many points in `source` "
                    "as in `target`"
                )
        return self


class Layer(Record):
    name: str
    category: Category
    bounding_box: BoundingBox
    element_class: ElementClass
    data_format: DataFormat
    mags: tuple[MagProperties, ...]
    num_channels: int | None = Field(default=None, validate_default=True)
    additional_axes: Annotated[tuple[AdditionalAxis, ...], NullMeansEmptyList] = ()
    coordinate_transformations: Annotated[
        tuple[CoordinateTransformation, ...], NullMeansEmptyList
    ] = ()
    default_view_configuration: OptionalObject = Field(default_factory=dict)
    admin_view_configuration: OptionalObject = Field(default_factory=dict)
    largest_segment_id: BigInt | None = None
    mappings: Annotated[tuple[str, ...], NullMeansEmptyList] = ()
    attachments: Annotated[Attachments, NullMeansEmptyObject] = Field(default_factory=Attachments)

    @model_validator(mode="before")
    @classmethod
    def _read_legacy_mags(cls, value: Any) -> Any:
        if isinstance(value, dict) and "wkwResolutions" in value:
            value = dict(value)
            resolutions = value.pop("wkwResolutions")
            if not value.get("mags"):
                value["mags"] = resolutions
            value.setdefault("dataFormat", DataFormat.WKW)
        return value

    @field_validator("num_channels")
    @classmethod
    def _rgb_has_three_channels(cls, value: int | None, info: ValidationInfo) -> int | None:
        return 3 if info.data.get("element_class") is ElementClass.UINT24 else value

    @property
    def channels(self) -> int:
        return max(1, self.num_channels or self.element_class.channels)

    @property
    def channel_class(self) -> ElementClass:
        """The element class of one of the channels."""
        return self.element_class.of_one_channel(self.channels)

    @property
    def is_segmentation(self) -> bool:
        return self.category is Category.SEGMENTATION

    def renamed(self, name: str) -> Self:
        """This layer under another name; its mags stay where they lie."""
        if name == self.name:
            return self
        mags = tuple(
            mag.model_copy(update={"path": mag.path or self.default_mag_paths(mag.mag)[0]})
            for mag in self.mags
        )
        return self.model_copy(update={"name": name, "mags": mags})

    def default_mag_paths(self, mag: Mag) -> tuple[str, ...]:
        """Where a mag without a path lies, relative to the dataset's directory.

        The first is what the format says; the second exists in datasets of older writers.
        """
        return tuple(
            dict.fromkeys(f"{self.name}/{name}" for name in (mag.literal, mag.long_literal))
        )


class DataSource(Record):
    """All of datasource-properties.json. `id` is kept but means nothing: directories decide."""

    id: OptionalObject = Field(default_factory=dict)
    voxel_size: VoxelSize = Field(validation_alias="scale", serialization_alias="scale")
    layers: tuple[Layer, ...] = Field(
        validation_alias="dataLayers", serialization_alias="dataLayers"
    )
    default_view_configuration: OptionalObject = Field(default_factory=dict)
    version: int = 1

    def layer(self, name: str) -> Layer | None:
        return next((layer for layer in self.layers if layer.name == name), None)
