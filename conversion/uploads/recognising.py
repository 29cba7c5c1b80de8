"""What has been uploaded, and whether it may become a dataset as it is."""

from enum import StrEnum
from pathlib import Path

from conversion.uploads.folder_kinds import (
    is_layer,
    is_mag,
    is_n5_array,
    is_n5_multiscale,
    is_precomputed,
    subfolders,
)
from conversion.uploads.names import BadUpload, shown
from conversion.uploads.tidying import settle, wrap
from datasets.properties import FILE_NAME, Layer, UnreadableProperties, path_problem, read

DEPTH = 3  # levels of folders that are looked into, the uploaded one included

IMAGE_SUFFIXES = (
    *(".tif", ".tiff", ".jpg", ".jpeg", ".jp2", ".png", ".bmp", ".gif", ".webp"),
    *(".dm3", ".dm4", ".czi", ".dcm", ".mrc", ".map", ".rec", ".st", ".nii", ".nii.gz"),
    *(".lif", ".lsm", ".nd2", ".oib", ".oif", ".ims", ".vsi", ".svs", ".ndpi", ".raw"),
)
# Text that microscopes and people put beside images.
COMPANION_SUFFIXES = (".txt", ".md", ".csv", ".json", ".xml", ".log", ".ini", ".pdf")


class UploadKind(StrEnum):
    """What an upload is; of several kinds that fit, the first."""

    WITH_PROPERTIES = "datasource-properties"
    ZARR = "zarr"
    ZARR_LAYERS = "zarr-layers"
    ZARR3 = "zarr3"
    ZARR3_LAYERS = "zarr3-layers"
    PRECOMPUTED = "precomputed"
    PRECOMPUTED_LAYERS = "precomputed-layers"
    N5_LAYERS = "n5-layers"
    N5_MULTISCALE = "n5-multiscale"
    N5_ARRAY = "n5-array"
    WKW = "wkw"


def recognise(root: Path) -> UploadKind | None:
    """What the tidied upload in `root` is, by its metadata files; None if it is no dataset."""
    if (root / FILE_NAME).is_file():
        return UploadKind.WITH_PROPERTIES
    levels = _levels(root)
    for names, one, several in (
        ((".zarray", ".zattrs"), UploadKind.ZARR, UploadKind.ZARR_LAYERS),
        (("zarr.json",), UploadKind.ZARR3, UploadKind.ZARR3_LAYERS),
    ):
        if _any_holds(levels[:2], names):
            return one
        if _any_holds(levels[2:], names):
            return several
    if is_precomputed(root):
        return UploadKind.PRECOMPUTED
    if any(is_precomputed(folder) for folder in levels[1]):
        return UploadKind.PRECOMPUTED_LAYERS
    return _n5_kind(root, levels) or (
        UploadKind.WKW if _any_holds(levels, ("header.wkw",)) else None
    )


def arrange(root: Path, kind: UploadKind) -> None:
    """Make `root` a folder of layers: a bare mag becomes `color/1`, a bare layer `color`.

    Once more does no harm, also after a kill. What brings its properties stays as they say.
    """
    settle(root)
    if kind is UploadKind.WITH_PROPERTIES:
        return
    if is_mag(root):
        wrap(root, "color/1")
    elif is_layer(root):
        wrap(root, "color")


def check_properties(root: Path) -> None:
    """Refuse an uploaded datasource-properties.json that is broken or leads out of the dataset.

    Raises BadUpload, which names the layer and the path. Does nothing where there is no such file.
    """
    try:
        data_source = read(root / FILE_NAME)
    except FileNotFoundError:
        return
    except UnreadableProperties as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise BadUpload(f"The uploaded {FILE_NAME} can't be used: {error.details}.") from error
    for layer in data_source.layers:
        for path in _paths(layer):
            if problem := path_problem(path):
                raise BadUpload(
                    f"Layer {shown(layer.name)} in the uploaded {FILE_NAME} leads out of the "
                    f"dataset. {problem}"
                )


def looks_like_images(root: Path) -> bool:
    """Whether the upload consists of image files, which only a conversion makes a dataset of."""
    names = [path.name.lower() for path in root.rglob("*") if path.is_file()]
    images = [name for name in names if name.endswith(IMAGE_SUFFIXES)]
    companions = [name for name in names if name.endswith(COMPANION_SUFFIXES)]
    return bool(images) and len(images) + len(companions) == len(names)


def _levels(root: Path) -> list[list[Path]]:
    """The folders by their depth; chunks of a mag are not among them."""
    levels = [[root]]
    while len(levels) < DEPTH:
        levels.append(
            [child for folder in levels[-1] if not is_mag(folder) for child in subfolders(folder)]
        )
    return levels


def _any_holds(levels: list[list[Path]], names: tuple[str, ...]) -> bool:
    return any((folder / name).is_file() for level in levels for folder in level for name in names)


def _n5_kind(root: Path, levels: list[list[Path]]) -> UploadKind | None:
    has_attributes = (root / "attributes.json").is_file()
    if has_attributes and levels[1] and all(is_n5_multiscale(folder) for folder in levels[1]):
        return UploadKind.N5_LAYERS
    if any(is_n5_multiscale(folder) for level in levels[:2] for folder in level):
        return UploadKind.N5_MULTISCALE
    if any(is_n5_array(folder) for level in levels for folder in level):
        return UploadKind.N5_ARRAY
    return None


def _paths(layer: Layer) -> list[str]:
    """All paths that the layer names; its own name is one, for mags without a path."""
    attachments = [one.path for kind in layer.attachments.by_kind().values() for one in kind]
    return [layer.name, *(mag.path for mag in layer.mags if mag.path is not None), *attachments]
