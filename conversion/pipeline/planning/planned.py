"""Makes the plan of what was found and what a person chose."""

import math
from collections.abc import Sequence
from itertools import pairwise

from conversion.pipeline.filters import Filter
from conversion.pipeline.geometry import floor_divide
from conversion.pipeline.mags import FINEST, mag_ladder
from conversion.pipeline.options import Options
from conversion.pipeline.plan import Plan, PlannedLayer
from conversion.pipeline.planning.finding import Finding, FoundImage, FoundLayer
from conversion.pipeline.planning.names import distinct
from conversion.pipeline.planning.problem import PlanProblem, UnknownVoxelSize
from conversion.pipeline.shapes import shapes_problem, shown_shape
from conversion.readers.series import Choice
from datasets.properties import Category, DataFormat, Mag, Vec3Int, VoxelSize
from datasets.properties.infer.layers import layer_name
from datasets.properties.sentences import printable

_TOLERANCE = 1e-3  # of voxel sizes that went through decimal text and floats
_CHOICES = {
    Choice.PAD: "--differing pad (enlarge smaller slices with zeros)",
    Choice.CROP: "--differing crop (cut larger slices)",
    Choice.SPLIT: "--differing split (make a layer of each kind)",
}


def planned(finding: Finding, options: Options) -> Plan:
    """The plan. Raises PlanProblem where something is missing, or does not go together."""
    _check_slices(finding, options)
    size, origin, notes = _voxel_size(finding, options)
    names = _names(finding.layers, options.layer_name)
    layers = [
        _layer(name, found, size, options)
        for name, found in zip(names, finding.layers, strict=True)
    ]
    if options.layer_name is None or len(layers) > 1:
        notes += _renamed(names, finding.layers)
    return Plan(size, origin, tuple(layers), (*finding.notes, *notes), options.name)


def _check_slices(finding: Finding, options: Options) -> None:
    for problem in finding.problems:
        offered = " or ".join(_CHOICES[choice] for choice in problem.choices)
        what = f"The slices of '{problem.layer}' differ. {problem}"
        if options.differing is not None:
            what += f" They can't be brought together by '{options.differing}'."
        raise PlanProblem(what, f"Choose {offered}, or correct the files.")
    if not finding.layers:
        raise PlanProblem(f"There is no image in {finding.path.name}.", "Choose another one.")


def _voxel_size(finding: Finding, options: Options) -> tuple[VoxelSize, str, list[str]]:
    """The voxel size, where it comes from, and what is odd about it."""
    if options.voxel_size is not None:
        return options.voxel_size, "the options", []
    known = [(image, image.voxel_size) for image in finding.images if image.voxel_size]
    if not known:
        said = " ".join(note for note in finding.notes if "voxel" in note)
        raise UnknownVoxelSize(
            f"The size of a voxel is not known. {said}".rstrip(),
            "Give it in x, y, z, and its unit if that is not nanometer: "
            "--voxel-size 4,4,40 --unit nanometer.",
        )
    image, size = min(known, key=lambda found: found[1].nanometers)
    others = [(other, of_it) for other, of_it in known if not _is_same(size, of_it)]
    notes = [
        f"'{other.name}' has voxels of {shown_size(of_it)}, but a dataset has one voxel size: that "
        f"of '{image.name}', {shown_size(size)}, is taken for all."
        for other, of_it in others
    ]
    return size, image.voxel_size_source, notes


def _is_same(one: VoxelSize, other: VoxelSize) -> bool:
    return all(
        math.isclose(a, b, rel_tol=_TOLERANCE)
        for a, b in zip(one.nanometers, other.nanometers, strict=True)
    )


def shown_size(size: VoxelSize) -> str:
    """For people: `4 x 4 x 40 nm`."""
    return f"{' x '.join(f'{length:g}' for length in size.factor)} {size.unit.symbol}"


def _names(layers: Sequence[FoundLayer], wanted: str | None) -> list[str]:
    """Valid names, each once, in the order of the layers."""
    if wanted is not None and layer_name(wanted) != wanted:
        raise PlanProblem(
            f"'{wanted}' can't be the name of a layer.",
            "Use letters from A to Z, digits and _ - . $ @, and no dot at the beginning.",
        )
    if wanted is not None and len(layers) == 1:
        return [wanted]
    return distinct(f"{wanted}_{layer.name}" if wanted else layer.name for layer in layers)


def _renamed(names: Sequence[str], layers: Sequence[FoundLayer]) -> list[str]:
    """What became of files whose names the layers' names do not show."""
    return [
        f"'{printable(called)}' becomes layer '{name}'."
        for name, layer in zip(names, layers, strict=True)
        if (called := layer.called or ("" if name.endswith(layer.name) else layer.image.name))
    ]


def _layer(name: str, found: FoundLayer, size: VoxelSize, options: Options) -> PlannedLayer:
    category = options.category or found.category
    source = found.source
    if category is Category.SEGMENTATION:
        _check_ids(name, found.image, found)
    _check_shapes(name, found, options)
    default = Filter.MODE if category is Category.SEGMENTATION else Filter.MEDIAN
    return PlannedLayer(
        name=name,
        category=category,
        source=source,
        mags=_mags(source.shape, size, options),
        filter=options.filter or default,
        data_format=options.data_format,
        profile=options.profile,
        axes=found.image.axes,
        offset=found.offset,
        chunk_shape=options.chunk_shape,
        shard_shape=options.shard_shape,
        view=found.view if category is found.category else {},
    )


def _check_ids(name: str, image: FoundImage, found: FoundLayer) -> None:
    if found.source.dtype.kind == "f" or found.source.num_channels > 1:
        raise PlanProblem(
            f"Layer '{name}' has {image.element_type} voxels, which are no segment ids.",
            "Use --category color.",
        )


def _mags(shape: Vec3Int, size: VoxelSize, options: Options) -> tuple[Mag, ...]:
    coarsest = options.max_mag
    if not options.downsample:
        return (FINEST,)
    if coarsest is not None and any(factor & (factor - 1) for factor in coarsest):
        raise PlanProblem(
            f"Mag {coarsest.literal} is not made of powers of two.", "Choose another --max-mag."
        )
    try:
        mags = mag_ladder(shape, size.factor, sampling=options.sampling, coarsest=coarsest)
    except ValueError as error:
        raise PlanProblem(str(error), "Choose another --max-mag or --sampling-mode.") from error
    for finer, coarser in pairwise(mags):
        factors = floor_divide(coarser, finer)
        if any(chunk % by for chunk, by in zip(options.chunk_shape, factors, strict=True)):
            raise PlanProblem(
                f"Chunks of {shown_shape(options.chunk_shape)} voxels are too small to make mag "
                f"{coarser.literal} of mag {finer.literal}.",
                "Use larger chunks, such as --chunk-shape 32,32,32.",
            )
    return tuple(mags)


def _check_shapes(name: str, found: FoundLayer, options: Options) -> None:
    if options.data_format is DataFormat.WKW and found.image.axes:
        axes = ", ".join(axis for axis, _ in found.image.axes)
        raise PlanProblem(
            f"Layer '{name}' has the additional axis {axes}, which WKW can't store.",
            "Use --data-format zarr3.",
        )
    voxel_bytes = found.source.dtype.itemsize * found.source.num_channels
    if problem := shapes_problem(
        options.data_format, options.chunk_shape, options.shard_shape, voxel_bytes=voxel_bytes
    ):
        raise PlanProblem(*problem)
