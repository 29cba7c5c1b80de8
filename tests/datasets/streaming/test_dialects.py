"""Both Zarr dialects: Zarr's own readers see the stored voxels, whatever format they lie in."""

import json
import struct
from typing import Any

import numpy as np
import pytest
import tensorstore as ts

from datasets.properties import ElementClass
from tests.datasets.streaming.conftest import Get
from tests.datasets.streaming.streamed_data import LAYER, Streamed, make_streamed

pytestmark = pytest.mark.django_db

FORMATS: list[dict[str, Any]] = [
    {"data_format": "zarr3"},
    {"data_format": "zarr3", "options": {"shard": None, "transpose": False}},
    {"data_format": "zarr3", "options": {"compressor": {"name": "blosc", "configuration": {}}}},
    {"data_format": "zarr3", "options": {"compressor": {"name": "crc32c"}}},
    {"data_format": "zarr"},
    {"data_format": "zarr", "options": {"order": "C", "compressor": {"id": "zstd", "level": 2}}},
    {"data_format": "zarr", "options": {"compressor": {"id": "zlib", "level": 1}}},
    {"data_format": "zarr", "options": {"compressor": {"id": "blosc"}, "separator": "/"}},
    {"data_format": "n5"},
    {"data_format": "wkw"},
]


def public(**options: Any) -> Streamed:
    return make_streamed(fields={"is_public": True}, **options)


def opened(get: Get, url: str, name: str, driver: str) -> ts.TensorStore:
    """The array at `url`, downloaded file by file as a client does, opened by tensorstore."""
    context = ts.Context()
    store = ts.KvStore.open("memory://", context=context).result()
    metadata = json.loads(get(f"{url}/{name}").body)
    grid = metadata.get("chunk_grid", {}).get("configuration", {})
    chunks = grid["chunk_shape"] if grid else metadata["chunks"]
    store.write(name, json.dumps(metadata).encode()).result()
    counts = [-(-n // c) for n, c in zip(metadata["shape"], chunks, strict=True)]
    for position in np.ndindex(*counts):
        numbers = list(map(str, position))
        key = ".".join(numbers) if driver == "zarr" else "/".join(["c", *numbers])
        answer = get(f"{url}/{key}")
        assert answer.status in {200, 404}
        if answer.status == 200:
            store.write(key, answer.body).result()
    return ts.open({"driver": driver, "kvstore": "memory://"}, context=context).result()


def read_zarr2(get: Get, streamed: Streamed, mag: str = "1") -> np.ndarray:
    """The voxels (c, x, y, z), counted from voxel 0."""
    return opened(get, f"/data/zarr/{streamed.id}/{LAYER}/{mag}", ".zarray", "zarr").read().result()


def read_ome(get: Get, streamed: Streamed, mag: str = "1", door: str = "") -> np.ndarray:
    """The voxels (c, x, y, z) of the layer's box."""
    url = f"/data/{door or f'ome-zarr/{streamed.id}'}/{LAYER}/{mag}"
    voxels = opened(get, url, "zarr.json", "zarr3").read().result()
    return voxels.transpose(0, 3, 2, 1)


@pytest.mark.parametrize("layout", FORMATS, ids=str)
@pytest.mark.parametrize("top_left", [(0, 0, 0), (32, 64, 32), (5, 17, 3)])
def test_every_format_reads_as_stored_in_both_dialects(get, layout, top_left):
    streamed = public(top_left=top_left, element_class="uint16", **layout)
    np.testing.assert_array_equal(read_zarr2(get, streamed), streamed.in_space())
    np.testing.assert_array_equal(read_ome(get, streamed), streamed.voxels["1"])


@pytest.mark.parametrize("element_class", list(ElementClass))
@pytest.mark.parametrize("data_format", ["zarr3", "wkw"])
def test_every_element_class_reads_as_stored(get, element_class, data_format):
    streamed = public(element_class=element_class, data_format=data_format, size=(40, 20, 20))
    for read in (read_zarr2, read_ome):
        voxels = read(get, streamed)
        assert voxels.dtype == streamed.voxels["1"].dtype
        np.testing.assert_array_equal(voxels, streamed.voxels["1"])


@pytest.mark.parametrize(
    ("element_class", "category", "seen"),
    [
        ("double", "color", "float32"),
        ("int64", "color", "float32"),
        ("int64", "segmentation", "uint64"),
        ("uint64", "segmentation", "uint64"),
        ("uint24", "color", "uint8"),
        ("int8", "color", "int8"),
    ],
)
def test_the_viewer_gets_types_that_browsers_have(get, element_class, category, seen):
    streamed = public(element_class=element_class, category=category, size=(40, 20, 20))
    voxels = read_ome(get, streamed, door=f"viewer/{streamed.id}/{streamed.dataset.version}")
    assert voxels.dtype.name == seen
    np.testing.assert_array_equal(voxels, streamed.voxels["1"].astype(seen))


def test_colors_are_in_one_chunk_for_the_viewer(get):
    streamed = public(element_class="uint24")
    metadata = json.loads(get(f"/data/ome-zarr/{streamed.id}/{LAYER}/1/zarr.json").body)
    assert metadata["shape"][0] == metadata["chunk_grid"]["configuration"]["chunk_shape"][0] == 3


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 2, 1), (33, 1, 5)])
@pytest.mark.parametrize("data_format", ["zarr3", "wkw"])
def test_tiny_layers_read_as_stored(get, size, data_format):
    streamed = public(size=size, top_left=(1, 2, 3), data_format=data_format)
    np.testing.assert_array_equal(read_zarr2(get, streamed), streamed.in_space())
    np.testing.assert_array_equal(read_ome(get, streamed), streamed.voxels["1"])


def test_stored_chunks_are_handed_on_undecoded(get):
    streamed = public(options={"shard": None, "chunk": 32})
    file = streamed.directory / LAYER / "1" / "c" / "0" / "1" / "0" / "1"
    assert get(f"/data/zarr/{streamed.id}/{LAYER}/1/0.1.0.1").body == file.read_bytes()
    assert get(f"/data/ome-zarr/{streamed.id}/{LAYER}/1/c/0/1/0/1").body == file.read_bytes()


def test_blocks_of_wkw_are_handed_on_undecoded(get):
    streamed = public(data_format="wkw", element_class="uint24", top_left=(32, 0, 0))
    stored = (streamed.directory / LAYER / "1/z0/y0/x0.wkw").read_bytes()
    start, end = struct.unpack_from("<QQ", stored, 16)  # of the second block
    zarr2, ome = (f"/data/{dialect}/{streamed.id}/{LAYER}/1" for dialect in ("zarr", "ome-zarr"))
    assert json.loads(get(f"{zarr2}/.zarray").body)["compressor"]["id"] == "blosc"
    assert get(f"{zarr2}/0.1.0.0").body.endswith(stored[start:end])
    assert get(f"{ome}/c/0/0/0/0").body.endswith(stored[start:end])


@pytest.mark.parametrize(
    "layout", [{"data_format": "wkw"}, {"data_format": "zarr3", "options": {"chunk": 8}}], ids=str
)
def test_what_lies_outside_of_the_box_is_not_shown(get, layout):
    streamed = public(size=(70, 50, 40), **layout)
    layer = streamed.dataset.layers.get()
    layer.min_x, layer.width = 32, 20
    layer.save()
    shown = np.zeros((1, 52, 50, 40), "uint8")
    shown[:, 32:] = streamed.voxels["1"][:, 32:52]
    np.testing.assert_array_equal(read_zarr2(get, streamed), shown)
    np.testing.assert_array_equal(read_ome(get, streamed), shown[:, 32:])


def test_several_channels_and_coarser_mags_read_as_stored(get):
    streamed = public(
        element_class="uint16", channels=2, mags=((1, 1, 1), (2, 2, 1)), top_left=(3, 5, 7)
    )
    for mag in ("1", "2-2-1"):
        np.testing.assert_array_equal(read_zarr2(get, streamed, mag), streamed.in_space(mag))
        np.testing.assert_array_equal(read_ome(get, streamed, mag), streamed.voxels[mag])


def test_the_documents_of_zarr_v2_say_what_the_public_library_expects(get):
    streamed = public(element_class="uint24", data_format="wkw", mags=((1, 1, 1), (2, 2, 1)))
    root = f"/data/v15/zarr/{streamed.id}"
    assert json.loads(get(f"{root}/.zgroup").body) == {"zarr_format": 2}
    properties = json.loads(get(f"{root}/datasource-properties.json").body)
    (layer,) = properties["dataLayers"]
    assert layer["dataFormat"] == "zarr"
    assert layer["numChannels"] == 3
    assert [mag["path"] for mag in layer["mags"]] == [f"./{LAYER}/1", f"./{LAYER}/2-2-1"]
    array = json.loads(get(f"{root}/{LAYER}/2-2-1/.zarray").body)
    assert array["shape"] == [3, 35, 25, 40]
    assert array["chunks"] == [3, 32, 32, 32]
    assert (array["order"], array["dimension_separator"]) == ("F", ".")
    attributes = json.loads(get(f"{root}/{LAYER}/.zattrs").body)["multiscales"][0]
    assert [axis["name"] for axis in attributes["axes"]] == ["c", "x", "y", "z"]
    scales = [entry["coordinateTransformations"][0]["scale"] for entry in attributes["datasets"]]
    assert scales == [[1, 4, 4, 40], [1, 8, 8, 40]]


def test_large_segment_ids_travel_in_envelopes_from_version_15_on(get):
    streamed = public(element_class="uint64", category="segmentation")
    streamed.dataset.layers.update(largest_segment_id=2**63)
    for version, sent in [("v14/", 2**63), ("v15/", {"value": str(2**63)}), ("", {})]:
        for place in ("zarr/{}", "datasets/{}/proxy"):
            url = f"/data/{version}{place.format(streamed.id)}/datasource-properties.json"
            found = json.loads(get(url).body)["dataLayers"][0]["largestSegmentId"]
            assert found == sent if isinstance(sent, int) else sent.items() <= found.items()


@pytest.mark.parametrize("key", ["0.0.0", "0.0.0.9", "0.-1.0.0", "0.00.0.0", "0.0.0.x", "1.0.0.0"])
def test_keys_that_are_no_chunk_are_not_found(get, key):
    streamed = public()
    assert get(f"/data/zarr/{streamed.id}/{LAYER}/1/{key}").status == 404
    ome = key.replace(".", "/")
    assert get(f"/data/ome-zarr/{streamed.id}/{LAYER}/1/c/{ome}").status == 404


def test_directory_pages_list_what_lies_below(get):
    streamed = public(mags=((1, 1, 1), (2, 2, 2)), layer_name="a & <b>")
    page = get(f"/data/zarr/{streamed.id}/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert b'href="./a%20%26%20%3Cb%3E/"' in page.body
    assert b"<b>" not in page.body
    mags = get(f"/data/zarr/{streamed.id}/a%20%26%20%3Cb%3E/").body
    assert b'href="./1/"' in mags
    assert b'href="./2/"' in mags
