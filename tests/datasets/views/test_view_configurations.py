"""What a view page saves: for one person, for everybody, and what it refuses to save."""

import pytest

from datasets.models import Dataset, DatasetViewConfiguration
from datasets.services import view_configurations
from sharing.access import actor_for
from tests.factories import make_dataset, make_user


@pytest.fixture
def dataset(lab) -> Dataset:
    dataset = make_dataset(
        lab, is_public=True, voxel_size_x=1, voxel_size_y=1, voxel_size_z=1,
        voxel_size_unit="nanometer", default_view_configuration={"position": [1, 2, 3], "zoom": 2},
    )  # fmt: skip
    dataset.layers.create(
        position=0,
        name="color",
        category="color",
        element_class="uint8",
        data_format="wkw",
        width=10,
        height=10,
        depth=10,
        default_view_configuration={"alpha": 40, "isInverted": True},
    )
    return dataset


def put(client, dataset: Dataset, configuration: object, which: str = "view-configuration"):
    return client.put(
        f"/datasets/{dataset.pk}/{which}", configuration, content_type="application/json"
    )


def shown(client, dataset: Dataset) -> dict:
    return client.get(f"/datasets/{dataset.pk}/view").context["manifest"]["view"]


def test_file_yields_to_saved_default_yields_to_own(dataset, admin, member, signed_in):
    editor, person = signed_in(admin), signed_in(member)
    assert shown(person, dataset)["layers"]["color"]["alpha"] == 40

    default = {"zoom": 5, "layers": {"color": {"alpha": 60}}}
    assert put(editor, dataset, default, "default-view-configuration").status_code == 204
    view = shown(person, dataset)
    assert (view["zoom"], view["position"]) == (5, [1, 2, 3])
    assert (view["layers"]["color"]["alpha"], view["layers"]["color"]["isInverted"]) == (60, True)

    assert put(person, dataset, {"layers": {"color": {"alpha": 80}}}).status_code == 204
    assert shown(person, dataset)["layers"]["color"]["alpha"] == 80
    assert shown(editor, dataset)["layers"]["color"]["alpha"] == 60

    assert person.delete(f"/datasets/{dataset.pk}/view-configuration").status_code == 204
    assert shown(person, dataset)["layers"]["color"]["alpha"] == 60


def test_place_layout_and_channels_are_kept_and_absent_until_somebody_sets_them(
    dataset, member, signed_in
):
    person = signed_in(member)
    untouched = shown(person, dataset)
    assert not {"layout", "additional", "zoom3D", "rotation3D"} & untouched.keys()
    assert "hiddenChannels" not in untouched["layers"]["color"]
    kept = {
        "position": [4, 5, 6],
        "zoom": 0.5,
        "rotation": [0, 0, 90],
        "zoom3D": 400,
        "rotation3D": [10, -20, 30.5],
        "layout": "xy",
        "additional": [3],
        "layers": {"color": {"hiddenChannels": [1]}},
    }
    put(person, dataset, kept)
    assert DatasetViewConfiguration.objects.get().configuration == kept
    view = shown(person, dataset)
    assert all(view[key] == value for key, value in kept.items() if key != "layers")
    assert view["layers"]["color"]["hiddenChannels"] == [1]
    bad = {"layout": "5panel", "zoom3D": 0, "rotation3D": [1]}
    put(person, dataset, {**bad, "layers": {"color": {"hiddenChannels": [-1]}}})
    assert DatasetViewConfiguration.objects.get().configuration == {"layers": {"color": {}}}


def test_layers_without_a_colour_get_one_for_eyes_and_stay_white_for_scripts(
    dataset, member, signed_in
):
    dataset.layers.create(
        position=1, name="second", category="color", element_class="uint8", data_format="wkw",
        width=10, height=10, depth=10,
    )  # fmt: skip
    person, actor = signed_in(member), actor_for(member)

    def colors(view: dict) -> list:
        return [layer["color"] for layer in view["layers"].values()]

    seen = colors(shown(person, dataset))
    assert seen[0] != seen[1]
    assert [255, 255, 255] not in seen
    resolved = view_configurations.resolved(actor=actor, dataset=dataset)
    assert colors(resolved) == [[255, 255, 255]] * 2

    put(person, dataset, {"layers": {"second": {"color": [255, 255, 255]}}})
    assert colors(shown(person, dataset)) == [seen[0], [255, 255, 255]]


def test_only_editors_save_the_default(dataset, member, signed_in, client):
    for visitor in (signed_in(member), client):
        response = put(visitor, dataset, {"zoom": 9}, "default-view-configuration")
        assert response.status_code in {403, 302}
    dataset.refresh_from_db()
    assert dataset.admin_view_configuration is None


def test_a_visitor_keeps_nothing(dataset, client):
    assert put(client, dataset, {"zoom": 9}).status_code == 302
    assert not DatasetViewConfiguration.objects.exists()


def test_sources_shaders_and_nonsense_are_not_stored(dataset, member, signed_in):
    said = {
        "zoom": -1,
        "source": "https://elsewhere.example",
        "layers": {"color": {"alpha": 30, "shader": "void main() {}", "color": "red"}},
    }
    put(signed_in(member), dataset, said)
    stored = DatasetViewConfiguration.objects.get().configuration
    assert stored == {"layers": {"color": {"alpha": 30}}}


NOT_STORABLE = ['{"zoom": NaN}', '{"layers": {"\\u0000": {}}}', '{"zoom": 1' + "0" * 4000 + "}"]


@pytest.mark.parametrize("body", ["", "[1]", "{", '"x"', '{"a":' * 40_000, *NOT_STORABLE])
def test_what_is_no_configuration_is_refused(dataset, member, signed_in, body):
    response = put(signed_in(member), dataset, body)
    assert response.status_code == 400
    assert "A view configuration is a JSON object." in response.content.decode()


def test_own_configurations_of_invisible_datasets_are_404(lab, member, signed_in):
    hidden = make_dataset(lab)
    assert put(signed_in(member), hidden, {"zoom": 1}).status_code == 404


def test_the_default_is_what_somebody_without_changes_sees(dataset, lab, member):
    actor = actor_for(member)
    view_configurations.save_own(actor=actor, dataset=dataset, configuration={"zoom": 7})
    assert view_configurations.resolved(actor=actor, dataset=dataset)["zoom"] == 7
    assert view_configurations.default(actor=actor, dataset=dataset)["zoom"] == 2
    other = actor_for(make_user(lab))
    assert view_configurations.resolved(actor=other, dataset=dataset)["zoom"] == 2
