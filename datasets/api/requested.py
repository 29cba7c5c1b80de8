"""The dataset that a request is about."""

from rest_framework.request import Request

from datasets.access import Action, dataset_for
from datasets.models import Dataset
from sharing.access import Actor
from sharing.api.actors import actor_from_request, user_of


def editable(request: Request, dataset_id: str) -> tuple[Actor, Dataset]:
    """Who asks, and the dataset, which they may edit."""
    user_of(request)
    actor = actor_from_request(request)
    return actor, dataset_for(actor, dataset_id, Action.EDIT)
