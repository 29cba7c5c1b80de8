"""Composing: who may refer to what, where the references lead, and voxel sizes that differ."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from datasets.disk.scan import scan_organization
from datasets.models import DataReference, Dataset, DataStore
from datasets.properties import (
    CoordinateTransformation,
    DataSource,
    ElementClass,
    Mag,
    VoxelSize,
)
from datasets.services.composing import ComposedLayer, add_attachment, add_mag, compose, link_layers
from datasets.services.data_source import load, store
from datasets.services.deleting import delete_dataset
from datasets.services.settings_file import save_data_source
from datasets.storage.local import NoSuchData, mag_directory, resolve
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, Invalid, NotAllowed, NotFound, ServiceError
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.factories import make_organization, make_team, make_user

MAG = Mag(1, 1, 1)
SHIFT = CoordinateTransformation(
    type="affine", matrix=((1, 0, 0, 5), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
)


@pytest.fixture
def admin(lab: Organization) -> Actor:
    return actor_for(make_user(lab, is_admin=True))


@pytest.fixture
def brain(lab: Organization) -> Dataset:
    return scanned(lab, "brain")


def scanned(lab: Organization, name: str, **changes: Any) -> Dataset:
    on_disk.write_dataset(lab, name, **changes)
    scan_organization(lab)
    dataset = Dataset.objects.get(organization=lab, directory_name=name)
    assert dataset.status == ""
    return dataset


def composed(actor: Actor, *layers: ComposedLayer, **changes: Any) -> Dataset:
    return compose(
        actor=actor,
        organization_id=actor.organization_id or "",
        **{"name": "composed", "layers": layers, **changes},
    )


def the_layer(dataset: Dataset, new_name: str = "raw", **changes: Any) -> ComposedLayer:
    return ComposedLayer(dataset.pk, "color", new_name, **changes)


def test_a_composed_dataset_reads_the_source_where_it_lies(
    admin: Actor, brain: Dataset, binary_data: Path
) -> None:
    dataset = composed(admin, the_layer(brain))
    assert (dataset.is_virtual, dataset.creation_type, dataset.status) == (True, "Compose", "")
    assert dataset.directory_name == f"composed-{dataset.pk}"
    (layer,) = load(dataset).layers
    source = binary_data / brain.organization_id / "brain" / "color" / "1"
    assert (layer.name, [mag.path for mag in layer.mags]) == ("raw", [str(source)])
    mag = dataset.layers.get().mags.get()
    assert mag_directory(mag) == source
    assert (mag.real_path, mag.has_local_data, mag.problem) == (str(source), False, "")


def test_a_source_that_one_may_not_see_is_missing(lab: Organization, brain: Dataset) -> None:
    stranger = actor_for(make_user(make_organization(), is_admin=True))
    with pytest.raises(NotFound) as hidden:
        composed(stranger, the_layer(brain))
    with pytest.raises(NotFound) as missing:
        composed(stranger, ComposedLayer("0" * 24, "color", "raw"))
    assert str(hidden.value) == str(missing.value)
    own = on_disk.write_dataset(Organization.objects.get(pk=stranger.organization_id), "own")
    assert own.is_dir()
    scan_organization(Organization.objects.get(pk=stranger.organization_id))
    target = Dataset.objects.get(directory_name="own")
    for add in (
        lambda: link_layers(stranger, target, [(brain.pk, "color", "raw")]),
        lambda: add_mag(
            actor=stranger,
            dataset=target,
            layer_name="color",
            mag=Mag(2, 2, 2),
            source_id=brain.pk,
            source_layer="color",
            source_mag=MAG,
        ),
    ):
        with pytest.raises(NotFound) as hidden:
            add()
        assert str(hidden.value) == str(missing.value)
    assert not DataReference.objects.exists()


def test_members_can_not_compose_and_strangers_not_here(lab: Organization, brain: Dataset) -> None:
    member = make_user(lab)
    Dataset.objects.filter(pk=brain.pk).update(is_public=True)
    with pytest.raises(NotAllowed):
        composed(actor_for(member), the_layer(brain))
    make_team(lab, managers=(member,))
    assert composed(actor_for(member), the_layer(brain)).uploader == member
    stranger = actor_for(make_user(make_organization(), is_admin=True))
    with pytest.raises(NotFound):
        compose(actor=stranger, organization_id=lab.pk, name="mine", layers=[the_layer(brain)])


def test_remote_data_is_referred_to_by_its_address(admin: Actor, brain: Dataset) -> None:
    address = "https://example.org/color/1?signature=secret"
    (layer,) = load(brain).layers
    mags = (layer.mags[0].model_copy(update={"path": address}),)
    remote = layer.model_copy(update={"mags": mags})
    store(brain, load(brain).model_copy(update={"layers": (remote,)}))
    own = composed(admin, the_layer(brain))
    assert load(own).layers[0].mags[0].path == address
    assert not own.references.exists()


def test_data_on_another_store_is_refused(admin: Actor, brain: Dataset) -> None:
    other = DataStore.objects.create(name="elsewhere")
    Dataset.objects.filter(pk=brain.pk).update(data_store=other)
    with pytest.raises(Invalid, match="different data stores"):
        composed(admin, the_layer(brain))


def test_an_operator_names_an_organization_that_there_is(brain: Dataset) -> None:
    operator = actor_for(make_user(brain.organization, is_superuser=True))
    with pytest.raises(NotFound):
        compose(actor=operator, organization_id="none", name="lost", layers=[the_layer(brain)])


def test_a_path_is_readable_only_by_the_sites_own_record(admin: Actor, brain: Dataset) -> None:
    dataset = composed(admin, the_layer(brain))
    mag = dataset.layers.get().mags.get()
    dataset.references.all().delete()
    with pytest.raises(NoSuchData, match="leads out of"):
        mag_directory(mag)
    other = composed(admin, the_layer(brain), name="other")
    assert mag_directory(other.layers.get().mags.get()).is_dir()
    # The record of one dataset opens nothing for another.
    with pytest.raises(NoSuchData):
        mag_directory(mag)


def test_a_reference_is_judged_again_when_it_is_opened(
    admin: Actor, brain: Dataset, tmp_path: Path
) -> None:
    dataset = composed(admin, the_layer(brain))
    mag = dataset.layers.get().mags.get()
    secret = tmp_path / "secret"
    on_disk.write_mag(secret)
    place = Path(mag.path)
    shutil.rmtree(place)
    place.symlink_to(secret)
    with pytest.raises(NoSuchData, match="leads out of"):
        mag_directory(mag)


def test_neighbours_of_what_was_referred_to_stay_closed(admin: Actor, brain: Dataset) -> None:
    dataset = composed(admin, the_layer(brain))
    mag = dataset.layers.get().mags.get()
    directory = Path(mag.path).parents[3] / dataset.organization_id / dataset.directory_name
    for path in (f"{mag.path}-other", str(Path(mag.path).parent), f"{mag.path}/../../secret"):
        with pytest.raises(NoSuchData):
            resolve(directory, path)


def test_references_follow_no_later_change_of_the_source(admin: Actor, brain: Dataset) -> None:
    dataset = composed(admin, the_layer(brain))
    edited = load(brain).model_copy(update={"voxel_size": VoxelSize(factor=(1, 1, 1))})
    save_data_source(actor=admin, dataset=brain, data_source=edited)
    assert load(dataset).voxel_size.factor == (11, 11, 24)


def test_a_reference_to_a_reference_leads_to_the_data_itself(admin: Actor, brain: Dataset) -> None:
    first = composed(admin, the_layer(brain))
    second = composed(admin, ComposedLayer(first.pk, "raw", "again"), name="second")
    first.delete()
    assert mag_directory(second.layers.get().mags.get()).is_dir()


def test_a_source_is_not_deleted_while_others_need_its_data(admin: Actor, brain: Dataset) -> None:
    dataset = composed(admin, the_layer(brain))
    mag = dataset.layers.get().mags.get()
    with pytest.raises(Conflict, match="composed"):
        delete_dataset(actor=admin, dataset=brain)
    delete_dataset(actor=admin, dataset=dataset)
    assert Path(mag.path).is_dir()
    delete_dataset(actor=admin, dataset=brain)
    assert not Path(mag.path).exists()


def test_scans_leave_composed_datasets_alone(admin: Actor, brain: Dataset) -> None:
    dataset = composed(admin, the_layer(brain))
    before = Dataset.objects.filter(pk=dataset.pk).values().get()
    outcome = scan_organization(brain.organization)
    # Even where somebody puts a directory of that name.
    on_disk.write_dataset(brain.organization, dataset.directory_name)
    scan_organization(brain.organization)
    assert Dataset.objects.filter(pk=dataset.pk).values().get() == before
    assert not outcome.missing


def test_what_can_not_be_used_or_is_not_there_is_refused(admin: Actor, brain: Dataset) -> None:
    with pytest.raises(NotFound, match="no layer 'other'"):
        composed(admin, ComposedLayer(brain.pk, "other", "raw"))
    with pytest.raises(Invalid, match="Several layers are named 'raw'"):
        composed(admin, the_layer(brain), the_layer(brain))
    for name in ("../up", ".hidden", "a/b", ""):
        with pytest.raises(Invalid):
            composed(admin, the_layer(brain, name))
    with pytest.raises(Invalid, match="at least 3 characters"):
        composed(admin, the_layer(brain), name="a")
    with pytest.raises(Invalid, match="at least one layer"):
        composed(admin)
    shutil.rmtree(Path(brain.layers.get().mags.get().real_path))
    with pytest.raises(Conflict, match="Mag 1 of layer 'color' of 'brain' can't be referred to"):
        composed(admin, the_layer(brain))
    Dataset.objects.filter(pk=brain.pk).update(status="No longer available on datastore.")
    with pytest.raises(Conflict, match="No longer available"):
        composed(admin, the_layer(brain))
    assert not Dataset.objects.filter(is_virtual=True).exists()
    assert not DataReference.objects.exists()


def test_layers_are_linked_into_datasets_that_lie_on_disk(
    admin: Actor, brain: Dataset, lab: Organization, binary_data: Path
) -> None:
    target = scanned(lab, "target")
    link_layers(admin, target, [(brain.pk, "color", "linked")])
    file = binary_data / lab.pk / "target" / "datasource-properties.json"
    paths = {
        layer["name"]: layer["mags"][0].get("path")
        for layer in json.loads(file.read_text())["dataLayers"]
    }
    source = str(binary_data / lab.pk / "brain" / "color" / "1")
    assert paths == {"color": None, "linked": source}
    outcome = scan_organization(lab)
    assert not outcome.broken
    target.refresh_from_db()
    assert (target.status, target.pending_hash) == ("", "")
    assert mag_directory(target.layers.get(name="linked").mags.get()) == Path(source)
    with pytest.raises(Conflict, match="already a layer 'linked'"):
        link_layers(admin, target, [(brain.pk, "color", "linked")])


def test_a_mag_is_added_to_a_layer_that_stores_voxels_alike(
    admin: Actor, brain: Dataset, lab: Organization
) -> None:
    def add(dataset: Dataset, mag: Mag, layer_name: str = "raw") -> None:
        add_mag(
            actor=admin,
            dataset=dataset,
            layer_name=layer_name,
            mag=mag,
            source_id=brain.pk,
            source_layer="color",
            source_mag=MAG,
        )

    dataset = composed(admin, the_layer(brain))
    add(dataset, Mag(2, 2, 2))
    (layer,) = load(dataset).layers
    assert [mag.mag.literal for mag in layer.mags] == ["1", "2"]
    assert layer.bounding_box.size == (32, 32, 32)
    with pytest.raises(Conflict, match="already has mag 2"):
        add(dataset, Mag(2, 2, 2))
    with pytest.raises(NotFound, match="no layer 'other'"):
        add(dataset, Mag(4, 4, 4), "other")
    wider = load(dataset).layers[0].model_copy(update={"element_class": ElementClass.UINT16})
    store(dataset, load(dataset).model_copy(update={"layers": (wider,)}))
    with pytest.raises(Invalid, match="stored alike"):
        add(dataset, Mag(4, 4, 4))


def test_attachments_are_referred_to(admin: Actor, lab: Organization, binary_data: Path) -> None:
    directory = on_disk.write_dataset(lab, "segmented")
    (directory / "color" / "meshes").mkdir()
    (directory / "color" / "meshes" / "small.hdf5").write_bytes(b"mesh")
    scan_organization(lab)
    source = Dataset.objects.get(directory_name="segmented")
    target = composed(admin, the_layer(scanned(lab, "other")))
    arguments = {
        "actor": admin,
        "dataset": target,
        "layer_name": "raw",
        "kind": "meshes",
        "name": "mine",
        "source_id": source.pk,
        "source_layer": "color",
    }
    add_attachment(source_name="small", **arguments)
    ((attachment,),) = [layer.attachments.meshes for layer in load(target).layers]
    assert attachment.name == "mine"
    place = resolve(directory.parent / target.directory_name, attachment.path)
    assert place.read_bytes() == b"mesh"
    with pytest.raises(Conflict, match="already has meshes 'mine'"):
        add_attachment(source_name="small", **arguments)
    with pytest.raises(NotFound, match="has no meshes 'large'"):
        add_attachment(source_name="large", **arguments)


def sized(lab: Organization, name: str, scale: list[float]) -> Dataset:
    return scanned(lab, name, scale=scale)


def data_source(admin: Actor, *layers: ComposedLayer, **changes: Any) -> DataSource:
    return load(composed(admin, *layers, **changes))


def test_layers_of_different_voxel_sizes_meet_at_the_finest(
    admin: Actor, lab: Organization
) -> None:
    fine, coarse = sized(lab, "fine", [4, 4, 40]), sized(lab, "coarse", [16, 16, 40])
    result = data_source(admin, the_layer(coarse, "coarse"), the_layer(fine, "fine"))
    assert result.voxel_size.factor == (4, 4, 40)
    by_name = {layer.name: layer for layer in result.layers}
    assert by_name["coarse"].mags[0].mag == (4, 4, 1)
    assert by_name["coarse"].bounding_box.size == (128, 128, 32)
    assert by_name["fine"].mags[0].mag == (1, 1, 1)
    assert by_name["fine"].bounding_box.size == (32, 32, 32)


def test_what_no_mags_can_express_is_refused_or_scaled(admin: Actor, lab: Organization) -> None:
    fine, odd = sized(lab, "fine", [4, 4, 40]), sized(lab, "odd", [12, 12, 40])
    layers = (the_layer(fine, "fine"), the_layer(odd, "odd"))
    with pytest.raises(Invalid, match="'odd' has voxels of 12 x 12 x 40 nanometer"):
        composed(admin, *layers)
    result = data_source(admin, *layers, voxel_size=VoxelSize(factor=(4, 4, 40)))
    scaled = result.layer("odd")
    assert scaled is not None
    assert scaled.mags[0].mag == (1, 1, 1)
    (transformation,) = scaled.coordinate_transformations
    assert transformation.matrix is not None
    assert [row[i] for i, row in enumerate(transformation.matrix)] == pytest.approx([3, 3, 1, 1])


def test_mags_that_do_not_go_together_are_refused(admin: Actor, lab: Organization) -> None:
    flat, tall = sized(lab, "flat", [8, 8, 4]), sized(lab, "tall", [4, 4, 8])
    with pytest.raises(Invalid, match="1-1-2 and 2-2-1"):
        composed(admin, the_layer(flat, "flat"), the_layer(tall, "tall"))


def test_transformations_are_kept_or_replaced(admin: Actor, lab: Organization) -> None:
    moved = scanned(lab, "moved")
    layer = load(moved).layers[0].model_copy(update={"coordinate_transformations": (SHIFT,)})
    store(moved, load(moved).model_copy(update={"layers": (layer,)}))
    other = sized(lab, "other", [5, 5, 5])
    result = data_source(admin, the_layer(moved))
    assert result.layers[0].coordinate_transformations == (SHIFT,)
    given = SHIFT.model_copy(update={"matrix": ((2, 0, 0, 0), *SHIFT.matrix[1:])})  # type: ignore[index]
    result = data_source(
        admin,
        the_layer(moved, "given", transformations=(given,)),
        the_layer(other, "other"),
        name="second",
    )
    assert result.voxel_size.factor == (5, 5, 5)
    assert result.layers[0].coordinate_transformations == (given,)
    assert result.layers[0].mags[0].mag == (1, 1, 1)


def test_nothing_remains_of_a_failed_composition(
    admin: Actor, brain: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Invalid("no")

    monkeypatch.setattr("datasets.services.composing.store", fail)
    with pytest.raises(ServiceError):
        composed(admin, the_layer(brain))
    assert not Dataset.objects.filter(is_virtual=True).exists()
    assert not DataReference.objects.exists()
