"""Layers of the images that readers found: one for each channel, RGB as one."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from conversion.pipeline.image_source import ImageSource
from conversion.pipeline.planning.categories import guessed
from conversion.pipeline.planning.finding import (
    Finding,
    FoundImage,
    FoundLayer,
    with_distinct_names,
)
from conversion.pipeline.planning.names import named
from conversion.readers import Image
from conversion.readers.mixed_series import resolved
from conversion.readers.sandbox import Sandbox
from conversion.readers.series import Choice, Found, SeriesProblem
from conversion.readers.series import FoundLayer as OpenedLayer
from datasets.properties import Category, Vec3Int
from datasets.properties.record import JsonObject

_SAMPLES = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
_SECOND_SUFFIX = re.compile(r"\.(ome|nii)$", re.IGNORECASE)
"""Left of `.ome.tif` and `.nii.gz`."""
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)


def finding_of_images(
    path: Path, name: str, found: Found, differing: Choice | None, sandbox: Sandbox
) -> Finding:
    """What becomes of the images in `path`; slices that differ are made layers by `differing`.

    `name` is what people call `path`.
    """
    opened = [
        replace(layer, name=name) if layer.name == path.name else layer for layer in found.layers
    ]
    problems: list[SeriesProblem] = []
    for each in found.problems:
        problem = replace(each, layer=name) if each.layer == path.name else each
        if differing in problem.choices:
            for layer in resolved(problem, differing):
                images = tuple(sandbox.open(image) for image in layer.images)
                opened.append(replace(layer, images=images))
        else:
            problems.append(problem)
    images_found: list[FoundImage] = []
    layers: list[FoundLayer] = []
    notes: list[str] = list(found.notes)
    for one in opened:
        for number, image in enumerate(one.images):
            image_name = _image_name(one, number)
            described = _described(image_name, image)
            images_found.append(described)
            offset = (0, 0, one.z)
            layers += _layers(name, described, image, offset, is_only=len(opened) == 1)
            about = f"{image_name}: " if len(opened) > 1 or len(one.images) > 1 else ""
            notes += [f"{about}{note}" for note in image.info.notes]
            if image.info.is_rgb and image.info.dtype.itemsize > 1:
                notes.append(
                    f"{about}Its colours are {image.info.dtype}; only uint8 colours can be one "
                    "layer, so red, green and blue become three."
                )
    return Finding(
        path,
        tuple(images_found),
        with_distinct_names(layers),
        tuple(problems),
        tuple(dict.fromkeys(notes)),
    )


def _image_name(layer: OpenedLayer, number: int) -> str:
    """A file's only image is called like the file, one of several after itself too."""
    name = _SECOND_SUFFIX.sub("", layer.name)
    if len(layer.images) == 1:
        return name
    return f"{name}_{layer.images[number].info.name or number}"


def _described(name: str, image: Image) -> FoundImage:
    info = image.info
    return FoundImage(
        name=name,
        format=image.reader.name,
        shape=(info.length("x"), info.length("y"), info.length("z")),
        element_type=f"{'RGB ' if info.is_rgb else ''}{info.dtype}",
        channels=info.channel_names or ("",) * info.length("c"),
        axes=tuple((axis, info.length(axis)) for axis in info.further_axes),
        voxel_size=info.voxel_size,
        voxel_size_source=info.voxel_size_source if info.voxel_size else "",
        files=len(image.files),
        stored_bytes=sum(file.stat().st_size for file in image.files),
    )


def _layers(
    path_name: str, described: FoundImage, image: Image, offset: Vec3Int, *, is_only: bool
) -> Iterator[FoundLayer]:
    info = image.info
    for channel, own_name in enumerate(described.channels):
        name = described.name
        if len(described.channels) > 1:
            # Names of channels are enough where there is one image only.
            name = own_name if own_name and is_only else f"{name}_{own_name or channel}"
        if info.is_rgb and info.dtype.itemsize > 1:
            for sample, (color, rgb) in enumerate(_SAMPLES.items()):
                valid, called = named(f"{name}_{color}")
                yield FoundLayer(
                    name=valid,
                    called=called,
                    image=described,
                    source=ImageSource(image, channel=channel, sample=sample),
                    category=Category.COLOR,
                    offset=offset,
                    view={"color": list(rgb)},
                )
            continue
        source = ImageSource(image, channel=channel)
        category, reason = guessed(
            source,
            (name, described.name, path_name),
            info.further_axes,
            is_labels=info.is_labels,
        )
        valid, called = named(name)
        yield FoundLayer(
            name=valid,
            called=called,
            image=described,
            source=source,
            category=category,
            category_reason=reason,
            offset=offset,
            view=_view(image, channel) if category is Category.COLOR else {},
        )


def _view(image: Image, channel: int) -> JsonObject:
    """The channel's own colour; black would show nothing, and white is what all have."""
    colors = image.info.channel_colors
    color = colors[channel] if colors else None
    return {} if color in (None, _BLACK, _WHITE) else {"color": list(color or ())}
