"""What was found and what will be written, as lines for a terminal and as JSON for scripts."""

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from conversion.pipeline.geometry import add, ceil_divide, floor_divide
from conversion.pipeline.layer_arrays import mag_arrays
from conversion.pipeline.plan import Plan, PlannedLayer
from conversion.pipeline.planning import Finding, FoundImage, FoundLayer
from conversion.pipeline.planning.planned import shown_size
from datasets.properties import DataFormat, VoxelSize
from sharing.sizes import readable_size


def finding_lines(finding: Finding, source: Path) -> Iterator[str]:
    """All that was found in `source`, without what a person may still choose."""
    yield f"Found in {source}:"
    for image in finding.images:
        yield f"  {image.name}: {_image_line(image)}"
        yield f"    voxel size: {_size_line(image)}"
        for name, value in (("channels", _channels(image)), ("becomes", _layers(finding, image))):
            if value:
                yield f"    {name}: {value}"
    for problem in finding.problems:
        yield f"  Problem in '{problem.layer}': {problem}"
        yield f"    possible: {', '.join(f'--differing {choice}' for choice in problem.choices)}"
    for note in finding.notes:
        yield f"  Note: {note}"


def plan_lines(
    plan: Plan, *, told: Collection[str] = (), is_size_known: bool = True
) -> Iterator[str]:
    """What will be written, and the notes that were not `told` before."""
    if is_size_known:
        yield f"Voxel size: {shown_size(plan.voxel_size)} (from {plan.voxel_size_source})"
    else:
        yield "Voxel size: not known; the mags below are those of cubes"
    total = 0
    for layer in plan.layers:
        count = layer_bytes(layer)
        total += count
        mags = " ".join(mag.literal for mag in layer.mags)
        axes = "".join(f", {name} {length}" for name, length in layer.axes)
        yield f"Layer {layer.name}: {layer.category}, {times(layer.shape)} {_type(layer)}{axes}"
        yield f"  mags {mags} ({layer.filter}), {readable_size(count)} before compression"
        yield f"  {_storage(layer)}"
    yield f"In all {readable_size(total)} before compression."
    yield from (f"Note: {note}" for note in plan.notes if note not in told)


def layer_bytes(layer: PlannedLayer) -> int:
    """Of all mags, uncompressed."""
    voxels = sum(math.prod(ceil_divide(layer.shape, mag)) for mag in layer.mags)
    indices = math.prod(length for _, length in layer.axes)
    return voxels * indices * layer.num_channels * layer.dtype.itemsize


def finding_json(finding: Finding, source: Path) -> dict[str, Any]:
    """Shapes are x, y, z; keys are written as in datasource-properties.json."""
    return {
        "path": str(source),
        "images": [_image_json(image) for image in finding.images],
        "layers": [_layer_json(layer) for layer in finding.layers],
        "problems": [
            {
                "layer": problem.layer,
                "what": str(problem),
                "choices": [choice.value for choice in problem.choices],
            }
            for problem in finding.problems
        ],
        "notes": list(finding.notes),
    }


def times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape)


def _image_line(image: FoundImage) -> str:
    parts = [image.format, f"{times(image.shape)} voxels", image.element_type]
    if len(image.channels) > 1:
        parts.append(f"{len(image.channels)} channels")
    parts += [f"{name} {length}" for name, length in image.axes]
    if image.files is not None and image.stored_bytes is not None:
        files = "1 file" if image.files == 1 else f"{image.files:,} files"
        parts.append(f"{files} of {readable_size(image.stored_bytes)}")
    return ", ".join(parts)


def _size_line(image: FoundImage) -> str:
    if image.voxel_size is None:
        return "not known"
    return f"{shown_size(image.voxel_size)} (from {image.voxel_size_source})"


def _channels(image: FoundImage) -> str:
    return ", ".join(name for name in image.channels if name)


def _layers(finding: Finding, image: FoundImage) -> str:
    return ", ".join(
        f"{layer.name} ({layer.category}{f' by {reason}' if reason else ''})"
        for layer in finding.layers
        if layer.image is image
        for reason in [layer.category_reason]
    )


def _type(layer: PlannedLayer) -> str:
    return (
        f"{layer.dtype.name} x {layer.num_channels}" if layer.num_channels > 1 else layer.dtype.name
    )


def _storage(layer: PlannedLayer) -> str:
    """How a layer is stored, with the sizes of its files, which are no larger than the layer."""
    arrays = mag_arrays(
        Path(layer.name),
        layer.mags,
        shape=add(floor_divide(layer.offset, layer.mags[0]), layer.shape),
        dtype=layer.dtype,
        num_channels=layer.num_channels,
        data_format=layer.data_format,
        profile=layer.profile,
        axes=layer.axes,
        chunk_shape=layer.chunk_shape,
        shard_shape=layer.shard_shape,
    )
    finest, *coarser = (times(array.layout.file_shape) for array in arrays.values())
    files = finest
    if coarser and coarser[0] != finest:
        files = f"{finest} (mag {layer.mags[0].literal}) and up to {coarser[0]} (coarser mags)"
    if layer.data_format is DataFormat.WKW:
        return f"wkw, LZ4, files of {files}"
    return f"zarr3, chunks of {times(layer.chunk_shape)} in shards of {files}, {layer.profile}"


def _image_json(image: FoundImage) -> dict[str, Any]:
    return {
        "name": image.name,
        "format": image.format,
        "shape": image.shape,
        "elementType": image.element_type,
        "channels": image.channels,
        "additionalAxes": dict(image.axes),
        "voxelSize": _size_json(image.voxel_size),
        "voxelSizeSource": image.voxel_size_source or None,
        "files": image.files,
        "bytes": image.stored_bytes,
    }


def _layer_json(layer: FoundLayer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "image": layer.image.name,
        "category": layer.category.value,
        "categoryReason": layer.category_reason or None,
        "dtype": layer.source.dtype.name,
        "numChannels": layer.source.num_channels,
        "topLeft": layer.offset,
        "shape": layer.source.shape,
    }


def _size_json(size: VoxelSize | None) -> dict[str, Any] | None:
    return None if size is None else {"factor": size.factor, "unit": size.unit.value}
