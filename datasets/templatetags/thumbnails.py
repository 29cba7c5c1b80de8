"""Where the thumbnail of a dataset is."""

from django import template
from django.urls import reverse

from datasets.models import Dataset
from datasets.services.thumbnails import look_of

register = template.Library()

_PIXELS = 144  # twice what is shown, for dense screens


@register.simple_tag
def thumbnail(dataset: Dataset) -> str:
    """The address of a picture of the dataset; empty where it can't be read or has no layers."""
    if not dataset.is_active or not dataset.layers.all():
        return ""
    address = reverse("datasets:thumbnail", args=[dataset.pk])
    return f"{address}?w={_PIXELS}&h={_PIXELS}&look={look_of(dataset)}"
