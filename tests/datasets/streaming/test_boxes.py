"""Raw boxes, buckets, where there is data, histograms and slices."""

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.datasets.streaming.streamed_data import LAYER, Streamed, make_streamed

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def get():
    """These go through Django only: they are no files."""
    from functools import partial

    from tests.datasets.streaming.conftest import ask, django_application

    return partial(ask, django_application)


def public(**options) -> Streamed:
    return make_streamed(fields={"is_public": True}, **options)


def cuboid(get, streamed, offset, size, mag="1", **more):
    x, y, z = offset
    width, height, depth = size
    query = f"x={x}&y={y}&z={z}&width={width}&height={height}&depth={depth}&mag={mag}"
    query += "".join(f"&{name}={value}" for name, value in more.items())
    return get(f"/data/v15/datasets/{streamed.id}/layers/{LAYER}/data?{query}")


@pytest.mark.parametrize("data_format", ["wkw", "zarr3"])
@pytest.mark.parametrize("element_class", ["uint24", "uint16", "float"])
def test_a_cuboid_is_raw_voxels_with_x_fastest_and_channels_side_by_side(
    get, data_format, element_class
):
    streamed = public(
        data_format=data_format,
        element_class=element_class,
        mags=((1, 1, 1), (2, 2, 1)),
        top_left=(4, 6, 3),
    )
    for mag, factors in (("1-1-1", (1, 1, 1)), ("2-2-1", (2, 2, 1))):
        whole = streamed.in_space("1" if mag == "1-1-1" else mag)
        corner, size = (12, 10, 5), (9, 8, 7)
        x, y, z = (low // factor for low, factor in zip(corner, factors, strict=True))
        answer = cuboid(get, streamed, corner, size, mag)
        assert answer.headers["MISSING-BUCKETS"] == "[]"
        expected = whole[:, x : x + 9, y : y + 8, z : z + 7]
        assert answer.body == expected.tobytes(order="F")


def test_what_is_outside_of_the_layer_is_zero(get):
    streamed = public(top_left=(5, 5, 5), size=(10, 10, 10), data_format="wkw")
    answer = cuboid(get, streamed, (-3, 0, 2), (40, 20, 30))
    voxels = np.frombuffer(answer.body, "u1").reshape((1, 40, 20, 30), order="F")
    expected = np.zeros((1, 40, 20, 30), "u1")
    expected[:, 8:18, 5:15, 3:13] = streamed.voxels["1"]
    np.testing.assert_array_equal(voxels, expected)
    far = cuboid(get, streamed, (10**12, -(10**12), 0), (2, 2, 2))
    assert far.body == bytes(8)


def test_a_hundred_gigabytes_are_refused_with_a_sentence(get):
    streamed = public()
    answer = cuboid(get, streamed, (0, 0, 0), (5000, 5000, 4000))
    assert answer.status == 400
    message = json.loads(answer.body)["messages"][0]["error"]
    assert "93.1 GiB" in message
    assert "256.0 MiB" in message
    bucket = {"position": [0, 0, 0], "mag": [1, 1, 1], "cubeSize": 4096}
    url = f"/data/datasets/{streamed.id}/layers/{LAYER}/data"
    posted = get(url, method="POST", body=json.dumps([bucket]).encode())
    assert posted.status == 400


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"width": "abc"}, "width"),
        ({"width": "0"}, "width"),
        ({"width": "9" * 400}, "width"),
        ({"x": "-" + "9" * 30}, "x"),
        ({"mag": "3-x"}, "3-x"),
        ({"mappingName": "agglomerates"}, "agglomerates"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_what_is_wrong(get, parameters, told):
    streamed = public()
    query = {"x": 0, "y": 0, "z": 0, "width": 1, "height": 1, "depth": 1, "mag": 1} | parameters
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = get(f"/data/datasets/{streamed.id}/layers/{LAYER}/data?{text}")
    assert answer.status == 400
    assert told in answer.body.decode()


def test_a_mag_or_layer_that_is_not_there_is_not_found(get):
    streamed = public()
    assert cuboid(get, streamed, (0, 0, 0), (1, 1, 1), "4").status == 404
    assert get(f"/data/datasets/{streamed.id}/layers/other/histogram").status == 404


def test_half_a_byte_a_voxel_keeps_the_upper_bits(get):
    streamed = public()
    voxels = streamed.voxels["1"][:, :2, :1, :1].ravel()
    answer = cuboid(get, streamed, (0, 0, 0), (2, 1, 1), halfByte="true")
    assert answer.body == bytes([(voxels[0] & 0xF0) | (voxels[1] >> 4)])


def test_buckets_come_in_order_and_empty_ones_are_named(get):
    streamed = public(size=(64, 64, 64), element_class="uint16")
    corners = [(0, 0, 0), (32, 32, 32), (0, 32, 0), (500, 0, 0)]
    body = [{"position": c, "mag": [1, 1, 1], "cubeSize": 32} for c in corners]
    url = f"/data/datasets/{streamed.id}/layers/{LAYER}/data"
    answer = get(url, method="POST", body=json.dumps(body).encode())
    # The highest corner of the sample is empty.
    assert json.loads(answer.headers["MISSING-BUCKETS"]) == [1, 3]
    whole = streamed.voxels["1"]
    expected = whole[:, :32, :32, :32].tobytes("F") + whole[:, :32, 32:, :32].tobytes("F")
    assert answer.body == expected
    assert get(url, method="POST", body=b"{}").status == 400


def test_data_is_found_where_it_is(get):
    streamed = public(size=(100, 100, 100), data_format="wkw", top_left=(10, 20, 30))
    found = json.loads(get(f"/data/datasets/{streamed.id}/layers/{LAYER}/findData").body)
    x, y, z = found["position"]
    assert streamed.in_space()[0, x, y, z] != 0
    assert found["mag"] == found["resolution"] == [1, 1, 1]


def test_nothing_is_found_in_an_empty_layer(get):
    streamed = public(data_format="wkw")
    for file in streamed.directory.rglob("x*.wkw"):
        file.unlink()
    found = json.loads(get(f"/data/datasets/{streamed.id}/layers/{LAYER}/findData").body)
    assert found["position"] is None
    (histogram,) = json.loads(get(f"/data/datasets/{streamed.id}/layers/{LAYER}/histogram").body)
    assert histogram["numberOfElements"] == 0


@pytest.mark.parametrize(
    ("lost", "status"), [(["4-4-1"], 200), (["1", "4-4-1"], 200), (["1", "2-2-1", "4-4-1"], 410)]
)
def test_a_histogram_passes_over_lost_mags_and_says_so_where_none_is_left(get, lost, status):
    streamed = public(size=(512, 256, 8), mags=((1, 1, 1), (2, 2, 1), (4, 4, 1)))
    for literal in lost:
        shutil.rmtree(streamed.directory / LAYER / literal)
    answer = get(f"/data/datasets/{streamed.id}/layers/{LAYER}/histogram")
    assert answer.status == status
    if status == 200:
        assert json.loads(answer.body)[0]["numberOfElements"] > 0
    else:
        assert b"is gone" in answer.body


@pytest.mark.parametrize(("element_class", "count"), [("uint8", 1), ("uint24", 3), ("float", 1)])
def test_a_histogram_counts_what_is_not_zero(get, element_class, count):
    streamed = public(element_class=element_class, size=(30, 30, 30))
    found = json.loads(get(f"/data/datasets/{streamed.id}/layers/{LAYER}/histogram").body)
    assert len(found) == count
    for channel, histogram in enumerate(found):
        values = streamed.voxels["1"][channel]
        values = values[values != 0]
        assert histogram["numberOfElements"] == len(values) == sum(histogram["elementCounts"])
        assert len(histogram["elementCounts"]) == 256
        if element_class == "float":
            assert histogram["min"] == pytest.approx(float(values.min()))
            assert histogram["max"] == pytest.approx(float(values.max()))
        else:
            counts = np.bincount(values, minlength=256)
            assert histogram["elementCounts"] == counts.tolist()


def test_a_slice_is_a_picture_of_its_voxels(get):
    streamed = public(size=(60, 40, 4))
    voxels = np.zeros((1, 60, 40, 4), "u1")
    voxels[:, 10:20, 5:30] = 200
    streamed = public(size=(60, 40, 4), data_format="zarr", options={"compressor": None})
    from tests.datasets.streaming.streamed_data import write_zarr2

    write_zarr2(streamed.directory / LAYER / "1", voxels)
    query = "x=0&y=0&z=1&width=60&height=40&mag=1&intensityMin=0&intensityMax=200&color=ff0000"
    answer = get(f"/data/datasets/{streamed.id}/layers/{LAYER}/thumbnail.jpg?{query}")
    assert answer.headers["Content-Type"] == "image/jpeg"
    picture = np.asarray(Image.open(io.BytesIO(answer.body)))
    assert picture.shape == (40, 60, 3)
    assert picture[15, 15, 0] > 200
    assert picture[15, 15, 1:].max() < 60
    assert picture[35, 50].max() < 40
