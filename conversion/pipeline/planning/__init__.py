"""From a path and a person's options to a plan: what is there, and what will be written of it.

Everything here is found again by every process that makes the plan anew, in the same order.
"""

from pathlib import Path

from conversion.pipeline.options import Options
from conversion.pipeline.plan import Plan
from conversion.pipeline.planning.finding import Finding, FoundImage, FoundLayer
from conversion.pipeline.planning.images import finding_of_images
from conversion.pipeline.planning.planned import planned
from conversion.pipeline.planning.problem import PlanProblem, UnknownVoxelSize
from conversion.pipeline.planning.stored_datasets import finding_of_dataset, is_dataset
from conversion.readers.raw import open_raw
from conversion.readers.sandbox import Sandbox
from conversion.readers.series import Found
from conversion.readers.series import FoundLayer as OpenedLayer

__all__ = [
    "Finding",
    "FoundImage",
    "FoundLayer",
    "PlanProblem",
    "UnknownVoxelSize",
    "find",
    "plan_conversion",
    "planned",
]


def plan_conversion(path: Path, options: Options, sandbox: Sandbox) -> Plan:
    """The plan of converting a file or a folder of any kind; its images are read in `sandbox`.

    Archives have to be unpacked before. Raises what `find` and `planned` raise.
    """
    return planned(find(path, options, sandbox), options)


def find(
    path: Path, options: Options, sandbox: Sandbox, *, folder_name: str | None = None
) -> Finding:
    """What a file or a folder holds; of the options, `raw` and `differing` count.

    `folder_name` is what people call the folder, where its own name is not theirs.
    Raises UnreadableImage, MissingLibrary, UnreadableProperties, VoxelsError, PlanProblem, OSError.
    """
    name = path.name if folder_name is None else folder_name
    if options.raw is not None:
        image = sandbox.open(open_raw(options.raw))
        found = Found(layers=(OpenedLayer(path.stem, (image,)),))
        return finding_of_images(path, name, found, options.differing, sandbox)
    if is_dataset(path):
        return finding_of_dataset(path, name)
    found = sandbox.find_images(path)
    return finding_of_images(path, name, found, options.differing, sandbox)
