"""The addresses of data, to be included under /data/, /data/v13/ to /data/v16/, /data/t/<token>/.

The view reads version, token and path from the whole address, as the fast path does.
"""

from django.urls import re_path

from .views import serve

_DATASET = r"[0-9a-f]{24}"

urlpatterns = [
    re_path(rf"^(?:zarr|ome-zarr|viewer)/{_DATASET}(?:\.zarr)?(?:/.*)?$", serve),
    re_path(rf"^datasets/{_DATASET}/proxy/.+$", serve),
    re_path(
        rf"^datasets/{_DATASET}/layers/[^/]+/(?:data|findData|histogram|thumbnail\.jpg)$", serve
    ),
]
