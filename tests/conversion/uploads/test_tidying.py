"""A heap of uploaded files becomes a dataset's folder, whenever the process dies on the way."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from conversion.uploads.names import BadUpload
from conversion.uploads.tidying import settle, tidy, wrap
from tests.conversion.uploads.killing import killed_everywhere
from tests.conversion.uploads.trees import tree_of, write_tree

ARRAY = b'{"zarr_format": 3, "node_type": "array"}'
GROUP = b'{"zarr_format": 3, "node_type": "group"}'
IMAGE = b'{"node_type": "group", "attributes": {"ome": {"multiscales": []}}}'
OLD_IMAGE = b'{"multiscales": []}'


def tidied(tmp_path: Path, files: Any) -> list[str]:
    root = write_tree(tmp_path / "files", files)
    tidy(root)
    once = tree_of(root)
    tidy(root)
    assert tree_of(root) == once
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    return list(once)


def test_hidden_files_and_what_macos_adds_are_dropped(tmp_path: Path) -> None:
    kept = {
        "color/.zgroup": b"{}",
        "color/.zattrs": b"{}",
        "color/.zmetadata": b"{}",
        "color/1/.zarray": b"{}",
        "color/1/0.0.0.0": b"0",
        "datasource-properties.json": b"{}",
    }
    dropped = [
        ".DS_Store",
        "color/._1",
        ".git/config",
        "__MACOSX/color/._1",
        "color/__MACOSX/x",
        "color/1/.zarray.swp",
        "color/.zgroup.d/.zgroup",
    ]
    assert tidied(tmp_path, {**dict.fromkeys(dropped, b"x"), **kept}) == sorted(kept)


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (["a/b/c/1.tif", "a/b/c/2.tif"], ["1.tif", "2.tif"]),
        (["a/b/1.tif", "a/c/1.tif"], ["b/1.tif", "c/1.tif"]),
        (["a/one.tif"], ["one.tif"]),
        (["a/a/a.tif"], ["a.tif"]),
        (["a/.DS_Store", "b/.hidden/x", "c/1.tif"], ["1.tif"]),
        (["ds/color/1/header.wkw"], ["color/1/header.wkw"]),
        (["x/segmentation/1/header.wkw"], ["segmentation/1/header.wkw"]),
        (["lab/1/header.wkw"], ["1/header.wkw"]),
        (["lab/2-2-1/header.wkw"], ["2-2-1/header.wkw"]),
        (["lab/raw/header.wkw"], ["raw/header.wkw"]),
        (["lab/image.zarr/.zarray"], ["image.zarr/.zarray"]),
        ({"lab/a.zarr/.zattrs": OLD_IMAGE}, ["a.zarr/.zattrs"]),
        ({"lab/a.zarr/zarr.json": ARRAY}, ["a.zarr/zarr.json"]),
        ({"lab/a.zarr/zarr.json": IMAGE}, ["a.zarr/zarr.json"]),
        ({"lab/a.zarr/zarr.json": GROUP}, ["zarr.json"]),
        ({"lab/em/info": b'{"scales": []}'}, ["em/info"]),
        ({"lab/a.n5/attributes.json": b'{"dimensions": [1]}'}, ["a.n5/attributes.json"]),
        ({"lab/a.n5/attributes.json": b'{"scales": []}'}, ["a.n5/attributes.json"]),
        ({"lab/a.n5/attributes.json": b'{"n5": "2.0.0"}'}, ["attributes.json"]),
        (
            {"lab/ds/zarr.json": IMAGE, "lab/ds/datasource-properties.json": b"{}"},
            ["datasource-properties.json", "zarr.json"],
        ),
        ([], []),
    ],
)
def test_leading_folders_are_dropped_down_to_the_data(
    tmp_path: Path, files: Any, left: list[str]
) -> None:
    assert tidied(tmp_path, files) == left


@pytest.mark.parametrize("place", ["link", "ds/link", ".hidden"])
def test_links_and_special_files_are_refused(tmp_path: Path, place: str) -> None:
    root = write_tree(tmp_path / "files", ["ds/color/1/header.wkw"])
    (root / place).symlink_to("/etc")
    with pytest.raises(BadUpload, match="is a link or a special file"):
        tidy(root)
    (root / place).unlink()
    os.mkfifo(root / place)
    with pytest.raises(BadUpload, match="is a link or a special file"):
        tidy(root)
    assert Path("/etc/passwd").exists()


def test_tidying_goes_on_after_a_kill_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["__MACOSX/x", "a/b/.DS_Store", "a/b/color/1/header.wkw", "a/b/more/1/header.wkw"]
    root = write_tree(tmp_path / "files", files)
    for _ in killed_everywhere(monkeypatch, lambda: tidy(root)):
        tidy(root)
        assert list(tree_of(root)) == ["color/1/header.wkw", "more/1/header.wkw"]
        shutil.rmtree(root)
        write_tree(root, files)


def test_wrapping_is_undone_or_done_after_a_kill_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tree(tmp_path / "files", ["header.wkw", "z0/y0/x0.wkw"])
    bare, wrapped = list(tree_of(root)), ["color/1/header.wkw", "color/1/z0/y0/x0.wkw"]
    for _ in killed_everywhere(monkeypatch, lambda: wrap(root, "color/1")):
        settle(root)
        assert list(tree_of(root)) == bare
    assert list(tree_of(root)) == wrapped
