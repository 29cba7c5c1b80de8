"""Thumbnails show something where there is something, and say so where there is not."""

import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image

from datasets.services import thumbnails
from datasets.streaming.catalog import ServedDataset, serve
from tests.datasets.streaming.streamed_data import LAYER, Streamed, make_streamed

pytestmark = pytest.mark.django_db

SIZE = (120, 90)


@pytest.fixture(autouse=True)
def _own_directories(settings, tmp_path):
    settings.BINARY_DATA_DIR = tmp_path / "binaryData"
    settings.MEDIA_ROOT = tmp_path / "files"


def drawn(streamed: Streamed, size: tuple[int, int] = SIZE) -> np.ndarray:
    streamed.dataset.refresh_from_db()
    served = serve(type(streamed.dataset).objects.get(pk=streamed.id))
    return pixels(served, size)


def pixels(served: ServedDataset, size: tuple[int, int] = SIZE) -> np.ndarray:
    data = thumbnails.thumbnail(served, served.layer(LAYER), size)
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "JPEG"
    assert picture.size == size
    return np.asarray(picture).astype(int)


def with_voxels(voxels: np.ndarray, **options) -> Streamed:
    """A WKW dataset of these voxels (x, y, z)."""
    from tests.datasets.streaming.streamed_data import write_zarr2

    streamed = make_streamed(
        data_format="zarr", size=voxels.shape, options={"compressor": None}, **options
    )
    write_zarr2(streamed.directory / LAYER / "1", voxels[np.newaxis])
    return streamed


def test_contrast_is_stretched_over_the_values_that_occur():
    rng = np.random.default_rng(1)
    voxels = rng.integers(1000, 1100, (100, 80, 20), "u2")
    voxels[0, 0, :] = 65535  # a hot pixel
    picture = drawn(with_voxels(voxels, element_class="uint16"))
    gray = picture[10:-10, 30:-30, 0]
    assert gray.min() < 40
    assert gray.max() > 215


def test_a_filled_slice_is_shown_where_the_middle_is_empty():
    voxels = np.zeros((100, 80, 64), "u1")
    voxels[20:80, 20:60, 8] = 200
    picture = drawn(with_voxels(voxels))
    assert picture[45, 60].min() > 200
    assert picture[5, 20].max() < 50


def test_empty_and_failed_look_different_and_neither_is_black():
    empty = with_voxels(np.zeros((40, 40, 8), "u1"))
    failed = with_voxels(np.ones((40, 40, 8), "u1"))
    (failed.directory / LAYER / "1" / ".zarray").write_text("{")
    first, second = drawn(empty), drawn(failed)
    assert first.mean() > 150
    red, green, _ = second.mean(axis=(0, 1))
    assert red > green + 40
    assert len(np.unique(second.reshape(-1, 3), axis=0)) > 10  # there is text on it


def test_a_failure_is_not_kept():
    streamed = with_voxels(np.full((40, 40, 8), 9, "u1"))
    metadata = streamed.directory / LAYER / "1" / ".zarray"
    good = metadata.read_text()
    metadata.write_text("{")
    failed = drawn(streamed)
    metadata.write_text(good)
    assert not np.array_equal(drawn(streamed), failed)


def test_segments_have_colors_of_their_own():
    voxels = np.zeros((90, 60, 4), "u4")
    voxels[10:40], voxels[50:80] = 7, 8
    streamed = with_voxels(voxels, element_class="uint32", category="segmentation")
    picture = drawn(streamed, (90, 60))
    assert np.abs(picture[30, 25] - picture[30, 65]).max() > 40
    assert picture[30, 45].max() < 60


def test_the_layers_color_tints_it():
    streamed = with_voxels(np.random.default_rng(3).integers(1, 255, (90, 60, 4), "u1"))
    layer = streamed.dataset.layers.get()
    layer.default_view_configuration = {"color": [0, 255, 0]}
    layer.save()
    red, green, blue = drawn(streamed, (90, 60)).mean(axis=(0, 1))
    assert green > 80
    assert max(red, blue) < 40


def test_the_picture_has_the_proportions_of_the_sample():
    """Voxels are 4 x 4 nm here, so that a flat layer leaves bars above and below."""
    picture = drawn(with_voxels(np.full((80, 20, 2), 9, "u1")), (100, 100))
    rows = np.nonzero(picture.max(axis=(1, 2)) > 60)[0]
    assert 22 <= len(rows) <= 30


def test_no_finer_mag_is_read_than_the_picture_needs(monkeypatch):
    streamed = make_streamed(size=(256, 256, 8), mags=((1, 1, 1), (2, 2, 1), (4, 4, 1)))
    import shutil

    shutil.rmtree(streamed.directory / LAYER / "1")
    assert drawn(streamed, (100, 100)).std() > 10


def test_a_thumbnail_is_drawn_once_for_each_version_and_can_be_cleared(monkeypatch):
    streamed = with_voxels(np.random.default_rng(3).integers(1, 255, (90, 60, 4), "u1"))
    served = serve(type(streamed.dataset).objects.get(pk=streamed.id))
    pixels(served, (192, 192))
    with monkeypatch.context() as patched:
        patched.setattr(thumbnails, "_drawn", lambda *_: pytest.fail("drawn again"))
        pixels(served, (192, 192))
    folder = f"thumbnails/{streamed.id}/{streamed.dataset.version}"
    assert len(default_storage.listdir(folder)[1]) == 1
    thumbnails.clear_thumbnails(streamed.id)
    assert default_storage.listdir(folder)[1] == []


def test_asking_for_many_sizes_does_not_fill_the_disk():
    streamed = with_voxels(np.random.default_rng(3).integers(1, 255, (90, 60, 4), "u1"))
    served = serve(type(streamed.dataset).objects.get(pk=streamed.id))
    for size in ((400, 399), (401, 401), (1000, 2)):
        pixels(served, size)
    assert not default_storage.exists(f"thumbnails/{streamed.id}")
