"""How tables of the admin are registered: each is scoped, and a new one can't be forgotten."""

from typing import Any

from django.db.models import Model

from sharing.admin.scoped import OrganizationScoped, OrganizationScopedAdmin, ScopedRelatedFilter
from tests.admin_rows import MAKERS, each_model, registered, table_of


@each_model
def test_every_table_is_scoped_and_has_rows_in_these_tests(model: type[Model]) -> None:
    assert issubclass(type(table_of(model)), OrganizationScopedAdmin)
    assert model in MAKERS


@each_model
def test_every_inline_is_scoped(model: type[Model]) -> None:
    for inline in table_of(model).inlines:
        assert issubclass(inline, OrganizationScoped)


@each_model
def test_filters_by_a_relation_offer_only_what_the_person_may_see(model: type[Model]) -> None:
    for entry in table_of(model).list_filter:
        name, kind = entry if isinstance(entry, tuple) else (entry, None)
        if not isinstance(name, str):
            continue
        field: Any = model
        for part in name.split("__"):
            field = (field.related_model if hasattr(field, "related_model") else field)._meta
            field = field.get_field(part)
        if field.is_relation:
            assert kind is not None
            assert issubclass(kind, ScopedRelatedFilter), name


def test_the_machinery_behind_access_has_no_tables_of_its_own() -> None:
    labels = {model._meta.label for model in registered()}
    assert not labels & {"auth.Group", "auth.Permission", "sessions.Session"}
    assert not any(label.startswith(("guardian.", "django_celery")) for label in labels)
    assert not any("ObjectPermission" in label for label in labels)
