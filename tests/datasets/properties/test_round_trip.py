"""What holds for every data source, whatever it says and whatever unknown keys it has."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.properties import (
    Category,
    DataFormat,
    ElementClass,
    LengthUnit,
    content_hash,
    difference,
    dumps,
    loads,
    parse,
    problems,
)

JsonObject = dict[str, Any]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.integers(-(2**63), 2**64 - 1) | finite
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(texts, json_values, max_size=3)
unknown_keys = st.dictionaries(
    st.text("abcxyz", min_size=1, max_size=4).map(lambda key: f"x-{key}"), json_values, max_size=2
)
integers = st.integers(-(2**40), 2**40)
positive = st.integers(1, 2**20)


def record(required: JsonObject, optional: JsonObject | None = None) -> st.SearchStrategy[Any]:
    known = st.fixed_dictionaries(required, optional=optional or {})
    return st.tuples(unknown_keys, known).map(lambda parts: parts[0] | parts[1])


def vectors(component: st.SearchStrategy[Any], length: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(component, min_size=length, max_size=length)


bounding_boxes = record(
    {"topLeft": vectors(integers), "width": integers, "height": integers, "depth": integers}
)
mags = record(
    {"mag": vectors(positive) | positive},
    {
        "path": texts,
        "cubeLength": positive,
        "axisOrder": st.dictionaries(st.sampled_from("xyzct"), st.integers(0, 9)),
        "channelIndex": st.integers(0, 99),
        "credentialId": texts,
    },
)
attachments = record(
    {"name": texts, "path": texts, "dataFormat": st.sampled_from(["zarr3", "hdf5", "json"])},
    {"credentialId": texts},
)
transformations = record(
    {"type": st.just("affine"), "matrix": vectors(vectors(finite, 4), 4)}
) | st.lists(st.tuples(vectors(finite), vectors(finite)), max_size=2).map(
    lambda pairs: {
        "type": "thin_plate_spline",
        "correspondences": {"source": [a for a, _ in pairs], "target": [b for _, b in pairs]},
    }
)
layers = record(
    {
        "name": texts,
        "category": st.sampled_from(Category).map(str),
        "boundingBox": bounding_boxes,
        "elementClass": st.sampled_from(ElementClass).map(str),
        "dataFormat": st.sampled_from(DataFormat).map(str),
        "mags": st.lists(mags, max_size=3),
    },
    {
        "numChannels": positive,
        "additionalAxes": st.lists(
            record({"name": texts, "bounds": vectors(integers, 2), "index": integers}), max_size=2
        ),
        "coordinateTransformations": st.lists(transformations, max_size=2),
        "defaultViewConfiguration": json_objects,
        "adminViewConfiguration": json_objects,
        "largestSegmentId": st.integers(-(2**63), 2**64 - 1),
        "mappings": st.lists(texts, max_size=2),
        "attachments": record(
            {},
            {
                "meshes": st.lists(attachments, max_size=2),
                "agglomerates": st.lists(attachments, max_size=2),
                "connectomes": st.lists(attachments, max_size=2),
                "segmentIndex": attachments,
                "segmentStatistics": attachments,
                "cumsum": attachments,
            },
        ),
    },
)
documents = record(
    {
        "scale": vectors(finite)
        | record({"factor": vectors(finite), "unit": st.sampled_from(LengthUnit).map(str)}),
        "dataLayers": st.lists(layers, max_size=2),
    },
    {"id": json_objects, "version": positive, "defaultViewConfiguration": json_objects},
)


few_examples = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)


@few_examples
@given(documents)
def test_every_document_survives_a_round_trip(document: JsonObject) -> None:
    first = loads(json.dumps(document))
    again = loads(dumps(first))
    assert again == first
    assert content_hash(again) == content_hash(first)
    assert difference(first, again) == []


def keeps_unknown_keys(written: Any, read: Any) -> bool:
    if isinstance(read, dict):
        return all(
            written.get(key, "absent") == value
            if key.startswith("x-")
            else key not in written or keeps_unknown_keys(written[key], value)
            for key, value in read.items()
        )
    if isinstance(read, list) and isinstance(written, list):
        return all(keeps_unknown_keys(w, r) for w, r in zip(written, read, strict=True))
    return True


@few_examples
@given(documents)
def test_unknown_keys_are_kept_on_every_level(document: JsonObject) -> None:
    assert keeps_unknown_keys(json.loads(dumps(parse(document))), document)


@few_examples
@given(documents, documents)
def test_two_data_sources_have_one_hash_exactly_if_no_difference_is_told(
    first: JsonObject, second: JsonObject
) -> None:
    old, new = parse(first), parse(first | second)
    assert (content_hash(old) == content_hash(new)) == (difference(old, new) == [])


@few_examples
@given(documents)
def test_every_readable_data_source_can_be_judged(document: JsonObject) -> None:
    assert all(sentence.endswith(".") for sentence in problems(parse(document)))
