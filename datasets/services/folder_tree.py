"""The folders that somebody sees: those they may view, and the way down to what they may view.

A folder that only leads to something is a breadcrumb: its name and place are told, and nothing else
of it. Who may view what is decided in datasets.access; here it is asked of a whole tree at once.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from datasets.access import FOLDER_RULES, Action, Audience, allows, may, not_found
from datasets.models import Dataset, Folder, FolderGroupObjectPermission
from sharing.access import Actor
from sharing.models import Organization

from .audience import READ_FOLDER
from .folders import root_of


@dataclass(frozen=True)
class Node:
    """A folder as somebody sees it; one that they may not view is a breadcrumb."""

    folder: Folder
    may_view: bool
    may_edit: bool


def tree_of(actor: Actor, organization: Organization) -> list[Node]:
    """What `actor` sees of the organization's tree, in a constant number of queries.

    Parents come before their children, siblings by name. Everybody of the organization sees the
    root, at least as a breadcrumb.
    """
    root = root_of(organization)
    children: dict[str | None, list[Folder]] = defaultdict(list)
    for folder in Folder.objects.filter(organization=organization).order_by("name", "pk"):
        children[folder.parent_id].append(folder)
    nodes = _judged(actor, root, children)
    shown = _shown(actor, root, nodes)
    return [node for node in nodes if node.folder.pk in shown]


def node_for(actor: Actor, folder_id: str) -> Node:
    """The folder with this id as `actor` sees it; NotFound alike for hidden and missing ones."""
    folder = Folder.objects.filter(pk=folder_id).first()
    if folder is None or not actor.belongs_to(folder.organization_id):
        raise not_found(actor)
    node = node_of(actor, folder)
    if node.may_view or folder.parent_id is None or _leads_somewhere(actor, folder):
        return node
    raise not_found(actor)


def node_of(actor: Actor, folder: Folder) -> Node:
    """The folder as it is told to `actor`, who knows of it."""
    return Node(
        folder,
        may_view=may(actor, Action.VIEW, folder),
        may_edit=may(actor, Action.EDIT, folder),
    )


def _leads_somewhere(actor: Actor, folder: Folder) -> bool:
    """Whether `actor` may view anything below the folder, which they may not view itself."""
    below = list(Folder.objects.subtree_of(folder.pk).values_list("pk", flat=True))
    if Dataset.objects.visible_to(actor).filter(folder__in=below).exists():
        return True
    # Each team opens a folder alone, so all of them can be asked about together.
    teams = _grants(folder.organization_id).filter(content_object__in=below)
    audience = Audience(
        organization_id=folder.organization_id,
        team_ids=frozenset(teams.values_list("group__team", flat=True)),
    )
    return allows(FOLDER_RULES[Action.VIEW], actor, audience)


def _grants(organization_id: str) -> QuerySet[FolderGroupObjectPermission]:
    """What says which teams may read which folder of the organization."""
    return FolderGroupObjectPermission.objects.filter(
        content_object__organization=organization_id,
        permission__codename=READ_FOLDER,
        group__team__isnull=False,
    )


def _judged(actor: Actor, root: Folder, children: dict[str | None, list[Folder]]) -> list[Node]:
    """Every folder below the root, parents first, with what `actor` may do to it."""
    granted: dict[str, set[str]] = defaultdict(set)
    for folder_id, team_id in _grants(root.organization_id).values_list(
        "content_object_id", "group__team"
    ):
        granted[folder_id].add(team_id)
    judgements: dict[frozenset[str], tuple[bool, bool]] = {}
    nodes = []
    pending: list[tuple[Folder, frozenset[str]]] = [(root, frozenset())]
    while pending:
        folder, inherited = pending.pop()
        teams = inherited | granted[folder.pk] if folder.pk in granted else inherited
        if teams not in judgements:
            audience = Audience(organization_id=folder.organization_id, team_ids=teams)
            judgements[teams] = (
                allows(FOLDER_RULES[Action.VIEW], actor, audience),
                allows(FOLDER_RULES[Action.EDIT], actor, audience),
            )
        may_view, may_edit = judgements[teams]
        nodes.append(Node(folder, may_view=may_view, may_edit=may_edit))
        pending += [(child, teams) for child in reversed(children[folder.pk])]
    return nodes


def _shown(actor: Actor, root: Folder, nodes: Iterable[Node]) -> set[str]:
    """The ids of the folders that `actor` may view or that lead to what they may view."""
    shown = {node.folder.pk for node in nodes if node.may_view}
    parent_of = {node.folder.pk: node.folder.parent_id for node in nodes}
    if len(shown) == len(parent_of):
        return shown
    datasets = Dataset.objects.visible_to(actor).filter(organization=root.organization_id)
    ends = shown | {root.pk} | set(datasets.order_by().values_list("folder", flat=True).distinct())
    on_the_way: set[str] = set()
    for end in ends:
        step: str | None = end
        while step is not None and step not in on_the_way:
            on_the_way.add(step)
            step = parent_of.get(step)
    return on_the_way
