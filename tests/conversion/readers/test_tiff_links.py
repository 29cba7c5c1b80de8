"""TIFF files that are linked from elsewhere, as labs gather slices, are read by their links."""

from pathlib import Path

import numpy as np
import tifffile

from conversion.readers.registry import open_file
from conversion.readers.series import find_images
from tests.conversion.readers.test_tiff import write_multi_file_ome

SLICES = np.random.default_rng(7).integers(0, 255, (3, 20, 30), np.uint8)


def test_a_folder_of_links_with_other_names_is_a_series(tmp_path: Path) -> None:
    """The links order the slices, not what they lead to."""
    (tmp_path / "store").mkdir()
    (folder := tmp_path / "stack").mkdir()
    for number, plane in enumerate(SLICES):
        target = tmp_path / "store" / f"scan_{9 - number}.tif"
        tifffile.imwrite(target, plane)
        (folder / f"{number}.tif").symlink_to(target)
    (layer,) = find_images(folder).layers
    (image,) = layer.images
    assert [file.name for file in image.files] == ["0.tif", "1.tif", "2.tif"]
    assert all(file.parent == folder for file in image.files)
    with image:
        np.testing.assert_array_equal(image.read({}, range(3)), SLICES)


def test_a_link_to_one_of_several_files_finds_the_others(tmp_path: Path) -> None:
    """They lie beside what the link leads to."""
    (store := tmp_path / "store").mkdir()
    voxels = write_multi_file_ome(store)
    (link := tmp_path / "mouse.tif").symlink_to(store / "t0.ome.tif")
    (image,) = open_file(link)
    assert image.files == tuple(sorted([link, store / "t1.ome.tif"]))
    with image:
        for time, stack in enumerate(voxels):
            np.testing.assert_array_equal(image.read({"t": time}, range(len(stack[0]))), stack[0])
