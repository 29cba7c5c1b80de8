"""Thumbnails show something where there is something, and say so where there is not."""

import contextlib
import html
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from datasets.services import drawing, thumbnails
from datasets.streaming.catalog import ServedDataset, serve
from datasets.streaming.sampling import coarsest
from tests.datasets.streaming.streamed_data import LAYER, Streamed, make_streamed, write_zarr2
from tests.factories import make_organization, make_user

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
    return decoded(thumbnails.layer_thumbnail(served, served.layer(LAYER), size), size)


def decoded(thumbnail: thumbnails.Thumbnail, size: tuple[int, int] = SIZE) -> np.ndarray:
    picture = Image.open(io.BytesIO(thumbnail.data))
    assert picture.format == "JPEG"
    assert picture.size == size
    return np.asarray(picture).astype(int)


def with_voxels(voxels: np.ndarray, **options) -> Streamed:
    """A WKW dataset of these voxels (x, y, z)."""
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
    shutil.rmtree(streamed.directory / LAYER / "1")
    assert drawn(streamed, (100, 100)).std() > 10


@pytest.mark.parametrize("lost", [{"4-4-1"}, {"1", "4-4-1"}, {"1", "2-2-1"}])
@pytest.mark.parametrize("is_opened_before", [False, True])
def test_mags_that_are_lost_are_passed_over(lost, is_opened_before):
    streamed = make_streamed(size=(256, 256, 8), mags=((1, 1, 1), (2, 2, 1), (4, 4, 1)))
    if is_opened_before:
        for mag in serve(streamed.dataset).layer(LAYER).mags.values():
            mag.array()
    for literal in lost:
        shutil.rmtree(streamed.directory / LAYER / literal)
    picture = drawn(streamed, (50, 50))
    assert len(np.unique(picture // 16)) > 10
    red, green, _ = picture.mean(axis=(0, 1))
    assert red == pytest.approx(green, abs=1)


def test_a_mag_that_the_scan_found_unreadable_is_passed_over():
    streamed = make_streamed(size=(256, 256, 8), mags=((1, 1, 1), (4, 4, 1)))
    mags = streamed.dataset.layers.get().mags
    mags.filter(x=4).update(problem="Its voxels are stored as uint16.")
    layer = serve(streamed.dataset).layer(LAYER)
    found = coarsest(layer, 10)
    assert found is not None
    assert found.properties.mag.literal == "1"


def test_a_thumbnail_is_drawn_once_for_each_version_and_can_be_cleared(monkeypatch):
    streamed = with_voxels(np.random.default_rng(3).integers(1, 255, (90, 60, 4), "u1"))
    served = serve(type(streamed.dataset).objects.get(pk=streamed.id))
    pixels(served, (192, 192))
    with monkeypatch.context() as patched:
        patched.setattr(drawing, "layer_picture", lambda *_: pytest.fail("drawn again"))
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


def whole(streamed: Streamed, size: tuple[int, int] = (90, 60)) -> np.ndarray:
    """The dataset's thumbnail, after rows were changed."""
    served = serve(type(streamed.dataset).objects.get(pk=streamed.id))
    return decoded(thumbnails.dataset_thumbnail(served, size), size)


def add_layer(streamed: Streamed, name: str, voxels: np.ndarray, category: str = "color") -> None:
    """A further layer beside the first, which gives it its box and mag."""
    first = streamed.dataset.layers.get(name=LAYER)
    mag = first.mags.get()
    first.pk = mag.pk = None
    first.name, first.category, first.position = name, category, streamed.dataset.layers.count()
    first.element_class = {"u1": "uint8", "u4": "uint32"}[voxels.dtype.str[1:]]
    first.save()
    mag.layer = first
    mag.path = f"{name}/1"
    mag.save()
    write_zarr2(streamed.directory / name / "1", voxels[np.newaxis])


def stained(*stains: tuple[int, int]) -> Streamed:
    """A dataset of 90 x 60 voxels; each of its layers is bright in a stripe of columns."""
    planes = []
    for left, right in stains:
        voxels = np.zeros((90, 60, 4), "u1")
        voxels[left:right] = np.random.default_rng(left).integers(150, 255, (right - left, 60, 4))
        planes.append(voxels)
    streamed = with_voxels(planes[0])
    for number, voxels in enumerate(planes[1:]):
        add_layer(streamed, f"stain {number}", voxels)
    return streamed


def test_a_datasets_thumbnail_shows_all_colour_layers_in_distinct_colours():
    picture = whole(stained((0, 25), (30, 55), (60, 90)))
    hues = [picture[10:50, left + 5 : left + 20].mean(axis=(0, 1)) for left in (0, 30, 60)]
    assert all(hue.max() > 80 for hue in hues)
    # Each lacks another part of white, so that they can be told apart.
    assert len({int(hue.argmin()) for hue in hues}) == 3


def test_light_adds_up_where_layers_overlap():
    streamed = stained((0, 60), (30, 90))
    for layer, color in zip(streamed.dataset.layers.all(), ([255, 0, 0], [0, 0, 255]), strict=True):
        layer.default_view_configuration = {"color": color, "intensityRange": [0, 200]}
        layer.save()
    picture = whole(streamed)
    red, _, blue = picture[10:50, 38:52].mean(axis=(0, 1))
    assert min(red, blue) > 180
    only_red, _, no_blue = picture[10:50, 8:22].mean(axis=(0, 1))
    assert only_red > 180
    assert no_blue < 40


def test_a_hidden_layer_is_left_out_and_a_saved_default_counts():
    streamed = stained((0, 40), (50, 90))
    streamed.dataset.admin_view_configuration = {"layers": {"stain 0": {"isDisabled": True}}}
    streamed.dataset.save()
    picture = whole(streamed)
    assert picture[10:50, 10:30].mean() > 80
    assert picture[10:50, 60:80].max() < 40


def test_the_chosen_intensity_range_is_used():
    streamed = with_voxels(np.full((90, 60, 4), 50, "u1"))
    layer = streamed.dataset.layers.get()
    layer.default_view_configuration = {"intensityRange": [0, 100]}
    layer.save()
    assert abs(whole(streamed)[30, 45].mean() - 127) < 8


def test_inverted_layers_are_dark_where_values_are_high():
    voxels = np.full((90, 60, 4), 20, "u1")
    voxels[45:] = 230
    streamed = with_voxels(voxels)
    layer = streamed.dataset.layers.get()
    layer.default_view_configuration = {"isInverted": True, "intensityRange": [0, 250]}
    layer.save()
    picture = whole(streamed)
    assert picture[30, 20].mean() > 200
    assert picture[30, 70].mean() < 50


def test_channels_of_one_layer_have_colours_of_their_own():
    voxels = np.zeros((2, 90, 60, 4), "u1")
    voxels[0, :40], voxels[1, 50:] = 200, 200
    streamed = make_streamed(
        data_format="zarr", size=(90, 60, 4), channels=2, element_class="uint16"
    )
    write_zarr2(streamed.directory / LAYER / "1", voxels)
    picture = whole(streamed)
    left, right = (picture[10:50, at : at + 20].mean(axis=(0, 1)) for at in (10, 60))
    assert min(left.max(), right.max()) > 150
    assert left.argmin() != right.argmin()


def test_segments_are_shown_where_there_is_nothing_else():
    voxels = np.zeros((90, 60, 4), "u4")
    voxels[10:40], voxels[50:80] = 7, 8
    picture = whole(with_voxels(voxels, element_class="uint32", category="segmentation"))
    assert np.abs(picture[30, 25] - picture[30, 65]).max() > 40


def test_segments_do_not_cover_the_image():
    streamed = stained((0, 90))
    alone = whole(streamed)
    add_layer(streamed, "cells", np.full((90, 60, 4), 7, "u4"), category="segmentation")
    assert np.abs(whole(streamed) - alone).max() < 10


def test_a_layer_that_can_not_be_read_does_not_take_the_others_along_and_nothing_is_kept():
    streamed = stained((0, 40), (50, 90))
    (streamed.directory / "stain 0" / "1" / ".zarray").write_text("{")
    served = serve(type(streamed.dataset).objects.get(pk=streamed.id))
    thumbnail = thumbnails.dataset_thumbnail(served, (144, 144))
    assert decoded(thumbnail, (144, 144))[60:84, 20:50].mean() > 40
    assert thumbnail.etag == ""
    assert not default_storage.exists(f"thumbnails/{streamed.id}")


def test_a_picture_that_a_crash_has_cut_short_is_drawn_again():
    streamed = stained((0, 90))
    good = whole(streamed, (144, 144))
    folder = f"thumbnails/{streamed.id}/{streamed.dataset.version}"
    (name,) = default_storage.listdir(folder)[1]
    path = Path(default_storage.path(f"{folder}/{name}"))
    path.write_bytes(path.read_bytes()[:300])
    assert np.array_equal(whole(streamed, (144, 144)), good)


def test_who_comes_while_many_are_drawn_is_told_to_come_back_and_kept_ones_do_not_wait(
    monkeypatch,
):
    kept, fresh = stained((0, 90)), stained((0, 50))
    whole(kept, (144, 144))
    monkeypatch.setattr(thumbnails, "PATIENCE_SECONDS", 0.01)
    with contextlib.ExitStack() as drawing_now:
        for _ in range(thumbnails.AT_ONCE):
            drawing_now.enter_context(thumbnails._place())
        with pytest.raises(thumbnails.Busy):
            whole(fresh, (144, 144))
        whole(kept, (144, 144))
    whole(fresh, (144, 144))


class TestAddresses:
    @pytest.fixture
    def shown(self) -> tuple[Streamed, Client]:
        streamed = stained((0, 90))
        client = Client()
        client.force_login(make_user(streamed.dataset.organization, is_admin=True))
        return streamed, client

    def address(self, client: Client) -> str:
        page = client.get("/").content.decode()
        return html.unescape(re.search(r'<img class="thumbnail" src="([^"]+)"', page)[1])

    def test_the_lists_address_never_changes_its_picture_so_browsers_need_not_ask(self, shown):
        _, client = shown
        address = self.address(client)
        answer = client.get(address)
        assert answer["Content-Type"] == "image/jpeg"
        assert "immutable" in answer["Cache-Control"]
        assert answer["Vary"] == "Cookie"
        assert "no-cache" in client.get(address.partition("&look")[0])["Cache-Control"]

    def test_another_default_view_and_other_voxels_have_other_addresses(self, shown):
        streamed, client = shown
        seen = {self.address(client)}
        streamed.dataset.admin_view_configuration = {"layers": {LAYER: {"color": [0, 255, 0]}}}
        streamed.dataset.save()
        seen.add(self.address(client))
        streamed.dataset.version += 1
        streamed.dataset.save()
        seen.add(self.address(client))
        assert len(seen) == 3

    def test_a_failure_is_kept_by_nobody(self, shown):
        streamed, client = shown
        (streamed.directory / LAYER / "1" / ".zarray").write_text("{")
        answer = client.get(self.address(client))
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"

    def test_strangers_get_the_answer_of_what_does_not_exist(self, shown):
        streamed, client = shown
        address = self.address(client)
        stranger = Client()
        stranger.force_login(make_user(make_organization(), is_admin=True))
        missing = stranger.get(address.replace(streamed.id, "0" * 24))
        for other in (stranger, Client()):
            answer = other.get(address)
            assert answer.status_code == 404
            assert answer.content == missing.content
