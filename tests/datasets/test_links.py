"""Sharing links go with what they open."""

import pytest

from datasets.services import links
from sharing.access import actor_for
from sharing.models import SharingLink
from tests.factories import make_dataset, make_organization, make_user

pytestmark = pytest.mark.django_db


def test_a_deleted_dataset_takes_its_links_with_it_and_no_others() -> None:
    organization = make_organization()
    actor = actor_for(make_user(organization, is_admin=True))
    gone, stays = make_dataset(organization), make_dataset(organization)
    for dataset in (gone, stays):
        links.sharing_token(actor=actor, dataset=dataset)
    gone.delete()
    assert [link.object_id for link in SharingLink.objects.all()] == [stays.pk]
