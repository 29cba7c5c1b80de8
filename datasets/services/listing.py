"""The list of datasets: what is searched for, one page of it, and what rows say of each dataset.

Pages are cut by key (created, id), not by offset, so that the hundredth page costs what the first
does, and the total is counted up to a limit only.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from datasets.models import Dataset, Layer, Mag, Tag
from datasets.models.dataset import MOST_WORDS, words_of
from sharing.access import Actor
from sharing.ids import ID_PATTERN

from .folder_paths import paths_of

PAGE_SIZE = 50
COUNT_LIMIT = 1000
_UNREPORTED = (Dataset.Status.NO_LONGER_AVAILABLE, Dataset.Status.DELETED)


class Show(StrEnum):
    """Which datasets a list holds, by their status."""

    REPORTED = "reported"
    ACTIVE = "active"
    UNREPORTED = "unreported"
    ALL = "all"


@dataclass(frozen=True)
class Search:
    """What to look for: every word and every tag must match."""

    text: str = ""
    show: Show = Show.REPORTED
    tags: tuple[str, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        """Whether it leaves out anything that a list would show by itself."""
        return self != Search()


@dataclass(frozen=True)
class Cursor:
    """A place in the list: just after the dataset with this key, or just before it."""

    created: datetime
    dataset_id: str
    is_backwards: bool = False

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The cursor that `str()` wrote; None for anything else."""
        direction, _, rest = text.partition(".")
        microseconds, _, dataset_id = rest.partition(".")
        if direction not in {"after", "before"} or not ID_PATTERN.fullmatch(dataset_id):
            return None
        try:
            created = datetime.fromtimestamp(int(microseconds) / 1_000_000, tz=UTC)
        except (ValueError, OverflowError, OSError):
            return None
        return cls(created, dataset_id, direction == "before")

    def __str__(self) -> str:
        # Whole microseconds: a float would lose the last of them.
        since = self.created - datetime.fromtimestamp(0, tz=UTC)
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        direction = "before" if self.is_backwards else "after"
        return f"{direction}.{microseconds}.{self.dataset_id}"


@dataclass(frozen=True)
class Row:
    """A dataset in the list. `folders` are the names from below the root down to its folder, or the
    root's alone. `is_own` says that it is one of the actor's organization: only there does one
    learn folders, and may get links to whatever one sees (datasets.access). `unreadable_mags` is
    how many of its mags can't be read.
    """

    dataset: Dataset
    folders: tuple[str, ...]
    may_edit: bool
    is_own: bool
    unreadable_mags: int


@dataclass(frozen=True)
class Page:
    """One page. `total` is exact up to COUNT_LIMIT; beyond, `is_more` holds."""

    rows: list[Row]
    total: int
    is_more: bool
    previous: Cursor | None = field(default=None)
    next: Cursor | None = field(default=None)


def list_datasets(*, actor: Actor, search: Search, cursor: Cursor | None = None) -> Page:
    """A page of the datasets that `actor` may view, newest first; a constant number of queries.

    Who can edit no dataset at all sees the ones that can be used, and no others.
    """
    found = matching(actor, search)
    counted = found.order_by()[: COUNT_LIMIT + 1].count()
    datasets, has_previous, has_next = _cut(_with_what_rows_show(found), cursor)
    return Page(
        rows=_rows(actor, datasets),
        total=min(counted, COUNT_LIMIT),
        is_more=counted > COUNT_LIMIT,
        previous=_at(datasets[0], is_backwards=True) if datasets and has_previous else None,
        next=_at(datasets[-1]) if datasets and has_next else None,
    )


def matching(actor: Actor, search: Search) -> QuerySet[Dataset]:
    """The datasets that `actor` may view and `search` asks for, newest first."""
    found = Dataset.objects.visible_to(actor)
    show = search.show if _may_edit_any(actor) else Show.ACTIVE
    if show is Show.ACTIVE:
        found = found.filter(status="")
    elif show is Show.REPORTED:
        found = found.exclude(status__in=_UNREPORTED)
    elif show is Show.UNREPORTED:
        found = found.filter(status__in=_UNREPORTED)
    for name in search.tags[:MOST_WORDS]:
        found = found.filter(Exists(_tagged(Q(name=name))))
    words = words_of(search.text)
    if len(words) == 1 and ID_PATTERN.fullmatch(words[0].lower()):
        return found.filter(pk=words[0].lower())
    for word in words:
        found = found.filter(
            Q(name__icontains=word)
            | Q(directory_name__icontains=word)
            | Exists(_tagged(Q(name__icontains=word)))
        )
    return found


def tags_of(actor: Actor) -> list[str]:
    """The tags that the actor can filter by: those of their organization."""
    if actor.organization_id is None:
        return []
    tags = Tag.objects.filter(organization=actor.organization_id)
    return list(tags.values_list("name", flat=True))


def unreadable_mags(dataset_ids: Collection[str]) -> dict[str, int]:
    """How many mags of these datasets can't be read, of those that have any; one query."""
    lost = Mag.objects.filter(layer__dataset__in=dataset_ids).exclude(problem="").order_by()
    return dict(lost.values_list("layer__dataset").annotate(Count("pk")))


def _tagged(condition: Q) -> QuerySet[Tag]:
    return Tag.objects.filter(condition, datasets=OuterRef("pk"))


def _may_edit_any(actor: Actor) -> bool:
    return actor.manages_datasets_of(actor.organization_id) or actor.is_team_manager


def _with_what_rows_show(found: QuerySet[Dataset]) -> QuerySet[Dataset]:
    layers = Layer.objects.only(
        *("dataset", "position", "name", "category"),
        *("min_x", "min_y", "min_z", "width", "height", "depth"),
        *("default_view_configuration", "admin_view_configuration"),
    )
    return (
        found.select_related("organization")
        .prefetch_related("tags", Prefetch("layers", layers))
        .defer("raw_properties", "inferred_properties", "pending_properties", "extra_properties")
    )


def _cut(found: QuerySet[Dataset], cursor: Cursor | None) -> tuple[list[Dataset], bool, bool]:
    """The datasets of one page, and whether there is something before and after it."""
    is_backwards = cursor is not None and cursor.is_backwards
    ordered = found.order_by("created", "id") if is_backwards else found.order_by("-created", "-id")
    if cursor is not None:
        created, dataset_id = cursor.created, cursor.dataset_id
        if is_backwards:
            beyond = Q(created__gt=created) | Q(id__gt=dataset_id)
            ordered = ordered.filter(beyond, created__gte=created)
        else:
            beyond = Q(created__lt=created) | Q(id__lt=dataset_id)
            ordered = ordered.filter(beyond, created__lte=created)
    one_more = list(ordered[: PAGE_SIZE + 1])
    datasets, is_cut = one_more[:PAGE_SIZE], len(one_more) > PAGE_SIZE
    if is_backwards:
        return datasets[::-1], is_cut, True
    return datasets, cursor is not None, is_cut


def _at(dataset: Dataset, *, is_backwards: bool = False) -> Cursor:
    return Cursor(dataset.created, dataset.pk, is_backwards)


def _rows(actor: Actor, datasets: list[Dataset]) -> list[Row]:
    ids = [dataset.pk for dataset in datasets]
    editable = set(
        Dataset.objects.editable_by(actor).filter(pk__in=ids).values_list("pk", flat=True)
    )
    lost = unreadable_mags(ids)
    folders = paths_of({dataset.folder_id for dataset in datasets})
    rows = []
    for dataset in datasets:
        is_own = actor.belongs_to(dataset.organization_id)
        path = _from_below_root(folders[dataset.folder_id]) if is_own else ()
        row = Row(
            dataset,
            path,
            may_edit=dataset.pk in editable,
            is_own=is_own,
            unreadable_mags=lost.get(dataset.pk, 0),
        )
        rows.append(row)
    return rows


def _from_below_root(path: tuple[str, ...]) -> tuple[str, ...]:
    return path[1:] or path
