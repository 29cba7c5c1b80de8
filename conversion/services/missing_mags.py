"""Jobs that add the coarser mags which a dataset lacks."""

from typing import Any

from conversion.models import Job
from conversion.pipeline.mags import Sampling
from conversion.runner import Run, register
from conversion.tools.downsampling import MissingMags, add_mags, missing_mags
from conversion.tools.new_mags import with_mags
from conversion.tools.opened import OpenedDataset
from conversion.tools.problem import ToolProblem
from datasets.access import Action
from datasets.models import Dataset
from datasets.properties import DataSource, Layer, Mag, MagProperties
from datasets.services.composing import change_data_source
from datasets.services.storage_accounting import measure, require_storage_left
from sharing.access import Actor
from sharing.errors import Invalid

from . import job_mails
from .converting_helping import threads
from .dataset_jobs import WorkOnDataset, asking, explained, opened, request_job, require_workable


def request_missing_mags(
    *,
    actor: Actor,
    dataset: Dataset,
    layer_name: str | None = None,
    coarsest: Mag | None = None,
    sampling: Sampling = Sampling.ANISOTROPIC,
) -> Job:
    """A job that adds what the layer, or each of them, lacks; for the dataset's editors.

    Raises Invalid where nothing is missing or can't be added.
    """
    require_workable(actor, dataset, Action.EDIT)
    require_storage_left(dataset.organization)
    arguments = {
        "layerName": layer_name,
        "coarsestMag": coarsest.literal if coarsest else None,
        "samplingMode": sampling.value,
    }
    with asking():
        if not _missing(opened(dataset), arguments):
            raise Invalid("No mag is missing.")
    return request_job(
        actor=actor, dataset=dataset, kind=Job.Kind.COMPUTE_MISSING_MAGS, arguments=arguments
    )


def run_missing_mags(run: Run) -> dict[str, Any]:
    """Make each mag and add it to the properties once it is whole."""
    work = WorkOnDataset(run, Action.EDIT)
    added: list[str] = []

    def publish(layer_name: str, mag: MagProperties) -> None:
        (made_of,) = work.opened.layers(layer_name)

        def with_mag(stored: DataSource) -> DataSource:
            _require_unchanged(made_of, stored.layer(layer_name))
            return with_mags(stored, layer_name, [mag])

        work.require_held()
        change_data_source(work.actor, work.dataset, with_mag)
        added.append(f"mag {mag.mag.literal} of layer '{layer_name}'")
        run.log(f"Added {added[-1]}.")

    with explained():
        missing = _missing(work.opened, work.arguments)
        add_mags(work.opened, missing, publish=publish, threads=threads(), report=work.report)
    work.report("Measuring storage")
    measure(work.dataset)
    return {"summary": f"Added {', '.join(added)}." if added else "No mag is missing."}


def _missing(dataset: OpenedDataset, arguments: dict[str, Any]) -> list[MissingMags]:
    coarsest = arguments["coarsestMag"]
    return missing_mags(
        dataset,
        layer_name=arguments["layerName"],
        coarsest=Mag.parse(coarsest) if coarsest else None,
        sampling=Sampling(arguments["samplingMode"]),
    )


def _require_unchanged(made_of: Layer, stored: Layer | None) -> None:
    """Raise ToolProblem where a mag that was made of the layer, as it was, fits it no more."""
    if (
        stored is None
        or stored.data_format != made_of.data_format
        or stored.bounding_box != made_of.bounding_box
        or any(mag not in stored.mags for mag in made_of.mags)
    ):
        raise ToolProblem(
            f"Layer '{made_of.name}' was renamed or changed while its mags were computed.",
            "Compute the missing mags again.",
        )


register(Job.Kind.COMPUTE_MISSING_MAGS, work=run_missing_mags, notify=job_mails.notify)
