"""The list: who finds what, in which order, on which page, at which price."""

from datetime import UTC, datetime, timedelta

import pytest

from datasets.models import Dataset, Tag
from datasets.services.listing import (
    COUNT_LIMIT,
    PAGE_SIZE,
    Cursor,
    Search,
    Show,
    list_datasets,
)
from sharing.access import actor_for
from tests.factories import make_dataset, make_folder, make_organization, make_team, make_user

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def names(page) -> list[str]:
    return [row.dataset.name for row in page.rows]


def tag(dataset: Dataset, *words: str) -> None:
    for word in words:
        entry, _ = Tag.objects.get_or_create(organization=dataset.organization, name=word)
        dataset.tags.add(entry)


def test_newest_come_first_and_pages_join_without_gap_or_overlap(lab, admin):
    total = 2 * PAGE_SIZE + 3
    for number in range(total):
        # Some share a moment: the id decides then.
        make_dataset(lab, name=f"d{number}", created=NOON + timedelta(seconds=number // 4))
    actor = actor_for(admin)
    expected = list(Dataset.objects.order_by("-created", "-id").values_list("name", flat=True))

    pages = [list_datasets(actor=actor, search=Search())]
    while pages[-1].next:
        pages.append(list_datasets(actor=actor, search=Search(), cursor=pages[-1].next))
    assert [name for page in pages for name in names(page)] == expected
    assert [len(page.rows) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 3]
    assert {page.total for page in pages} == {total}

    back = list_datasets(actor=actor, search=Search(), cursor=pages[2].previous)
    assert names(back) == names(pages[1])
    first = list_datasets(actor=actor, search=Search(), cursor=back.previous)
    assert names(first) == names(pages[0])
    assert first.previous is None


def test_all_words_must_occur_in_name_directory_or_tags(lab, admin):
    retina = make_dataset(lab, name="Mouse retina", directory_name="mr_1")
    make_dataset(lab, name="Mouse liver", directory_name="ml_1")
    tag(retina, "electron")
    actor = actor_for(admin)

    for text in ("RETINA", "mouse retina", "mr_1", "mouse elec"):
        assert names(list_datasets(actor=actor, search=Search(text=text))) == ["Mouse retina"], text
    assert not list_datasets(actor=actor, search=Search(text="retina liver")).rows
    found = list_datasets(actor=actor, search=Search(text=retina.pk.upper()))
    assert names(found) == ["Mouse retina"]


def test_a_search_of_thousands_of_words_takes_no_longer_than_one_of_twenty(lab, admin):
    make_dataset(lab, name="mouse retina")
    actor = actor_for(admin)
    text, tags = "mouse retina " * 3000, ("em",) * 3000
    assert names(list_datasets(actor=actor, search=Search(text=text))) == ["mouse retina"]
    assert not list_datasets(actor=actor, search=Search(text=text, tags=tags)).rows
    assert Dataset.objects.matching(text).get().name == "mouse retina"


def test_like_patterns_in_a_search_are_plain_characters(lab, admin):
    make_dataset(lab, name="a_b 100%")
    make_dataset(lab, name="axb 1000")
    actor = actor_for(admin)
    assert names(list_datasets(actor=actor, search=Search(text="a_b"))) == ["a_b 100%"]
    assert names(list_datasets(actor=actor, search=Search(text="100%"))) == ["a_b 100%"]


def test_several_tags_must_all_be_there(lab, admin):
    both, one = make_dataset(lab, name="both"), make_dataset(lab, name="one")
    tag(both, "em", "cortex")
    tag(one, "em")
    actor = actor_for(admin)
    assert names(list_datasets(actor=actor, search=Search(tags=("em", "cortex")))) == ["both"]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        (Show.REPORTED, {"ready", "waiting", "broken"}),
        (Show.ACTIVE, {"ready"}),
        (Show.UNREPORTED, {"gone", "deleted"}),
        (Show.ALL, {"ready", "waiting", "broken", "gone", "deleted"}),
    ],
)
def test_status_filters(lab, admin, show, expected):
    for name, status in (
        ("ready", ""),
        ("waiting", Dataset.Status.NOT_IMPORTED),
        ("broken", "Error: no layers"),
        ("gone", Dataset.Status.NO_LONGER_AVAILABLE),
        ("deleted", Dataset.Status.DELETED),
    ):
        make_dataset(lab, name=name, status=status)
    page = list_datasets(actor=actor_for(admin), search=Search(show=show))
    assert set(names(page)) == expected


def test_who_can_edit_nothing_sees_only_what_can_be_used(lab, member):
    make_dataset(lab, name="ready", is_public=True)
    make_dataset(lab, name="broken", is_public=True, status="Error: no layers")
    page = list_datasets(actor=actor_for(member), search=Search(show=Show.ALL))
    assert names(page) == ["ready"]


def test_strangers_find_public_datasets_only(lab):
    make_dataset(lab, name="ours")
    make_dataset(lab, name="everybody's", is_public=True)
    stranger = actor_for(make_user(make_organization(), is_admin=True))
    page = list_datasets(actor=stranger, search=Search())
    assert names(page) == ["everybody's"]
    assert not page.rows[0].may_edit


def test_a_row_says_where_the_dataset_lies_and_whether_it_may_be_edited(lab, admin):
    dataset = make_dataset(lab)
    dataset.folder = make_folder(make_folder(dataset.folder, "Mouse"), "Cortex")
    dataset.save()
    (row,) = list_datasets(actor=actor_for(admin), search=Search()).rows
    assert row.folders == ("Mouse", "Cortex")
    assert row.may_edit

    manager = make_user(lab)
    make_team(lab, managers=(manager,))
    (row,) = list_datasets(actor=actor_for(manager), search=Search()).rows
    assert row.may_edit  # no team was granted


def test_the_total_is_counted_up_to_a_limit(lab, admin, monkeypatch):
    monkeypatch.setattr("datasets.services.listing.COUNT_LIMIT", 3)
    for _ in range(5):
        make_dataset(lab)
    page = list_datasets(actor=actor_for(admin), search=Search())
    assert (page.total, page.is_more) == (3, True)
    assert COUNT_LIMIT == 1000


@pytest.mark.parametrize("text", ["", "after", "after.1.2", f"after.x.{'a' * 24}", "sideways.1.a"])
def test_a_damaged_cursor_is_none(text):
    assert Cursor.parse(text) is None


def test_a_cursor_survives_being_written(lab):
    for is_backwards in (False, True):
        cursor = Cursor(NOON.replace(microsecond=123457), "a" * 24, is_backwards)
        assert Cursor.parse(str(cursor)) == cursor


def test_a_page_of_fifty_costs_as_many_queries_as_a_page_of_one(
    lab, admin, signed_in, django_assert_num_queries
):
    client = signed_in(admin)

    def fill(count: int) -> None:
        folder = make_dataset(lab).folder
        for number in range(count):
            folder = make_folder(folder) if number % 10 == 0 else folder
            dataset = make_dataset(lab, folder=folder)
            tag(dataset, "em", f"tag {number}")
            dataset.layers.create(
                position=0, name="color", category="color", element_class="uint8", data_format="wkw"
            )

    fill(1)
    client.get("/")
    # Session, person, organization, teams; tags to filter by; count; page, tags, layers, which
    # may be edited, mags that can't be read, folders.
    with django_assert_num_queries(12):
        client.get("/")
    fill(PAGE_SIZE + 5)
    with django_assert_num_queries(12):
        response = client.get("/")
    assert response.content.count(b"data-row=") == PAGE_SIZE


def shown(response) -> str:
    return response.content.decode()


def test_an_empty_list_says_what_it_was_narrowed_to(lab, admin, signed_in):
    make_dataset(lab)
    client = signed_in(admin)
    missing = shown(client.get("/?show=unreported"))
    assert "No dataset is there under \u201cMissing\u201d" in missing
    assert "All words" not in missing
    assert "All words" in shown(client.get("/?q=nothing"))
    assert "every tag" in shown(client.get("/?tag=nothing"))
