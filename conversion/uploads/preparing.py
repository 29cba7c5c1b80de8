"""From a heap of uploaded files to a folder that can be a dataset's."""

from pathlib import Path

from .names import BadUpload
from .recognising import arrange, check_properties, looks_like_images, recognise
from .tidying import tidy


def prepare_dataset(root: Path) -> None:
    """Make `root` a dataset's folder; once more does no harm, also after a kill.

    Raises BadUpload for files that are none.
    """
    tidy(root)
    kind = recognise(root)
    if kind is None and looks_like_images(root):
        raise BadUpload(
            "These are images. Upload them again and have them converted, saying the size of a "
            "voxel."
        )
    if kind is None:
        raise BadUpload(
            "No data in a known format was found in the upload. Upload a dataset in WKW, Zarr, N5 "
            "or Neuroglancer's precomputed format, or images to be converted."
        )
    arrange(root, kind)
    check_properties(root)


def the_one_file(root: Path) -> Path:
    """The only file of an upload that is one. Raises BadUpload."""
    files = [path for path in root.rglob("*") if path.is_file()]
    if len(files) != 1:
        raise BadUpload(f"This is one file, but {len(files)} were uploaded. Upload only that one.")
    return files[0]
