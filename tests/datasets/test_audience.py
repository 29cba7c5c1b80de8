"""The derived table of readers: always what the grants say, whatever changed and how."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.models import (
    Dataset,
    DatasetGroupObjectPermission,
    DatasetTeam,
    Folder,
    FolderGroupObjectPermission,
)
from datasets.properties import DataSource
from datasets.services import audience
from datasets.services.audience import READ_DATASET, READ_FOLDER
from datasets.services.data_source import store
from datasets.services.dataset_teams import set_allowed_teams
from datasets.services.editing import update_dataset
from datasets.services.folders import root_of
from sharing.access import actor_for
from sharing.grants import granted_teams, set_teams
from sharing.models import Organization, Team
from tests.datasets.api.conftest import some_layer, some_source
from tests.factories import make_dataset, make_folder, make_organization, make_team, make_user

pytestmark = pytest.mark.django_db

needs_row_locks = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite runs one writer at a time"
)


def pairs() -> set[tuple[str, str]]:
    return set(DatasetTeam.objects.values_list("dataset_id", "team_id"))


def recomputed() -> set[tuple[str, str]]:
    """The same without cleverness: climb from every dataset to the root."""
    team_of = {team.group_id: team.pk for team in Team.objects.all()}
    on_dataset = [
        (grant.content_object_id, team_of[grant.group_id])
        for grant in DatasetGroupObjectPermission.objects.all()
    ]
    on_folder = [
        (grant.content_object_id, team_of[grant.group_id])
        for grant in FolderGroupObjectPermission.objects.all()
    ]
    found = set(on_dataset)
    for dataset in Dataset.objects.all():
        folder: Folder | None = dataset.folder
        while folder is not None:
            found |= {(dataset.pk, team) for folder_id, team in on_folder if folder_id == folder.pk}
            folder = folder.parent
    return found


def teams_reading(dataset: Dataset) -> set[Team]:
    return set(Team.objects.filter(pk__in=dataset.audience.values("team")))


@pytest.fixture
def lab() -> Organization:
    return make_organization()


index = st.integers(min_value=0, max_value=7)
change = st.tuples(
    st.sampled_from(
        [
            "add folder",
            "add dataset",
            "grant folder",
            "grant dataset",
            "move folder",
            "move dataset",
            "delete team",
            "delete dataset",
        ]
    ),
    index,
    index,
    st.sets(index, max_size=3),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(change, min_size=1, max_size=14))
def test_after_any_changes_the_table_equals_a_naive_recomputation(
    changes: list[tuple[str, int, int, set[int]]],
) -> None:
    with transaction.atomic():
        lab = make_organization()
        for number in range(3):
            make_team(lab)
            make_dataset(lab, folder=make_folder(root_of(lab), f"start {number}"))
        for what, one, other, several in changes:
            _apply(lab, what, one, other, several)
            assert pairs() == recomputed(), what
        assert not list(audience.differences())
        transaction.set_rollback(True)


def _apply(lab: Organization, what: str, one: int, other: int, several: set[int]) -> None:
    folders = list(Folder.objects.order_by("created", "pk"))
    datasets = list(Dataset.objects.order_by("created", "pk"))
    teams = list(Team.objects.order_by("created", "pk"))
    folder, target = folders[one % len(folders)], folders[other % len(folders)]
    dataset = datasets[one % len(datasets)] if datasets else None
    chosen = {teams[number % len(teams)] for number in several}
    match what:
        case "add folder":
            make_folder(folder)
        case "add dataset":
            make_dataset(lab, folder=folder)
        case "grant folder":
            set_teams(folder, READ_FOLDER, chosen)
        case "grant dataset" if dataset:
            set_teams(dataset, READ_DATASET, chosen)
        case "move folder" if folder.parent and folder not in _chain(target):
            folder.parent = target
            folder.save()
        case "move dataset" if dataset:
            dataset.folder = target
            dataset.save()
        case "delete team" if not teams[one % len(teams)].is_default:
            teams[one % len(teams)].delete()
        case "delete dataset" if dataset:
            dataset.delete()


def _chain(folder: Folder) -> list[Folder]:
    return [folder, *(_chain(folder.parent) if folder.parent else [])]


def test_moving_a_folder_gives_and_takes_for_everything_below_it(lab: Organization) -> None:
    old, new = make_team(lab), make_team(lab)
    before, after = make_folder(root_of(lab)), make_folder(root_of(lab))
    set_teams(before, READ_FOLDER, [old])
    set_teams(after, READ_FOLDER, [new])
    moving = make_folder(before)
    dataset = make_dataset(lab, folder=make_folder(moving))
    assert teams_reading(dataset) == {old}
    moving.parent = after
    moving.save()
    assert teams_reading(dataset) == {new}


def test_an_empty_list_on_a_child_revokes_nothing(lab: Organization) -> None:
    team = make_team(lab)
    parent = make_folder(root_of(lab))
    set_teams(parent, READ_FOLDER, [team])
    child = make_folder(parent)
    set_teams(child, READ_FOLDER, [])
    assert teams_reading(make_dataset(lab, folder=child)) == {team}


def test_a_team_that_is_granted_twice_reads_until_both_grants_are_gone(lab: Organization) -> None:
    team = make_team(lab)
    folder = make_folder(root_of(lab))
    dataset = make_dataset(lab, folder=folder)
    set_teams(folder, READ_FOLDER, [team])
    set_teams(dataset, READ_DATASET, [team])
    set_teams(folder, READ_FOLDER, [])
    assert teams_reading(dataset) == {team}
    set_teams(dataset, READ_DATASET, [])
    assert teams_reading(dataset) == set()


def test_a_deleted_team_takes_its_grants_on_datasets_and_folders_with_it(lab: Organization) -> None:
    team, staying = make_team(lab), make_team(lab)
    folder = make_folder(root_of(lab))
    dataset = make_dataset(lab, folder=folder)
    set_teams(folder, READ_FOLDER, [team, staying])
    set_teams(dataset, READ_DATASET, [team])
    team.delete()
    assert teams_reading(dataset) == {staying}
    assert set(granted_teams(folder, READ_FOLDER)) == {staying}
    assert not granted_teams(dataset, READ_DATASET).exists()


def test_a_dataset_that_is_granted_itself_and_by_its_folder_can_be_deleted(
    lab: Organization,
) -> None:
    team = make_team(lab)
    folder = make_folder(root_of(lab))
    dataset = make_dataset(lab, folder=folder)
    set_teams(folder, READ_FOLDER, [team])
    set_teams(dataset, READ_DATASET, [team])
    dataset.delete()
    assert pairs() == set()


def test_a_stale_copy_of_a_dataset_does_not_bring_back_its_old_folders_readers(
    lab: Organization,
) -> None:
    team = make_team(lab)
    folder = make_folder(root_of(lab))
    set_teams(folder, READ_FOLDER, [team])
    dataset = make_dataset(lab, folder=folder)
    stale = Dataset.objects.get(pk=dataset.pk)
    dataset.folder = root_of(lab)
    dataset.save()
    assert teams_reading(dataset) == set()
    stale.status = "Not imported yet."
    stale.save(update_fields=["status"])
    assert teams_reading(dataset) == set()


@pytest.mark.django_db(transaction=True)
@needs_row_locks
def test_a_dataset_moved_into_a_folder_while_a_team_loses_it_is_not_left_open_to_the_team() -> None:
    lab = make_organization()
    team = make_team(lab)
    folder = make_folder(root_of(lab))
    set_teams(folder, READ_FOLDER, [team])
    dataset = make_dataset(lab)

    def move() -> None:
        dataset.folder = folder
        dataset.save()
        connection.close()

    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            set_teams(folder, READ_FOLDER, [])
            moving = elsewhere.submit(move)
            while not moving.done() and not _somebody_waits_for_a_lock():
                pass
        moving.result()
    assert not Folder.objects.filter(pk=folder.pk, datasets=None).exists()
    assert pairs() == set()


@pytest.mark.django_db(transaction=True)
@needs_row_locks
@pytest.mark.parametrize("deed", ["edit", "teams"])
def test_a_change_of_a_dataset_and_one_of_its_readers_wait_for_each_other_in_no_circle(
    deed: str,
) -> None:
    lab = make_organization()
    actor = actor_for(make_user(lab, is_admin=True))
    team, dataset = make_team(lab), make_dataset(lab)

    def change() -> None:
        try:
            if deed == "edit":
                update_dataset(actor=actor, dataset=dataset, changes={"name": "New name"})
            else:
                set_allowed_teams(actor=actor, dataset=dataset, team_ids=[])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            audience.refresh_below(root_of(lab))
            changing = elsewhere.submit(change)
            while not changing.done() and not _somebody_waits_for_a_lock():
                pass
            set_allowed_teams(actor=actor, dataset=Dataset.objects.get(), team_ids=[team.pk])
        changing.result()
    assert teams_reading(dataset) == ({team} if deed == "edit" else set())


@pytest.mark.django_db(transaction=True)
@needs_row_locks
def test_a_dataset_whose_data_source_is_written_holds_up_no_change_of_its_readers() -> None:
    lab = make_organization()
    team, dataset = make_team(lab), make_dataset(lab)

    def grant() -> None:
        try:
            set_teams(root_of(lab), READ_FOLDER, [team])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        store(dataset, DataSource.model_validate(some_source(some_layer())))
        elsewhere.submit(grant).result(timeout=30)
    assert teams_reading(dataset) == {team}


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_refreshing_does_not_ask_once_per_dataset(
    lab: Organization, django_assert_max_num_queries: Callable[..., object]
) -> None:
    team = make_team(lab)
    folder = make_folder(make_folder(root_of(lab)))
    for _ in range(30):
        make_dataset(lab, folder=folder)
    set_teams(folder, READ_FOLDER, [team])
    DatasetTeam.objects.all().delete()
    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        assert audience.refresh_below(root_of(lab)) == 30
    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        assert audience.refresh(Dataset.objects.all()) == 0


def _check_audience(*arguments: str) -> str:
    output = StringIO()
    call_command("check_audience", *arguments, stdout=output)
    return output.getvalue()


def test_the_check_names_wrong_pairs_and_repairs_them_on_request(lab: Organization) -> None:
    reading, intruding = make_team(lab), make_team(lab)
    dataset = make_dataset(lab)
    set_teams(dataset, READ_DATASET, [reading])
    assert "agree" in _check_audience()

    DatasetTeam.objects.all().delete()
    DatasetTeam.objects.create(dataset=dataset, team=intruding)
    with pytest.raises(CommandError, match=r"2 pairs differ.*--repair"):
        _check_audience()
    assert teams_reading(dataset) == {intruding}

    report = _check_audience("--repair")
    assert f"team {reading.pk} should read dataset {dataset.pk}, but does not" in report
    assert f"team {intruding.pk} reads dataset {dataset.pk}, but should not" in report
    assert "Repaired 2 pairs." in report
    assert teams_reading(dataset) == {reading}
    assert "agree" in _check_audience()
