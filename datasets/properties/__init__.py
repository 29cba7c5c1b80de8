"""datasource-properties.json and view configurations as pure data, without Django.

`model` is what the file says, `files` reads and writes it, `validation` judges it, `compare` tells
two apart, `merge` applies an edit, `infer` guesses it from the data, `view` resolves how a dataset
is shown.
"""

from datasets.properties.bigint import with_bigint_envelopes
from datasets.properties.compare import Change, content_hash, difference
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
from datasets.properties.merge import AttachmentRenaming, RefusedEdit, merge
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
from datasets.properties.validation import is_voxel_length, path_problem, problems
from datasets.properties.view import DatasetView, LayerView, clean, default_position, resolve

__all__ = [
    "BACKUPS_NAME",
    "FILE_NAME",
    "AdditionalAxis",
    "Attachment",
    "AttachmentDataFormat",
    "AttachmentRenaming",
    "Attachments",
    "BoundingBox",
    "Category",
    "Change",
    "CoordinateTransformation",
    "Correspondences",
    "DataFormat",
    "DataSource",
    "DatasetView",
    "ElementClass",
    "Layer",
    "LayerView",
    "LengthUnit",
    "Mag",
    "MagProperties",
    "RefusedEdit",
    "UnreadableProperties",
    "Vec3Float",
    "Vec3Int",
    "VoxelSize",
    "clean",
    "content_hash",
    "default_position",
    "difference",
    "dumps",
    "is_voxel_length",
    "loads",
    "merge",
    "parse",
    "parse_unit",
    "path_problem",
    "problems",
    "read",
    "resolve",
    "with_bigint_envelopes",
    "write",
]
