"""What a conversion makes of the files: found, planned, and told to people in a job's words.

The owner of a job and those who help it make the same plan, each for itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conversion.models import Job
from conversion.pipeline.options import Options
from conversion.pipeline.plan import Plan
from conversion.pipeline.planning import Finding, PlanProblem, find, planned
from conversion.pipeline.planning.planned import shown_size
from conversion.readers.errors import UnreadableImage
from conversion.readers.sandbox import ReaderKilled, Sandbox
from conversion.readers.series import Choice
from conversion.runner import JobFailed
from conversion.uploads.staging import ORIGINALS
from datasets.models import Dataset
from datasets.properties import UnreadableProperties, VoxelSize
from datasets.properties.sentences import printable
from datasets.storage import local
from datasets.voxels.errors import VoxelsError
from sharing.errors import Invalid
from sharing.sizes import readable_size

from .converting_sources import allowed_source, require_allowed_files, require_allowed_links

_CHOICES = {
    Choice.PAD: "pad the smaller ones",
    Choice.CROP: "crop the larger ones",
    Choice.SPLIT: "make a layer of each kind",
}
_WITHOUT_OPTIONS = (
    "Correct the files, or ask the operator to convert them with the command convert, which has "
    "more options."
)


@dataclass(frozen=True)
class Places:
    """Where a conversion reads and writes."""

    source: Path
    target: Path
    """The dataset's directory, which is not there before all of it is."""
    is_uploaded: bool
    """Whether the source was brought for this conversion alone, and goes once it is over."""

    @property
    def name(self) -> str:
        """What people call the source; what was uploaded lies in a folder named with an id, too."""
        return self.source.name.rpartition("-")[0] if self.is_uploaded else self.source.name

    def told(self, text: str) -> str:
        """A text for people that may name the source."""
        return printable(text.replace(self.source.name, self.name))

    @property
    def after_correction(self) -> str:
        """What to do with files that were corrected: only who uploaded can't reach them here."""
        return "upload them again" if self.is_uploaded else "retry"


def places_of(job: Job, dataset: Dataset) -> Places:
    """The places of the dataset's conversion."""
    target = local.dataset_directory(dataset)
    if source := job.arguments.get("source"):
        return Places(Path(source), target, is_uploaded=False)
    return Places(target.parent / ORIGINALS / target.name, target, is_uploaded=True)


def options_of(job: Job) -> Options:
    """What people said about the files."""
    size, differing = job.arguments.get("voxelSize"), job.arguments.get("differing")
    return Options(
        voxel_size=VoxelSize.model_validate(size) if size else None,
        differing=Choice(differing) if differing else None,
    )


def make_plan(job: Job, places: Places, sandbox: Sandbox) -> tuple[Finding, Plan]:
    """What was found, and the plan. Raises JobFailed, also with what a person has to decide."""
    options = options_of(job)
    if not places.is_uploaded:
        try:
            allowed_source(str(places.source))
        except Invalid as error:  # which says the whole path, but many see why a job failed
            raise JobFailed(
                places.told(f"'{places.source.name}' is gone, or may not be read any more."),
                "Ask the operator whether it is where it was, and inside ALLOWED_DATA_PATHS.",
            ) from error
    if not os.path.lexists(places.source):
        raise JobFailed(
            "What was uploaded is not there any more."
            if places.is_uploaded
            else places.told(f"'{places.source.name}' is not there any more."),
            "Ask the operator to put it back, then retry.",
        )
    with explained(places):
        if not places.is_uploaded:
            require_allowed_links(places.source)
        finding = find(places.source, options, sandbox, folder_name=places.name)
        if not places.is_uploaded:
            for layer in finding.layers:
                require_allowed_files(places.source, layer.source.files)
        _require_answers(finding, options, places)
        return finding, planned(finding, options)


@contextmanager
def explained(places: Places) -> Iterator[None]:
    """What is wrong with files, raised as JobFailed."""
    try:
        yield
    except UnreadableImage as error:
        is_all = error.file in (places.source, Path(places.source.name))
        file = "What is to be converted" if is_all else f"'{error.file.name}'"
        cause = places.told(f"{file}: {error.what}")
        is_temporary = isinstance(error, ReaderKilled)
        raise JobFailed(cause, places.told(error.advice), is_temporary=is_temporary) from error
    except PlanProblem as error:
        advice = _WITHOUT_OPTIONS if error.names_options else places.told(error.advice)
        raise JobFailed(places.told(error.what), advice) from error
    except (UnreadableProperties, VoxelsError) as error:
        advice = f"Correct the files, then {places.after_correction}."
        raise JobFailed(places.told(str(error)), advice) from error


def log_lines(finding: Finding, plan: Plan, options: Options) -> Iterator[str]:
    """What was found and is going to be made, in sentences."""
    return map(printable, _log_lines(finding, plan, options))


def _log_lines(finding: Finding, plan: Plan, options: Options) -> Iterator[str]:
    for image in finding.images:
        files = f"{image.files:,} file{'' if image.files == 1 else 's'}"
        size = "" if image.stored_bytes is None else f", {readable_size(image.stored_bytes)}"
        axes = "".join(f", {axis} {length}" for axis, length in image.axes)
        yield (
            f"Found '{image.name}': {image.format}, {' x '.join(map(str, image.shape))} voxels"
            f"{axes}, {image.element_type}, {files}{size}."
        )
    for layer in plan.layers:
        kind = "segmentation" if layer.category.value == "segmentation" else "image"
        mags = ", ".join(mag.literal for mag in layer.mags)
        yield f"Layer '{layer.name}': {kind}, {layer.dtype}, mags {mags}."
    size = shown_size(plan.voxel_size)
    if options.voxel_size is None:
        yield f"Voxel size: {size}, from {plan.voxel_size_source}."
    else:
        yield f"Voxel size: {size}, as given."
        for image in finding.images:
            if image.voxel_size and shown_size(image.voxel_size) != size:
                yield (
                    f"Note: '{image.name}' says {shown_size(image.voxel_size)} in "
                    f"{image.voxel_size_source}; what was given counts."
                )
    for note in plan.notes:
        yield f"Note: {note}"


def _require_answers(finding: Finding, options: Options, places: Places) -> None:
    """Ask what only a person can say."""
    for problem in finding.problems:
        offered = " or ".join(_CHOICES[choice] for choice in problem.choices)
        raise JobFailed(
            f"The slices differ. {problem}",
            f"On the page of this job, choose to {offered}; or correct the files and "
            f"{places.after_correction}.",
            asks={"differing": [choice.value for choice in problem.choices]},
        )
    is_size_known = options.voxel_size or any(image.voxel_size for image in finding.images)
    if finding.layers and not is_size_known:
        raise JobFailed(
            "The size of a voxel is not known: the files do not say it.",
            "Give it on the page of this job.",
            asks={"voxelSize": True},
        )
