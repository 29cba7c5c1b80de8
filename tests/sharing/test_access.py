"""Who may do what with people, as one table; and who sees whom."""

import pytest

from sharing.access import (
    ANONYMOUS,
    Actor,
    PeopleAction,
    PeopleSubject,
    actor_for,
    may,
    require,
)
from sharing.errors import NotAllowed, NotFound
from sharing.models import User
from tests.factories import make_organization, make_team, make_user

# "own" is the team that the person is in and, where they manage one, manages; "joined" is one that
# they are in without managing it; "everybody's" is the default team.
_TEAMS = frozenset({"own", "joined", "everybody's"})
ACTORS = {
    "anonymous": ANONYMOUS,
    "stranger": Actor("s", "elsewhere", is_admin=True, team_ids=frozenset({"theirs"})),
    "member": Actor("m", "lab", team_ids=_TEAMS),
    "manager": Actor("t", "lab", team_ids=_TEAMS, managed_team_ids=frozenset({"own"})),
    "datasets": Actor("d", "lab", is_dataset_manager=True, team_ids=_TEAMS),
    "admin": Actor("a", "lab", is_admin=True, team_ids=frozenset({"everybody's"})),
    "superuser": Actor("o", None, is_superuser=True),
}
SUBJECTS = {
    "own team": PeopleSubject("lab", "own"),
    "joined team": PeopleSubject("lab", "joined"),
    "other team": PeopleSubject("lab", "other"),
    "everybody's": PeopleSubject("lab", "everybody's", is_default_team=True),
    "the lab": PeopleSubject("lab"),
    "a person": PeopleSubject("lab"),
    "themselves": PeopleSubject("lab", user_id="m"),
    "an operator": PeopleSubject("lab", is_operator=True),
    "elsewhere": PeopleSubject("elsewhere", "theirs"),
    "nowhere": PeopleSubject(None),
}

TABLE = """
action               about        anonymous stranger member manager datasets admin superuser
SEE_TEAMMATES        own team     -         -        yes    yes     yes      yes   yes
SEE_TEAMMATES        joined team  -         -        yes    yes     yes      yes   yes
SEE_TEAMMATES        other team   -         -        -      yes     yes      yes   yes
SEE_TEAMMATES        everybody's  -         -        -      yes     yes      yes   yes
SEE_TEAMMATES        elsewhere    -         yes      -      -       -        -     yes
CHANGE_TEAM_MEMBERS  own team     -         -        -      yes     -        yes   yes
CHANGE_TEAM_MEMBERS  joined team  -         -        -      -       -        yes   yes
CHANGE_TEAM_MEMBERS  other team   -         -        -      -       -        yes   yes
CHANGE_TEAM_MEMBERS  everybody's  -         -        -      -       -        yes   yes
CHANGE_TEAM_MEMBERS  elsewhere    -         yes      -      -       -        -     yes
CREATE_TEAM          the lab      -         -        -      -       -        yes   yes
CREATE_TEAM          elsewhere    -         yes      -      -       -        -     yes
DELETE_TEAM          own team     -         -        -      -       -        yes   yes
DELETE_TEAM          other team   -         -        -      -       -        yes   yes
DELETE_TEAM          elsewhere    -         yes      -      -       -        -     yes
RENAME               a person     -         -        -      -       -        yes   yes
RENAME               themselves   -         -        yes    -       -        yes   yes
RENAME               an operator  -         -        -      -       -        -     yes
RENAME               elsewhere    -         yes      -      -       -        -     yes
GRANT_ROLES          a person     -         -        -      -       -        yes   yes
GRANT_ROLES          an operator  -         -        -      -       -        -     yes
GRANT_ROLES          elsewhere    -         yes      -      -       -        -     yes
INVITE               the lab      -         -        -      -       -        yes   yes
INVITE               elsewhere    -         yes      -      -       -        -     yes
DEACTIVATE_USER      a person     -         -        -      -       -        yes   yes
DEACTIVATE_USER      an operator  -         -        -      -       -        -     yes
DEACTIVATE_USER      elsewhere    -         yes      -      -       -        -     yes
ADMINISTER           the lab      -         -        -      yes     -        yes   yes
ADMINISTER           elsewhere    -         yes      -      -       -        -     yes
ADMINISTER           nowhere      -         -        -      -       -        -     -
"""


def _rows() -> list[tuple[str, str, dict[str, str]]]:
    _, header, *lines = TABLE.splitlines()
    roles = header.split()[2:]
    return [
        (line[:21].strip(), line[21:34].strip(), dict(zip(roles, line[34:].split(), strict=True)))
        for line in lines
    ]


@pytest.mark.parametrize(
    ("action", "about", "expected"), _rows(), ids=[f"{a} {b}" for a, b, _ in _rows()]
)
def test_the_table_of_people_rules(action: str, about: str, expected: dict[str, str]) -> None:
    actual = {
        role: "yes" if may(actor, PeopleAction[action], SUBJECTS[about]) else "-"
        for role, actor in ACTORS.items()
    }
    assert actual == expected


def test_the_table_holds_every_action() -> None:
    assert {action for action, _, _ in _rows()} == set(PeopleAction.__members__)


def test_a_stranger_is_told_that_nothing_is_there_and_an_insider_that_it_is_not_allowed() -> None:
    with pytest.raises(NotFound):
        require(ACTORS["stranger"], PeopleAction.CREATE_TEAM, SUBJECTS["the lab"])
    with pytest.raises(NotFound):
        require(ANONYMOUS, PeopleAction.CREATE_TEAM, SUBJECTS["the lab"])
    with pytest.raises(NotAllowed, match="not allowed to create a team"):
        require(ACTORS["member"], PeopleAction.CREATE_TEAM, SUBJECTS["the lab"])


@pytest.mark.django_db
def test_the_actor_behind_a_person_takes_one_query(django_assert_num_queries: object) -> None:
    lab = make_organization()
    user = make_user(lab)
    for _ in range(3):
        make_team(lab, members=(user,))
    user = User.objects.get(pk=user.pk)
    with django_assert_num_queries(1):  # type: ignore[operator]
        actor = actor_for(user)
    assert len(actor.team_ids) == 4
    assert not actor.is_team_manager


@pytest.mark.django_db
def test_a_deactivated_person_is_nobody_but_keeps_their_links() -> None:
    user = make_user(make_organization(), is_admin=True, is_active=False)
    assert actor_for(user, link_digests=frozenset({"x"})) == Actor(link_digests=frozenset({"x"}))


@pytest.mark.django_db
def test_members_see_the_people_of_their_own_teams_and_leaders_see_everybody() -> None:
    lab, elsewhere = make_organization(), make_organization()
    people = {
        name: make_user(lab, f"{name}@example.org", **roles)
        for name, roles in {
            "member": {},
            "teammate": {},
            "manager": {},
            "other": {},
            "datasets": {"is_dataset_manager": True},
            "admin": {"is_admin": True},
        }.items()
    }
    make_team(lab, members=(people["member"], people["teammate"]))
    make_team(lab, members=(people["other"],), managers=(people["manager"],))
    make_user(elsewhere, "stranger@example.org", is_admin=True)

    def seen_by(name: str) -> set[str]:
        visible = User.objects.visible_to(actor_for(people[name]))
        return {user.email.split("@")[0] for user in visible}

    assert seen_by("member") == {"member", "teammate"}
    assert seen_by("other") == {"other", "manager"}
    for leader in ("manager", "datasets", "admin"):
        assert seen_by(leader) == set(people)
    assert not User.objects.visible_to(ANONYMOUS).exists()
    superuser = User.objects.create_superuser("root@example.org")
    assert User.objects.visible_to(actor_for(superuser)).count() == len(people) + 2
