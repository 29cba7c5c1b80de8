"""The addresses of this app's pages; those of its API are in datasets.api.urls, those of data in
datasets.streaming.urls.
"""

from django.urls import path, register_converter

from .streaming.views import dataset_thumbnail
from .views import actions, import_page, overview, sharing_links, status
from .views.addresses import DatasetAddress
from .views.viewer import frame, page, saving

register_converter(DatasetAddress, "dataset")

app_name = "datasets"
urlpatterns = [
    path("", overview.dataset_list, name="list"),
    path("datasets", overview.dataset_list),
    path("datasets/table", overview.dataset_table, name="table"),
    path("datasets/<dataset:dataset_id>", status.dataset_status, name="status"),
    path("datasets/<dataset:dataset_id>/import", import_page.import_dataset, name="import"),
    path("datasets/<dataset:dataset_id>/reload", actions.reload, name="reload"),
    path("datasets/<dataset:dataset_id>/apply", actions.apply_changes, name="apply"),
    path("datasets/<dataset:dataset_id>/dismiss", actions.dismiss_changes, name="dismiss"),
    path("datasets/<dataset:dataset_id>/reconsider", actions.reconsider_changes, name="reconsider"),
    path("datasets/<dataset:dataset_id>/thumbnail", dataset_thumbnail, name="thumbnail"),
    path("datasets/<dataset:dataset_id>/view", page.view_dataset, name="view"),
    path(
        "datasets/<dataset:dataset_id>/view-configuration",
        saving.own_view_configuration,
        name="view-configuration",
    ),
    path(
        "datasets/<dataset:dataset_id>/default-view-configuration",
        saving.default_view_configuration,
        name="default-view-configuration",
    ),
    path("datasets/<dataset:dataset_id>/share", saving.share, name="share"),
    path("datasets/<dataset:dataset_id>/revoke-link", actions.revoke_link, name="revoke-link"),
    path("datasets/<dataset:dataset_id>/links", sharing_links.dataset_links, name="links"),
    path(
        "datasets/<dataset:dataset_id>/links/<str:link_id>/revoke",
        sharing_links.revoke,
        name="revoke-named-link",
    ),
    path("datasets/<str:organization_id>/<str:name>/view", page.view_legacy),
    # Neuroglancer's wheel insists on an address that ends in /v/<something>.
    path("viewer/v/frame/", frame.viewer_frame, name="viewer-frame"),
]
