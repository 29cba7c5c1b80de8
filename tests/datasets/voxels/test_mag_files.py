"""Links inside of a mag that the formats' contract (voxel_contract.py) does not come across."""

from pathlib import Path

import pytest

from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.mag_files import MagFiles, open_found
from datasets.voxels.open import open_mag

METADATA = {
    "wkw": "1/header.wkw",
    "zarr": "1/.zarray",
    "zarr3": "1/zarr.json",
    "n5": "1/attributes.json",
    "neuroglancerPrecomputed": "info",
}


@pytest.fixture
def mag(tmp_path: Path) -> Path:
    mag = tmp_path / "layer" / "1"
    mag.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    return mag


@pytest.mark.parametrize("data_format", METADATA)
def test_metadata_are_not_read_through_a_link_that_leads_out(mag: Path, data_format: str) -> None:
    (mag.parent / METADATA[data_format]).symlink_to(mag.parent.parent / "secret")
    with pytest.raises(VoxelsBroken, match="outside of the dataset") as caught:
        open_mag(mag, data_format)
    assert "secret" not in str(caught.value)


def test_links_from_file_to_file_inside_of_a_mag_are_followed(mag: Path) -> None:
    (mag / "c").mkdir()
    (mag / "c" / "0").write_text("voxels")
    (mag / "c" / "1").symlink_to("0")
    found = MagFiles(mag).find("c/1")
    assert found is not None
    assert found.path == mag / "c" / "0"
    assert found.status.st_size == 6


def test_a_mag_that_is_a_link_itself_has_its_files_where_it_leads(mag: Path) -> None:
    (mag / "0").touch()
    link = mag.parent / "2"
    link.symlink_to(mag)
    assert MagFiles(link).find("0") is not None


def test_a_dangling_link_is_an_absent_file(mag: Path) -> None:
    (mag / "0").symlink_to("nowhere")
    assert MagFiles(mag).find("0") is None


def test_a_neighbour_whose_name_begins_alike_lies_outside(mag: Path) -> None:
    (mag.parent / "10").mkdir()
    (mag.parent / "10" / "0").touch()
    (mag / "0").symlink_to("../10/0")
    with pytest.raises(VoxelsBroken, match="outside"):
        MagFiles(mag).find("0")


def test_a_file_that_became_a_link_since_it_was_found_is_not_opened(mag: Path) -> None:
    (mag / "0").touch()
    found = MagFiles(mag).find("0")
    assert found is not None
    (mag / "0").unlink()
    (mag / "0").symlink_to("../../secret")
    with pytest.raises(OSError, match="symbolic links"):
        open_found(found.path)
