"""What has been uploaded, by its metadata files; and what may not become a dataset."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from conversion.uploads.names import BadUpload
from conversion.uploads.recognising import (
    UploadKind,
    arrange,
    check_properties,
    looks_like_images,
    recognise,
)
from conversion.uploads.tidying import tidy
from datasets.properties.infer import infer
from tests.conversion.uploads.killing import killed_everywhere
from tests.conversion.uploads.trees import tree_of, write_tree

ARRAY = b'{"zarr_format": 3, "node_type": "array"}'
GROUP = b'{"zarr_format": 3, "node_type": "group", "attributes": {}}'
IMAGE = b'{"node_type": "group", "attributes": {"ome": {"multiscales": []}}}'
OLD_IMAGE = b'{"multiscales": []}'
INFO = b'{"scales": []}'
N5_ARRAY = b'{"dimensions": [1, 1, 1]}'
N5_SCALES = b'{"downsamplingFactors": [[1, 1, 1]]}'
WKW_HEADER = "header.wkw"


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"datasource-properties.json": b"{}", "color/1/.zarray": b""}, "datasource-properties"),
        ({".zarray": b""}, "zarr"),
        ({".zattrs": OLD_IMAGE, "0/.zarray": b""}, "zarr"),
        ({"color/.zgroup": b"", "color/1/.zarray": b""}, "zarr-layers"),
        ({"zarr.json": ARRAY}, "zarr3"),
        ({"color/zarr.json": IMAGE}, "zarr3"),
        ({"color/1/zarr.json": ARRAY, "em/1/zarr.json": ARRAY}, "zarr3-layers"),
        ({"info": INFO}, "precomputed"),
        ({"em/info": INFO, "seg/info": INFO}, "precomputed-layers"),
        (
            {
                "attributes.json": b'{"n5": "2.0.0"}',
                "em/attributes.json": N5_SCALES,
                "seg/s0/attributes.json": N5_ARRAY,
            },
            "n5-layers",
        ),
        ({"attributes.json": N5_SCALES, "s0/attributes.json": N5_ARRAY}, "n5-multiscale"),
        ({"attributes.json": N5_ARRAY}, "n5-array"),
        ({"color/1/attributes.json": N5_ARRAY}, "n5-array"),
        ({"header.wkw": b"", "z0/y0/x0.wkw": b""}, "wkw"),
        ({"1/header.wkw": b""}, "wkw"),
        ({"color/1/header.wkw": b""}, "wkw"),
        ({"a/b/color/1/header.wkw": b"", "c": b""}, None),
        ({"info": b"about these slices", "1.tif": b""}, None),
        ({"attributes.json": b'{"author": "us"}', "1.tif": b""}, None),
        ({"1.tif": b""}, None),
        ({}, None),
    ],
)
def test_an_upload_is_what_its_metadata_say(
    tmp_path: Path, files: dict[str, bytes], kind: str | None
) -> None:
    assert recognise(write_tree(tmp_path / "files", files)) == kind


def test_chunks_are_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_tree(tmp_path / "files", ["header.wkw", *(f"z{z}/y0/x0.wkw" for z in range(50))])
    monkeypatch.setattr(Path, "iterdir", lambda _: pytest.fail("a folder of chunks was listed"))
    assert recognise(root) is UploadKind.WKW


@pytest.mark.parametrize(
    ("files", "arranged"),
    [
        ({"header.wkw": b"", "z0/y0/x0.wkw": b""}, {"color/1/header.wkw", "color/1/z0/y0/x0.wkw"}),
        ({".zarray": b"", "0.0.0": b""}, {"color/1/.zarray", "color/1/0.0.0"}),
        ({"zarr.json": ARRAY}, {"color/1/zarr.json"}),
        ({"attributes.json": N5_ARRAY}, {"color/1/attributes.json"}),
        ({"1/header.wkw": b"", "2/header.wkw": b""}, {"color/1/header.wkw", "color/2/header.wkw"}),
        ({"2-2-1/.zarray": b""}, {"color/2-2-1/.zarray"}),
        ({".zattrs": OLD_IMAGE, "0/.zarray": b""}, {"color/.zattrs", "color/0/.zarray"}),
        ({"zarr.json": IMAGE, "s0/zarr.json": ARRAY}, {"color/zarr.json", "color/s0/zarr.json"}),
        ({"info": INFO, "8_8_8/0-1": b""}, {"color/info", "color/8_8_8/0-1"}),
        ({"s0/attributes.json": N5_ARRAY}, {"color/s0/attributes.json"}),
        ({"color/1/header.wkw": b""}, {"color/1/header.wkw"}),
        ({"zarr.json": GROUP, "em/1/zarr.json": ARRAY}, {"zarr.json", "em/1/zarr.json"}),
        (
            {"datasource-properties.json": b"{}", "header.wkw": b""},
            {"datasource-properties.json", "header.wkw"},
        ),
    ],
)
def test_a_bare_mag_or_layer_becomes_the_color_layer(
    tmp_path: Path, files: dict[str, bytes], arranged: set[str]
) -> None:
    root = write_tree(tmp_path / "files", files)
    kind = recognise(root)
    assert kind is not None
    for _ in range(2):
        arrange(root, kind)
        assert set(tree_of(root)) == arranged
        tidy(root)
        assert set(tree_of(root)) == arranged


def test_arranging_goes_on_after_a_kill_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tree(tmp_path / "files", ["header.wkw", "z0/y0/x0.wkw"])
    wrapped = ["color/1/header.wkw", "color/1/z0/y0/x0.wkw"]
    for _ in killed_everywhere(monkeypatch, lambda: arrange(root, UploadKind.WKW)):
        arrange(root, UploadKind.WKW)
        assert list(tree_of(root)) == wrapped
        shutil.rmtree(root)
        write_tree(root, ["header.wkw", "z0/y0/x0.wkw"])
    assert list(tree_of(root)) == wrapped


def properties(layer: dict[str, Any]) -> bytes:
    box = {"topLeft": [0, 0, 0], "width": 1, "height": 1, "depth": 1}
    whole = {
        "name": "color",
        "category": "color",
        "boundingBox": box,
        "elementClass": "uint8",
        "dataFormat": "zarr3",
        "mags": [{"mag": 1}],
        **layer,
    }
    document = {"id": {"name": "ds", "team": ""}, "scale": [1, 1, 1], "dataLayers": [whole]}
    return json.dumps(document).encode()


def with_path(path: str) -> dict[str, Any]:
    return {"mags": [{"mag": 1, "path": path}]}


def with_mesh(path: str) -> dict[str, Any]:
    return {"attachments": {"meshes": [{"name": "m", "path": path, "dataFormat": "hdf5"}]}}


@pytest.mark.parametrize(
    "layer", [{}, with_path("color/1"), with_path("./color/1"), with_mesh("color/meshes/m.hdf5")]
)
def test_paths_inside_the_dataset_are_taken(tmp_path: Path, layer: dict[str, Any]) -> None:
    check_properties(write_tree(tmp_path, {"datasource-properties.json": properties(layer)}))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../other/color/1",
        "color/../../other",
        "file:///etc",
        "http://10.0.0.1/x",
        "HTTPS://example.org/x",
        "s3://bucket/x",
        "gs://bucket/x",
        "C:\\data",
        "a\0b",
    ],
)
@pytest.mark.parametrize("where", [with_path, with_mesh, lambda path: {"name": path}])
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, path: str, where: Any) -> None:
    write_tree(tmp_path, {"datasource-properties.json": properties(where(path))})
    with pytest.raises(BadUpload) as refused:
        check_properties(tmp_path)
    if "\0" not in path:
        assert repr(path) in str(refused.value)
        assert "Layer " in str(refused.value)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b'{"id": {}, ', "at line 1, column 12"),
        (b"[]", "must be a JSON object"),
        (b"\xff", "not UTF-8"),
        (b"{}", "dataLayers is missing"),
    ],
)
def test_broken_properties_are_refused_with_the_place(
    tmp_path: Path, contents: bytes, reason: str
) -> None:
    write_tree(tmp_path, {"datasource-properties.json": contents})
    with pytest.raises(BadUpload, match=reason):
        check_properties(tmp_path)


def test_an_upload_without_properties_is_fine(tmp_path: Path) -> None:
    check_properties(tmp_path)


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        (["1.tif", "2.TIFF"], True),
        (["z1/1.jpg", "z2/1.JPG", "readme.txt"], True),
        (["scan.czi"], True),
        (["brain.nii.gz", "brain.xml"], True),
        (["readme.txt"], False),
        (["1.tif", "tracing.nml"], False),
        ([], False),
    ],
)
def test_images_are_told_from_other_files(tmp_path: Path, files: list[str], answer: bool) -> None:
    assert looks_like_images(write_tree(tmp_path / "files", files)) is answer


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ("simple_zarr_dataset", "zarr"),
        ("simple_zarr3_dataset", "zarr3"),
        ("4D/4D_series_zarr3", "zarr3"),
        ("simple_n5_dataset", "n5-array"),
        ("simple_ng_dataset", "precomputed-layers"),
        ("simple_ng_dataset2", "precomputed-layers"),
        ("simple_wkw_dataset", "wkw"),
        ("old_wkw_dataset", "wkw"),
        ("complex_property_ds", "wkw"),
    ],
)
def test_real_datasets_are_recognised_with_and_without_their_properties(
    tmp_path: Path, samples: Path, sample: str, kind: str
) -> None:
    root = tmp_path / "files"
    shutil.copytree(samples / sample, root / "uploaded" / sample, copy_function=shutil.copyfile)
    tidy(root)
    check_properties(root)
    if (root / "datasource-properties.json").exists():
        assert recognise(root) is UploadKind.WITH_PROPERTIES
        (root / "datasource-properties.json").unlink()
    found = recognise(root)
    assert found == kind
    arrange(root, found)
    layers = infer(root, sample).layers
    assert layers
    assert all(layer.name.startswith(("color", "segmentation")) for layer in layers)


@pytest.mark.parametrize(
    "sample", ["tiff_series", "temca2", "czi", "dm", "mrc", "rgb_tiff", "dicoms"]
)
def test_real_images_are_no_dataset_but_look_like_images(samples: Path, sample: str) -> None:
    assert recognise(samples / sample) is None
    assert looks_like_images(samples / sample)
