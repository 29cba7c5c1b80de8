"""Jobs that find the largest segment id of a layer."""

from typing import Any

from conversion.models import Job
from conversion.runner import Run, register
from conversion.tools.largest_segment_id import find_largest_segment_id, require_segmentation
from datasets.access import Action, may
from datasets.models import Dataset
from datasets.properties import DataSource
from datasets.services.composing import change_data_source
from sharing.access import Actor
from sharing.errors import ServiceError

from .converting_helping import threads
from .dataset_jobs import WorkOnDataset, asking, explained, opened, request_job, require_workable


def request_largest_segment_id(*, actor: Actor, dataset: Dataset, layer_name: str) -> Job:
    """A job that finds it, for those who may view the dataset; for its editors it is also noted in
    the dataset's properties. Raises Invalid for a layer that is no segmentation.
    """
    require_workable(actor, dataset, Action.VIEW)
    with asking():
        require_segmentation(opened(dataset), layer_name)
    return request_job(
        actor=actor,
        dataset=dataset,
        kind=Job.Kind.FIND_LARGEST_SEGMENT_ID,
        arguments={"layerName": layer_name},
    )


def run_largest_segment_id(run: Run) -> dict[str, Any]:
    """Find it, and note it where its owner may edit the dataset."""
    work = WorkOnDataset(run, Action.VIEW)
    name: str = work.arguments["layerName"]
    with explained():
        largest = find_largest_segment_id(work.opened, name, threads=threads(), report=work.report)

    def noted(data_source: DataSource) -> DataSource:
        layers = tuple(
            layer.model_copy(update={"largest_segment_id": largest})
            if layer.name == name
            else layer
            for layer in data_source.layers
        )
        return data_source.model_copy(update={"layers": layers})

    summary = f"The largest segment id of layer '{name}' is {largest}."
    if may(work.actor, Action.EDIT, work.dataset):
        work.require_held()
        try:
            change_data_source(work.actor, work.dataset, noted)
        except ServiceError as error:
            return {
                "summary": f"{summary} It was not noted in the dataset: {error}",
                "value": largest,
                "has_trouble": True,
            }
        summary += " It stands in the dataset's properties now."
    return {"summary": summary, "value": largest}


register(Job.Kind.FIND_LARGEST_SEGMENT_ID, work=run_largest_segment_id)
