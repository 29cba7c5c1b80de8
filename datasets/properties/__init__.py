"""datasource-properties.json and view configurations as pure data, without Django.

`model` is what the file says, `files` reads and writes it, `validation` judges it, `compare` tells
two apart, `merge` applies an edit, `infer` guesses it from the data, `view` resolves how a dataset
is shown.
"""

from datasets.properties.bigint import with_bigint_envelopes
from datasets.properties.element_class import ElementClass
from datasets.properties.files import (
    BACKUPS_NAME,
    FILE_NAME,
    UnreadableProperties,
    dumps,
    loads,
    parse,
    read,
    write,
)
from datasets.properties.geometry import BoundingBox, Mag, Vec3Float, Vec3Int
from datasets.properties.model import (
    AdditionalAxis,
    Attachment,
    AttachmentDataFormat,
    Attachments,
    Category,
    CoordinateTransformation,
    Correspondences,
    DataFormat,
    DataSource,
    Layer,
    MagProperties,
    VoxelSize,
)
from datasets.properties.units import LengthUnit, parse_unit

__all__ = [
    "BACKUPS_NAME",
    "FILE_NAME",
    "AdditionalAxis",
    "Attachment",
    "AttachmentDataFormat",
    "Attachments",
    "BoundingBox",
    "Category",
    "CoordinateTransformation",
    "Correspondences",
    "DataFormat",
    "DataSource",
    "ElementClass",
    "Layer",
    "LengthUnit",
    "Mag",
    "MagProperties",
    "UnreadableProperties",
    "Vec3Float",
    "Vec3Int",
    "VoxelSize",
    "dumps",
    "loads",
    "parse",
    "parse_unit",
    "read",
    "with_bigint_envelopes",
    "write",
]
