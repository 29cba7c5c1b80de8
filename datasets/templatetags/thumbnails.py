"""Where the thumbnail of a dataset is."""

from django import template
from django.urls import reverse

from datasets.models import Dataset

register = template.Library()

_PIXELS = 192  # twice what is shown, for dense screens


@register.simple_tag
def thumbnail(dataset: Dataset) -> str:
    """The address of a picture of the first color layer, else of the first; empty without any."""
    if not dataset.is_active:
        return ""
    layers = sorted(dataset.layers.all(), key=lambda layer: (layer.category != "color", layer.pk))
    if not layers:
        return ""
    address = reverse("datasets:thumbnail", args=[dataset.pk, layers[0].name])
    return f"{address}?w={_PIXELS}&h={_PIXELS}&version={dataset.version}"
