"""How other programs open a dataset's layers: addresses and lines to copy."""

import json
from dataclasses import dataclass
from urllib.parse import quote

from django.conf import settings

from datasets.models import Dataset
from datasets.streaming.tokens import streaming_url

# Stands where the page's script puts the token of a sharing link, once somebody asks for one.
TOKEN_PLACEHOLDER = "YOUR-LINK-TOKEN"  # noqa: S105 (no secret)
_NEUROGLANCER = "https://neuroglancer-demo.appspot.com/#!"


@dataclass(frozen=True)
class Snippet:
    """Something to copy, and what it is for."""

    title: str
    text: str


def snippets_of(dataset: Dataset, layer_names: list[str]) -> list[Snippet]:
    """The addresses of the layers as OME-Zarr, and how common tools open the first of them."""
    token = "" if dataset.is_public else TOKEN_PLACEHOLDER
    if not layer_names:
        return []
    addresses = {name: streaming_url(dataset.pk, name, token) for name in layer_names}
    first = addresses[layer_names[0]]
    query = f"?token={token}" if token else ""
    page = f"{settings.PUBLIC_URL}/datasets/{dataset.pk}/view{query}"
    state = {"layers": [{"name": n, "source": f"{a}|zarr3:"} for n, a in addresses.items()]}
    return [
        Snippet("Address (OME-Zarr 0.5)", "\n".join(addresses.values())),
        Snippet("napari", f'napari --plugin napari-ome-zarr "{first}"'),
        Snippet("Neuroglancer", _NEUROGLANCER + quote(json.dumps(state, separators=(",", ":")))),
        Snippet(
            "Python, zarr",
            'import zarr  # pip install "zarr[remote]"\n\n'
            f'array = zarr.open_array("{first}1", mode="r")  # axes c, z, y, x',
        ),
        Snippet(
            "Python, webknossos",
            f'import webknossos as wk\n\ndataset = wk.RemoteDataset.open("{page}")',
        ),
    ]
