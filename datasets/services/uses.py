"""When each person last opened a dataset, in the viewer or by the API."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone

from datasets.models import Dataset, DatasetUse
from sharing.access import Actor

INTERVAL = timedelta(hours=1)

logger = logging.getLogger(__name__)


def note_use(*, actor: Actor, dataset: Dataset) -> None:
    """Remember that the actor opened the dataset, writing at most once an hour.

    Of visitors nothing is kept. The caller has seen that the actor may view the dataset, and does
    not fail if this can't be written.
    """
    if actor.user_id is None:
        return
    now = timezone.now()
    known = DatasetUse.objects.filter(dataset=dataset, user=actor.user_id)
    last = known.values_list("last", flat=True).first()
    if last is not None and last > now - INTERVAL:
        return
    try:
        with transaction.atomic():
            if last is not None:
                known.update(last=now)
            else:
                use = DatasetUse(dataset=dataset, user_id=actor.user_id, last=now)
                # Two requests at once: either says when.
                DatasetUse.objects.bulk_create([use], ignore_conflicts=True)
    except DatabaseError as error:  # it is busy, or the dataset was deleted meanwhile
        logger.info("the use of %s was not written down: %s", dataset.pk, error)


def last_uses(actor: Actor, datasets: Iterable[Dataset]) -> Mapping[str, datetime]:
    """When the actor last opened each of these datasets that they ever did, by id."""
    if actor.user_id is None:
        return {}
    uses = DatasetUse.objects.filter(user=actor.user_id, dataset__in=datasets)
    return dict(uses.values_list("dataset", "last"))
