"""Jobs that write a dataset's layers in another format, chunk or shard shape, or codec.

The new data grows beside the old. Each layer changes over in one transaction, which moves the old
data into the trash, if no other dataset uses it; so there is no moment without data.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from conversion.models import Job
from conversion.pipeline.zarr_array import METADATA_NAME
from conversion.pipeline.zstd import ZstdProfile
from conversion.runner import Run, register
from conversion.tools.progress import Meter
from conversion.tools.rewriting import Form, copied_bytes, is_rewritten, rewrite_layer, settle
from datasets.access import Action, not_found, require
from datasets.disk.places import find_places, record_places
from datasets.models import Dataset
from datasets.properties import DataFormat, DataSource, Layer
from datasets.services import emptying
from datasets.services.data_source import load, problems, store
from datasets.services.data_source_edit import remove_unused
from datasets.services.settings_file import noticing_changes, publish, require_unchanged
from datasets.services.storage_accounting import measure, require_storage_left
from datasets.storage import local, trash
from sharing.access import Actor
from sharing.errors import Conflict, Invalid

from . import job_mails
from .converting_helping import threads
from .dataset_jobs import WorkOnDataset, asking, explained, opened, request_job, require_workable


def request_rewriting(
    *, actor: Actor, dataset: Dataset, form: Form, layer_name: str | None = None
) -> Job:
    """A job that writes the layer, or all of them, anew in this form; for the dataset's editors.

    Raises Invalid for a layer that there is not.
    """
    require_workable(actor, dataset, Action.EDIT)
    require_storage_left(dataset.organization)
    with asking():
        opened(dataset).layers(layer_name)
    arguments = {
        "layerName": layer_name,
        "dataFormat": form.data_format.value,
        "chunkShape": list(form.chunk_shape),
        "shardShape": list(form.shard_shape),
        "profile": form.profile.value,
    }
    return request_job(
        actor=actor, dataset=dataset, kind=Job.Kind.CHANGE_FORMAT, arguments=arguments
    )


def run_rewriting(run: Run) -> dict[str, Any]:
    """Write layer after layer; those that an earlier attempt has done are passed over."""
    work = WorkOnDataset(run, Action.EDIT)
    form = form_of(work.arguments)
    with explained():
        wanted = work.opened.layers(work.arguments["layerName"])
        layers = [layer for layer in wanted if not is_rewritten(work.opened, layer, form)]
        total = sum(copied_bytes(mag) for layer in layers for mag in work.opened.mags(layer))
        meter = Meter(work.report, total)
        for layer in layers:
            rewritten = rewrite_layer(work.opened, layer, form, threads=threads(), meter=meter)
            work.require_held()
            _change_over(work.actor, work.dataset, layer, rewritten)
            run.log(f"Layer '{layer.name}' is stored as {form.data_format.value} now.")
    work.report("Measuring storage")
    measure(work.dataset)
    now = opened(work.dataset)
    for layer in wanted:
        settle(now, now.layers(layer.name)[0])
    names = ", ".join(f"'{layer.name}'" for layer in wanted)
    return {"summary": f"Stored as {form.data_format.value} now: {names}."}


def form_of(arguments: Mapping[str, Any]) -> Form:
    """The form that a job's arguments describe. Raises ToolProblem for one that there is not."""
    x, y, z = arguments["chunkShape"]
    a, b, c = arguments["shardShape"]
    data_format = DataFormat(arguments["dataFormat"])
    if data_format not in (DataFormat.ZARR3, DataFormat.WKW):
        raise Invalid(f"{data_format.value} can't be written; choose zarr3 or wkw.")
    return Form(data_format, (x, y, z), (a, b, c), ZstdProfile(arguments["profile"]))


def _change_over(actor: Actor, dataset: Dataset, before: Layer, after: Layer) -> None:
    """Let the dataset use the rewritten layer instead of what it has read."""
    directory = local.dataset_directory(dataset)
    organization_directories = local.organization_directories(dataset.organization_id)
    with (
        noticing_changes(dataset),
        trash.Removal(organization_directories) as removal,
        transaction.atomic(),
    ):
        locked = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk).first()
        if locked is None:
            raise not_found(actor)
        require(actor, Action.EDIT, locked)
        require_unchanged(locked)
        data_source = _replaced(load(locked), before, after)
        if found := problems(data_source):
            raise Invalid(*found)
        store(locked, data_source)
        record_places(locked, find_places(directory, data_source))
        remove_unused(locked, _old_paths(directory, before), removal)
        publish(locked, data_source)
        emptying.empty_after_commit(dataset.organization_id, removal)
    dataset.refresh_from_db()


def _replaced(data_source: DataSource, before: Layer, after: Layer) -> DataSource:
    """The data source with what is new of the layer; what else people changed meanwhile stays."""
    stored = data_source.layer(before.name)
    if stored is None or (stored.mags, stored.data_format) != (before.mags, before.data_format):
        raise Conflict(f"Layer '{before.name}' was changed meanwhile. Retry.")
    new = {name: getattr(after, name) for name in ("data_format", "mags", "additional_axes")}
    changed = stored.model_copy(update=new)
    layers = tuple(changed if layer is stored else layer for layer in data_source.layers)
    return data_source.model_copy(update={"layers": layers})


def _old_paths(directory: Path, layer: Layer) -> list[str]:
    """Where the layer's mags lay, and the Zarr group around them, of which nothing is left."""
    paths = [
        path
        for mag in layer.mags
        for path in ([mag.path] if mag.path else layer.default_mag_paths(mag.mag))
    ]
    groups = {str(Path(path).parent) for path in paths} - {".", "/"}
    return [*paths, *(f"{group}/{METADATA_NAME}" for group in sorted(groups))]


register(Job.Kind.CHANGE_FORMAT, work=run_rewriting, notify=job_mails.notify)
