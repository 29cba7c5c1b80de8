"""One row of every table in the admin for an organization, and the people who come to look.

A table that is registered without a maker here makes the tests of the admin fail.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversion.models import Job, JobLogLine, Upload
from datasets.models import Dataset, DataStore, Folder, Layer, Mag, StorageCredential, Tag
from datasets.services.audience import READ_FOLDER
from datasets.services.folders import root_of
from sharing.grants import set_teams
from sharing.models import ApiToken, Invitation, Organization, SharingLink, Team, User, WaitingMail
from sharing.secrets import digest
from sharing.services.links import create_link
from sharing.services.tokens import create_token

from .factories import make_dataset, make_folder, make_organization, make_team, make_user

SECRET = "the-secret-of-a-storage"


def dataset_of(organization: Organization) -> Dataset:
    """The organization's dataset with a layer and a mag; made on first use."""
    name = f"brain_of_{organization.pk}"
    dataset = Dataset.objects.filter(organization=organization, name=name).first()
    if dataset is None:
        dataset = make_dataset(organization, name=name)
        layer = Layer.objects.create(
            dataset=dataset,
            position=0,
            name=f"layer_of_{organization.pk}",
            category="color",
            element_class="uint8",
            data_format="wkw",
        )
        Mag.objects.create(layer=layer, x=1, y=1, z=1, path="color/1")
    return dataset


def _user(organization: Organization) -> User:
    email = f"person@{organization.pk}.example"
    return User.objects.filter(email=email).first() or make_user(organization, email)


def _team(organization: Organization) -> Team:
    return make_team(organization, members=(_user(organization),))


def _invitation(organization: Organization) -> Invitation:
    return Invitation.objects.create(
        organization=organization,
        email=f"invited@{organization.pk}.example",
        digest=digest(f"invitation to {organization.pk}"),
        expires=timezone.now() + timedelta(days=1),
        invited_by=operator(),
    )


def _link(organization: Organization) -> SharingLink:
    return create_link(
        thing=dataset_of(organization), name=f"to {organization.pk}", created_by=operator()
    )


def _credential(organization: Organization) -> StorageCredential:
    credential = StorageCredential(
        organization=organization,
        name=f"bucket of {organization.pk}",
        kind="s3",
        scope="s3://x/",
        created_by=operator(),
    )
    credential.set_secret(SECRET)
    credential.save()
    return credential


def _folder(organization: Organization) -> Folder:
    folder = make_folder(root_of(organization), f"folder of {organization.pk}")
    team = Team.objects.get(organization=organization, is_default=True)
    set_teams(folder, READ_FOLDER, [team])
    return folder


def _job(organization: Organization) -> Job:
    job = Job.objects.create(
        kind=Job.Kind.SCAN,
        organization=organization,
        dataset=dataset_of(organization),
        owner=operator(),
        state=Job.State.FAILURE,
        cause=f"The disk of {organization.pk} is full.",
        advice="Free some space.",
    )
    JobLogLine.objects.create(job=job, text="Looked at the directory.", is_problem=True)
    return job


def _attempt(organization: Organization) -> AccessAttempt:
    return AccessAttempt.objects.create(
        username=_user(organization).email, ip_address="192.0.2.1", failures_since_start=3
    )


def _upload(organization: Organization) -> Upload:
    return Upload.objects.create(
        upload_id=f"upload-of-{organization.pk}",
        kind=Upload.Kind.DATASET,
        organization=organization,
        owner=_user(organization),
        dataset=dataset_of(organization),
        announced_files=1,
        announced_bytes=1,
    )


MAKERS: dict[type[Model], Callable[[Organization], Model]] = {
    AccessAttempt: _attempt,
    ApiToken: lambda organization: create_token(user=_user(organization), name="script")[0],
    DataStore: lambda organization: DataStore.objects.create(
        name=f"store_{organization.pk}", only_allowed_organization=organization
    ),
    Dataset: dataset_of,
    Folder: _folder,
    Invitation: _invitation,
    Job: _job,
    Upload: _upload,
    Layer: lambda organization: dataset_of(organization).layers.get(),
    Organization: lambda organization: organization,
    SharingLink: _link,
    StorageCredential: _credential,
    Tag: lambda organization: Tag.objects.create(
        organization=organization, name=f"tag of {organization.pk}"
    ),
    Team: _team,
    User: _user,
    WaitingMail: lambda organization: WaitingMail.objects.create(
        user=_user(organization), subject=f"mail to {organization.pk}", text="Look.", html="Look."
    ),
}

OPERATOR_EMAIL = "the-operator@site.example"


def operator() -> User:
    """The superuser; belongs to organization alpha, where its staff must not see them."""
    return User.objects.filter(email=OPERATOR_EMAIL).first() or make_user(
        Organization.objects.get(pk="alpha"),
        OPERATOR_EMAIL,
        is_superuser=True,
        is_staff=True,
        first_name="Olgamira",
        last_name="Operator",
    )


@dataclass
class World:
    """Two organizations, alpha and bravo, and everybody who may come to the admin's door."""

    alpha: Organization = field(init=False)
    bravo: Organization = field(init=False)
    people: dict[str, User | None] = field(init=False)
    _made: dict[type[Model], tuple[Model, Model]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.alpha, self.bravo = make_organization("alpha"), make_organization("bravo")
        self.people = {
            "superuser": operator(),
            "staff of alpha": make_user(self.alpha, is_staff=True),
            "staff of bravo": make_user(self.bravo, is_staff=True),
            "admin of alpha without staff": make_user(self.alpha, is_admin=True),
            "member of alpha": make_user(self.alpha),
            "anonymous": None,
        }

    def rows(self, model: type[Model]) -> tuple[Model, Model]:
        """A row of alpha and one of bravo, always the same two."""
        if model not in self._made:
            self._made[model] = (MAKERS[model](self.alpha), MAKERS[model](self.bravo))
        return self._made[model]

    def client(self, role: str) -> Client:
        """A browser in which this person is signed in."""
        client = Client()
        person = self.people[role]
        if person is not None:
            client.force_login(person, "django.contrib.auth.backends.ModelBackend")
        return client


def registered() -> list[type[Model]]:
    """The tables of the admin."""
    return sorted(admin.site._registry, key=lambda model: model.__name__)


each_model = pytest.mark.parametrize("model", registered(), ids=lambda model: model.__name__)


def table_of(model: type[Model]) -> Any:
    """The table of the admin that shows `model`."""
    return admin.site.get_model_admin(model)


def url(model: type[Model], view: str, *args: str) -> str:
    """The address of a view of the model's table."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}"
    return reverse(name, args=list(map(quote, args)))


def columns(row: Model) -> dict[str, Any]:
    """What the table holds of the row now; empty where it is gone."""
    found = type(row)._default_manager.filter(pk=row.pk).values()
    return next(iter(found), {})


class FormFields(HTMLParser):
    """What a browser would send of the admin form on a page, changed by nobody."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.data: dict[str, Any] = {}
        self._is_inside = False
        self._select = ""
        self._is_multiple = False
        self._textarea = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        name = attributes.get("name") or ""
        if tag == "form":
            self._is_inside = (attributes.get("id") or "").endswith("_form")
        elif not self._is_inside or "disabled" in attributes:
            return
        elif tag == "input" and name:
            if attributes.get("type") in {"checkbox", "radio"} and "checked" not in attributes:
                return
            if attributes.get("type") != "submit":
                self.data[name] = attributes.get("value") or "on"
                if attributes.get("type") not in {"checkbox", "radio"}:
                    self.data[name] = attributes.get("value") or ""
        elif tag == "select":
            self._select, self._is_multiple = name, "multiple" in attributes
            self.data[name] = [] if self._is_multiple else ""
        elif tag == "option" and "selected" in attributes and self._select:
            if self._is_multiple:
                self.data[self._select].append(attributes.get("value"))
            else:
                self.data[self._select] = attributes.get("value") or ""
        elif tag == "textarea":
            self._textarea = name
            self.data[name] = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.data[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self.data[self._textarea] = self.data[self._textarea].removeprefix("\n")
            self._textarea = ""
