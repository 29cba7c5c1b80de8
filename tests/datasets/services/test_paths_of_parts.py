"""Mags and attachments that a script adds at paths that the site names."""

import os
from pathlib import Path
from typing import Any

import pytest

from datasets.disk.scan import scan_organization
from datasets.models import Dataset, PathReservation
from datasets.properties import Attachment, AttachmentDataFormat, Mag, MagProperties
from datasets.services import paths, paths_parts
from datasets.services.data_source import load
from datasets.storage.local import mag_directory
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, Invalid, NotFound
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.datasets.services.reserving import data_source, finished, reserve
from tests.factories import make_user

TWO = MagProperties(mag=Mag(2, 2, 2))


@pytest.fixture
def admin(lab: Organization) -> Actor:
    return actor_for(make_user(lab, is_admin=True))


def test_a_mag_is_seen_only_once_it_is_finished(admin: Actor) -> None:
    dataset = finished(admin)
    arguments: dict[str, Any] = {"actor": admin, "dataset": dataset, "layer_name": "color"}
    path = Path(paths_parts.reserve_mag(mag=TWO, **arguments))
    assert [mag.mag.literal for mag in load(dataset).layers[0].mags] == ["1"]
    with pytest.raises(Invalid, match="There is nothing at"):
        paths_parts.finish_mag(mag=TWO.mag, **arguments)
    on_disk.write_mag(path)
    for _ in range(2):
        paths_parts.finish_mag(mag=TWO.mag, **arguments)
    assert [mag.mag.literal for mag in load(dataset).layers[0].mags] == ["1", "2"]
    assert mag_directory(dataset.layers.get().mags.get(x=2)) == path
    assert not PathReservation.objects.exists()
    with pytest.raises(Conflict, match="already has mag 2"):
        paths_parts.reserve_mag(mag=TWO, **arguments)


def test_a_pending_mag_is_overwritten_only_on_demand(admin: Actor) -> None:
    dataset = finished(admin)
    arguments: dict[str, Any] = {"actor": admin, "dataset": dataset, "layer_name": "color"}
    first = paths_parts.reserve_mag(mag=TWO, **arguments)
    on_disk.write_mag(Path(first))
    with pytest.raises(Conflict, match="is being uploaded"):
        paths_parts.reserve_mag(mag=TWO, **arguments)
    second = paths_parts.reserve_mag(mag=TWO, overwrite_pending=True, **arguments)
    # What was begun is not written over: the script wants a path that is free.
    assert second != first
    assert os.path.dirname(second) == os.path.dirname(first)  # noqa: PTH120
    on_disk.write_mag(Path(second))
    paths_parts.finish_mag(mag=TWO.mag, **arguments)
    assert load(dataset).layers[0].mags[1].path == second


def test_mags_and_attachments_are_refused_where_they_do_not_belong(
    admin: Actor, lab: Organization, tmp_path: Path
) -> None:
    dataset = finished(admin)
    arguments: dict[str, Any] = {"actor": admin, "dataset": dataset}
    with pytest.raises(NotFound, match="no layer 'other'"):
        paths_parts.reserve_mag(layer_name="other", mag=TWO, **arguments)
    with pytest.raises(NotFound, match="was not reserved"):
        paths_parts.finish_mag(layer_name="color", mag=TWO.mag, **arguments)
    path = Path(paths_parts.reserve_mag(layer_name="color", mag=TWO, **arguments))
    on_disk.write_mag(tmp_path / "home")
    path.symlink_to(tmp_path / "home")
    with pytest.raises(Invalid, match="ALLOWED_DATA_PATHS"):
        paths_parts.finish_mag(layer_name="color", mag=TWO.mag, **arguments)
    assert [mag.mag.literal for mag in load(dataset).layers[0].mags] == ["1"]
    for name in ("../up", "a/b", ".hidden", ""):
        with pytest.raises(Invalid):
            paths_parts.reserve_attachment(
                layer_name="color",
                kind="meshes",
                attachment=Attachment(name=name, path="", data_format=AttachmentDataFormat.HDF5),
                **arguments,
            )
    on_disk.write_dataset(lab, "brain")
    scan_organization(lab)
    on_its_own = Dataset.objects.get(directory_name="brain")
    with pytest.raises(Conflict, match="virtual datasets"):
        paths_parts.reserve_mag(actor=admin, dataset=on_its_own, layer_name="color", mag=TWO)


def test_attachments_are_added_the_same_way(admin: Actor) -> None:
    dataset = finished(admin)
    mesh = Attachment(name="small", path="", data_format=AttachmentDataFormat.HDF5)
    arguments: dict[str, Any] = {
        "actor": admin,
        "dataset": dataset,
        "layer_name": "color",
        "kind": "meshes",
    }
    path = Path(paths_parts.reserve_attachment(attachment=mesh, **arguments))
    path.parent.mkdir()
    path.write_bytes(b"mesh")
    for _ in range(2):
        paths_parts.finish_attachment(name="small", **arguments)
    ((found,),) = [layer.attachments.meshes for layer in load(dataset).layers]
    assert (found.name, found.path) == ("small", str(path))


def test_every_channel_of_a_mag_is_shown(admin: Actor) -> None:
    layer = on_disk.layer(numChannels=3)
    dataset, (path,) = reserve(admin, data_source=data_source(layer))
    on_disk.write_mag(path)
    paths.finish_dataset(actor=admin, dataset=dataset)
    first = MagProperties(mag=Mag(2, 2, 2), channel_index=0)
    paths_parts.reserve_mag(actor=admin, dataset=dataset, layer_name="color", mag=first)
    assert "channelIndex" not in PathReservation.objects.get().document
