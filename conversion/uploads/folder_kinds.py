"""What a folder is, by the metadata in it: a mag, a layer, or neither."""

from pathlib import Path

from datasets.properties.infer.folder import Folder, Report
from datasets.properties.infer.mags import MAG_NAME
from datasets.properties.infer.ome import ome_attributes
from datasets.properties.record import JsonObject

MAG_FILES = ("header.wkw", ".zarray")
N5_SCALES = ("multiscales", "scales", "downsamplingFactors")


def is_mag(folder: Path) -> bool:
    """Whether the folder is one array of voxels, in any format."""
    return (
        any((folder / name).is_file() for name in MAG_FILES)
        or read_json(folder, "zarr.json").get("node_type") == "array"
        or is_n5_array(folder)
    )


def is_image(folder: Path) -> bool:
    """Whether the folder says of itself that the arrays in it are scales of one image."""
    as_found = Folder(folder, "", folder.name, Report())
    return (
        "multiscales" in ome_attributes(as_found)
        or is_precomputed(folder)
        or is_n5_multiscale(folder)
    )


def is_layer(folder: Path) -> bool:
    """Whether the folder is an image, or holds mags by their names."""
    return is_image(folder) or any(
        is_mag(child) for child in subfolders(folder) if MAG_NAME.fullmatch(child.name)
    )


def is_precomputed(folder: Path) -> bool:
    return "scales" in read_json(folder, "info")


def is_n5_array(folder: Path) -> bool:
    return "dimensions" in read_json(folder, "attributes.json")


def is_n5_multiscale(folder: Path) -> bool:
    attributes = read_json(folder, "attributes.json")
    return any(key in attributes for key in N5_SCALES) or is_n5_array(folder / "s0")


def read_json(folder: Path, name: str) -> JsonObject:
    """The JSON object in the file; empty where there is none, or a broken one."""
    return Folder(folder, "", folder.name, Report()).read_json(name) or {}


def subfolders(folder: Path) -> list[Path]:
    """The folders inside, by name."""
    return sorted(child for child in folder.iterdir() if child.is_dir())
