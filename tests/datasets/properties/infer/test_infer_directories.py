"""Links, broken files, attachments and other things that lie in a directory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets.properties import LengthUnit, VoxelSize, parse, problems
from datasets.properties.infer import discover_attachments, infer
from datasets.properties.infer import folder as folder_module
from tests.datasets.properties.infer.stored_data import (
    only_layer,
    paths,
    wkw_mag,
    write_json,
    zarr3,
)


class TestAttachments:
    def layer_with_files(self, directory: Path) -> None:
        wkw_mag(directory / "cells" / "1", [(0, 0, 0)], voxel=3, size=4)
        for file in (
            "meshes/4-4-1.hdf5",
            "meshes/notes.txt",
            "agglomerates/view_15.hdf5",
            "agglomerates/cumsum.json",
            "connectomes/synapses.hdf5",
            "segmentIndex/index.hdf5",
        ):
            write_json(directory / "cells" / file, {})

    def test_those_in_known_folders_are_found(self, tmp_path: Path) -> None:
        self.layer_with_files(tmp_path)
        found = only_layer(infer(tmp_path, "ds")).attachments.by_kind()
        assert {
            kind: [(one.name, one.path) for one in attachments]
            for kind, attachments in found.items()
        } == {
            "meshes": [("4-4-1", "cells/meshes/4-4-1.hdf5")],
            "agglomerates": [("view_15", "cells/agglomerates/view_15.hdf5")],
            "connectomes": [("synapses", "cells/connectomes/synapses.hdf5")],
            "segmentIndex": [("index", "cells/segmentIndex/index.hdf5")],
            "cumsum": [("cumsum", "cells/agglomerates/cumsum.json")],
        }

    def test_declared_ones_win_over_found_ones(self, tmp_path: Path) -> None:
        self.layer_with_files(tmp_path)
        size = VoxelSize(factor=(1.0, 1.0, 1.0))
        document = infer(tmp_path, "ds").completed(size).to_json()
        declared = {"name": "4-4-1", "path": "elsewhere", "dataFormat": "hdf5"}
        document["dataLayers"][0]["attachments"] = {"meshes": [declared]}
        attachments = discover_attachments(tmp_path, parse(document)).layers[0].attachments
        assert [mesh.path for mesh in attachments.meshes] == ["elsewhere"]
        assert [one.name for one in attachments.connectomes] == ["synapses"]

    def test_a_layer_without_any_stays_as_it_is(self, tmp_path: Path) -> None:
        wkw_mag(tmp_path / "em" / "1", [(0, 0, 0)])
        source = infer(tmp_path, "ds").completed(VoxelSize(factor=(1.0, 1.0, 1.0)))
        assert discover_attachments(tmp_path, source) == source


class TestHostileDirectories:
    @pytest.fixture
    def good(self, tmp_path: Path) -> Iterator[Path]:
        """A dataset with one good layer, which is found whatever lies beside it."""
        wkw_mag(tmp_path / "em" / "1", [(0, 0, 0)])
        yield tmp_path
        assert [layer.name for layer in infer(tmp_path, "ds").layers] == ["em"]

    def test_links_to_layers_are_followed(self, tmp_path: Path) -> None:
        wkw_mag(tmp_path / "far" / "away" / "1", [(0, 0, 0)])
        (tmp_path / "ds").mkdir()
        (tmp_path / "ds" / "em").symlink_to("../far/away")
        assert paths(only_layer(infer(tmp_path / "ds", "ds"))) == {"1": "em/1"}

    def test_a_link_back_up_ends(self, good: Path) -> None:
        (good / "more").mkdir()
        (good / "more" / "up").symlink_to("..")
        assert "leads back up" in infer(good, "ds").problems[0]

    @pytest.mark.parametrize(("target", "word"), [("nowhere", "No such"), ("link", "Too many")])
    def test_dangling_and_looping_links_are_told(self, good: Path, target: str, word: str) -> None:
        (good / "link").symlink_to(target)
        (problem,) = infer(good, "ds").problems
        assert "'link'" in problem
        assert word in problem

    def test_a_name_that_is_not_utf8_is_told(self, good: Path) -> None:
        (good / os.fsdecode(b"caf\xe9")).mkdir()
        (problem,) = infer(good, "ds").problems
        assert "not UTF-8" in problem
        problem.encode()

    @pytest.mark.parametrize("name", ["zarr.json", ".zarray", ".zattrs", "attributes.json", "info"])
    @pytest.mark.parametrize(
        "contents",
        [
            b"{",
            b"\xff\xfe",
            b"[]",
            b"[" * 100_000,
            b'{"node_type": "array", "multiscales": 5, "scales": 5, "dimensions": 5, "shape": 5}',
            b'{"attributes": {"ome": {"multiscales": [{"datasets": []}]}}}',
        ],
    )
    def test_broken_metadata_hides_nothing_else(
        self, good: Path, name: str, contents: bytes
    ) -> None:
        (good / "broken").mkdir()
        (good / "broken" / name).write_bytes(contents)
        infer(good, "ds")

    def test_broken_metadata_names_the_file(self, good: Path) -> None:
        (good / "broken").mkdir()
        (good / "broken" / "zarr.json").write_text("{")
        assert infer(good, "ds").problems == (
            "The file 'broken/zarr.json' can't be used: it is not JSON.",
        )

    def test_an_absurd_shape_is_refused(self, good: Path) -> None:
        zarr3(good / "raw", [2**60, 5, 5])
        assert "raw/zarr.json" in infer(good, "ds").problems[0]

    def test_a_folder_of_very_many_is_not_read_to_its_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(folder_module, "SUBFOLDER_LIMIT", 5)
        for number in range(10):
            zarr3(tmp_path / f"raw{number}", [4, 5, 6])
        found = infer(tmp_path, "ds")
        assert len(found.layers) == 5
        assert "Only 5 folders" in found.problems[0]

    def test_a_directory_that_vanished_is_told(self, tmp_path: Path) -> None:
        found = infer(tmp_path / "gone", "ds")
        assert "can't be listed" in found.problems[0]

    def test_a_missing_voxel_size_is_completed_by_a_person(self, good: Path) -> None:
        size = VoxelSize(factor=(11.0, 11.0, 24.0), unit=LengthUnit.NANOMETER)
        completed = infer(good, "ds").completed(size)
        assert problems(completed) == []
        assert completed.id["name"] == "ds"
