"""Data sources in tables: nothing is lost, little is queried, the version grows when it must."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets import properties
from datasets.models import Dataset, StorageCredential
from datasets.properties import CoordinateTransformation, DataSource
from datasets.services import data_source as data_sources
from datasets.services.data_source import load, store
from sharing.errors import Conflict
from tests.factories import make_dataset, make_organization

pytestmark = pytest.mark.django_db

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
# Between 2^53 and 2^64 PostgreSQL's JSON does not tell a float from the whole number beside it.
numbers = st.floats(-(2.0**52), 2.0**52, width=32) | st.floats(1e20, 1e38)
integers = st.integers(-(2**53), 2**53)
json_values = st.recursive(
    st.none() | st.booleans() | integers | numbers | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
unknown = st.dictionaries(names.map(lambda name: f"x-{name}"), json_values, max_size=2)


def record(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda known, more: {**more, **known}, st.fixed_dictionaries(fields), unknown)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


attachment = record(
    name=names,
    path=names,
    dataFormat=st.sampled_from(["zarr3", "hdf5", "json"]),
    credentialId=optional(st.just("f" * 24)),
)
attachment_lists = st.lists(attachment, max_size=2, unique_by=lambda entry: entry["name"])
attachments = record(
    meshes=attachment_lists, connectomes=attachment_lists, segmentIndex=optional(attachment)
)
mags = st.lists(
    record(
        mag=st.tuples(*[st.integers(1, 2**20)] * 3),
        path=optional(names),
        cubeLength=optional(st.integers(1, 1024)),
        axisOrder=optional(st.just({"x": 1, "y": 2, "z": 3, "c": 0})),
        channelIndex=optional(st.integers(0, 9)),
        credentialId=optional(st.just("0" * 24)),
    ),
    max_size=3,
    unique_by=lambda mag: mag["mag"],
)
layers = st.lists(
    record(
        name=names,
        category=st.sampled_from(["color", "segmentation"]),
        boundingBox=record(
            topLeft=st.tuples(integers, integers, integers),
            width=integers,
            height=integers,
            depth=integers,
        ),
        elementClass=st.sampled_from(["uint8", "uint24", "uint64", "float"]),
        dataFormat=st.sampled_from(["wkw", "zarr3", "n5"]),
        mags=mags,
        numChannels=optional(st.integers(1, 3)),
        additionalAxes=st.lists(record(name=names, bounds=st.just([0, 3]), index=st.just(1))),
        coordinateTransformations=st.lists(
            record(type=st.just("affine"), matrix=st.just([[1, 0, 0, 0.5]] * 4)), max_size=1
        ),
        defaultViewConfiguration=unknown,
        adminViewConfiguration=unknown,
        largestSegmentId=optional(st.integers(0, 2**64 - 1)),
        mappings=st.lists(names, max_size=2),
        attachments=attachments,
    ),
    max_size=2,
    unique_by=lambda layer: layer["name"],
)
documents = record(
    id=st.just({"name": "old", "team": "lab"}),
    scale=record(
        factor=st.tuples(*[st.floats(0.001, 1e6)] * 3),
        unit=st.sampled_from(["nanometer", "micrometer"]),
    ),
    dataLayers=layers,
    defaultViewConfiguration=unknown,
    version=st.integers(1, 3),
)


def layer(name: str = "color", **changes: object) -> dict[str, Any]:
    return {
        "name": name,
        "category": "color",
        "boundingBox": {"topLeft": [0, 0, 0], "width": 32, "height": 32, "depth": 32},
        "elementClass": "uint8",
        "dataFormat": "wkw",
        "mags": [{"mag": [4, 4, 2]}, {"mag": [1, 1, 1]}],
        **changes,
    }


def source(*layers: dict[str, Any], **changes: Any) -> DataSource:
    document = {"scale": [11, 11, 24], "dataLayers": list(layers) or [layer()]}
    return properties.parse({**document, **changes})


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset(make_organization())


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=documents, second=documents)
def test_whatever_is_stored_is_loaded_again(
    dataset: Dataset, first: dict[str, Any], second: dict[str, Any]
) -> None:
    for document in (first, second):
        data_source = properties.parse(json.loads(json.dumps(document)))
        # Set, even where empty: then nothing of the first is kept for the second.
        data_source = data_source.model_copy(
            update={
                "layers": tuple(
                    layer.model_copy(
                        update={"admin_view_configuration": layer.admin_view_configuration}
                    )
                    for layer in data_source.layers
                )
            }
        )
        store(dataset, data_source)
        assert load(Dataset.objects.get(pk=dataset.pk)) == data_source


def test_the_samples_are_stored_without_loss(dataset: Dataset, samples: Path) -> None:
    files = sorted(samples.glob("**/datasource-properties.json"))
    assert files
    for path in files:
        data_source = properties.read(path)
        store(dataset, data_source)
        assert load(dataset) == data_source, path


def test_a_largest_64_bit_segment_id_is_kept_exactly(dataset: Dataset) -> None:
    largest = 2**64 - 1
    store(dataset, source(layer(elementClass="uint64", largestSegmentId=largest)))
    assert dataset.layers.get().largest_segment_id == largest
    assert load(dataset).layers[0].largest_segment_id == largest


def test_the_full_range_of_a_float_layer_survives_being_stored_and_written(
    dataset: Dataset,
) -> None:
    view = {"intensityRange": [-(2.0**127), 2.0**127]}
    data_source = source(layer(elementClass="float", defaultViewConfiguration=view))
    store(dataset, data_source)
    loaded = load(Dataset.objects.get(pk=dataset.pk))
    assert loaded == data_source
    assert properties.loads(properties.dumps(loaded)) == data_source


def test_loading_takes_three_queries_and_none_where_prefetched(
    dataset: Dataset, django_assert_num_queries: Any
) -> None:
    store(dataset, source(layer("a"), layer("b"), layer("c")))
    with django_assert_num_queries(3):
        load(dataset)
    fetched = Dataset.objects.prefetch_related("layers__mags", "layers__attachments").get()
    with django_assert_num_queries(0):
        load(fetched)


def test_storing_takes_as_many_queries_for_many_layers_as_for_one(dataset: Dataset) -> None:
    counts = []
    for number in (1, 10):
        other = make_dataset(dataset.organization)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            store(other, source(*[layer(f"layer {n}") for n in range(number)]))
        counts.append(len(queries))
    assert counts[0] == counts[1] < 10


def test_storing_the_same_again_writes_nothing(dataset: Dataset) -> None:
    store(dataset, source())
    with CaptureQueriesContext(connection) as queries:
        store(dataset, source())
    assert not [q for q in queries if q["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]


def test_the_version_grows_when_voxels_may_have_changed_and_not_for_a_view(
    dataset: Dataset,
) -> None:
    store(dataset, source())
    assert Dataset.objects.get().version == 1
    store(dataset, source(layer(defaultViewConfiguration={"alpha": 5})))
    assert Dataset.objects.get().version == 1
    store(dataset, source(layer(elementClass="uint16")))
    assert Dataset.objects.get().version == dataset.version == 2


def test_a_view_saved_in_the_browser_survives_new_properties(dataset: Dataset) -> None:
    store(dataset, source())
    dataset.layers.update(admin_view_configuration={"alpha": 70})
    store(dataset, source(layer(elementClass="uint16")))
    assert dataset.layers.get().admin_view_configuration == {"alpha": 70}


def test_a_cleared_dataset_keeps_the_views_saved_in_the_browser(dataset: Dataset) -> None:
    store(dataset, source(layer("a"), layer("b")))
    dataset.layers.filter(name="a").update(admin_view_configuration={"alpha": 70, "gamma": 1})
    data_sources.change(
        dataset, admin_view_configuration={"zoom": 2, "layers": {"a": {"gamma": 3}}}
    )
    data_sources.clear(dataset)
    dataset.refresh_from_db()
    assert not dataset.layers.exists()
    assert dataset.voxel_size is None
    assert dataset.admin_view_configuration == {
        "zoom": 2,
        "layers": {"a": {"alpha": 70, "gamma": 3}},
    }
    with pytest.raises(Conflict):
        load(dataset)


def test_only_a_credential_of_the_same_organization_is_linked(dataset: Dataset) -> None:
    own, foreign = (
        StorageCredential.objects.create(
            name="key", kind="s3", scope="s3://x", organization=organization
        )
        for organization in (dataset.organization, make_organization())
    )
    store(
        dataset,
        source(
            layer(
                mags=[
                    {"mag": 1, "credentialId": own.pk},
                    {"mag": 2, "credentialId": foreign.pk},
                ]
            )
        ),
    )
    linked = dataset.layers.get().mags.exclude(credential=None)
    assert [mag.credential for mag in linked] == [own]
    assert load(dataset).layers[0].mags[1].credential_id == foreign.pk


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "n" * 300}, "name"),
        ({"boundingBox": {"topLeft": [2**63, 0, 0], "width": 1, "height": 1, "depth": 1}}, "min x"),
        ({"mags": [{"mag": [2**63, 2**63, 2**63]}]}, "mag x"),
        ({"mags": [{"mag": 1, "path": "p" * 3000}]}, "path"),
    ],
)
def test_what_no_column_can_hold_is_a_problem_in_words(changes: dict[str, Any], words: str) -> None:
    found = data_sources.problems(source(layer(**changes)))
    assert found
    assert words in found[0]


def test_a_usable_data_source_has_no_problem() -> None:
    assert data_sources.problems(source()) == []


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_what_could_not_be_loaded_again_is_not_stored(number: float) -> None:
    x, y, z = ((1.0, 0, 0, 0), (0, 1.0, 0, 0), (0, 0, number, 0))
    moved = CoordinateTransformation(type="affine", matrix=(x, y, z, (0, 0, 0, 1.0)))
    (plain,) = source().layers
    layers = (plain.model_copy(update={"coordinate_transformations": (moved,)}),)
    (found,) = data_sources.problems(source().model_copy(update={"layers": layers}))
    assert "coordinateTransformations[0].matrix[2][2] is too large" in found
