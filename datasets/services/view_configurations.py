"""How a dataset is shown: what the file, the dataset's editors and each person want of it.

datasets.properties.view knows the keys and who overrides whom; this module stores them.
"""

from dataclasses import dataclass
from typing import Any

from datasets.access import Action, require
from datasets.models import Dataset, DatasetViewConfiguration
from datasets.properties import view
from datasets.properties.colors import Color, default_colors
from datasets.services import data_source
from sharing.access import Actor
from sharing.errors import NotSignedIn

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What the viewer needs: the person's view, everybody's default, the colours of channels.

    Unlike the API's answer, layers that could not be told apart have colours of their own.
    """

    own: JsonObject
    default: JsonObject
    channel_colors: dict[str, list[Color]]


def shown(*, actor: Actor, dataset: Dataset) -> Shown:
    """The view configurations of one dataset, coloured for eyes."""
    require(actor, Action.VIEW, dataset)
    source = data_source.load(dataset)
    saved = dataset.admin_view_configuration or {}
    colors = default_colors(source, saved)
    own = _own(actor, dataset)

    def coloured(user: JsonObject) -> JsonObject:
        configuration = view.resolve(source, saved, user)
        chosen = view.clean(user).get("layers", {})
        for name, channels in colors.items():
            if len(channels) == 1 and "color" not in chosen.get(name, {}):
                configuration["layers"][name]["color"] = list(channels[0])
        return configuration

    return Shown(own=coloured(own), default=coloured({}), channel_colors=colors)


def resolved(*, actor: Actor, dataset: Dataset) -> JsonObject:
    """The complete view configuration for this person."""
    require(actor, Action.VIEW, dataset)
    return _resolve(dataset, _own(actor, dataset))


def default(*, actor: Actor, dataset: Dataset) -> JsonObject:
    """The complete view configuration for somebody who has changed nothing."""
    require(actor, Action.VIEW, dataset)
    return _resolve(dataset, None)


def save_own(*, actor: Actor, dataset: Dataset, configuration: JsonObject) -> None:
    """Keep what this person wants otherwise than the default; raises NotSignedIn for a visitor."""
    require(actor, Action.VIEW, dataset)
    DatasetViewConfiguration.objects.update_or_create(
        dataset=dataset,
        user_id=_user_id(actor),
        defaults={"configuration": view.clean(configuration)},
    )


def reset_own(*, actor: Actor, dataset: Dataset) -> None:
    """Forget what this person wants: they see the default again."""
    require(actor, Action.VIEW, dataset)
    DatasetViewConfiguration.objects.filter(dataset=dataset, user=_user_id(actor)).delete()


def save_default(*, actor: Actor, dataset: Dataset, configuration: JsonObject) -> None:
    """Make `configuration` the default for everybody; it wins over the properties file's."""
    require(actor, Action.EDIT, dataset)
    data_source.change(dataset, admin_view_configuration=view.clean(configuration))


def _own(actor: Actor, dataset: Dataset) -> JsonObject:
    if actor.is_anonymous:
        return {}
    own = DatasetViewConfiguration.objects.filter(dataset=dataset, user=actor.user_id).first()
    return own.configuration if own else {}


def _resolve(dataset: Dataset, own: JsonObject | None) -> JsonObject:
    return view.resolve(data_source.load(dataset), dataset.admin_view_configuration or {}, own)


def _user_id(actor: Actor) -> str:
    if actor.user_id is None:
        raise NotSignedIn("Sign in to keep your own view of a dataset.")
    return actor.user_id
