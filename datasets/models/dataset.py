"""The dataset: what people call it, where it lies, and whether it can be used."""

from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from sharing.access import Actor
from sharing.ids import ID_PATTERN, HexIdModel
from sharing.models import Organization, User

from .data_store import DataStore
from .folder import Folder
from .grants import DatasetTeam
from .tag import Tag

# Each word makes a query longer and slower; nobody types more.
MOST_WORDS = 20


def words_of(text: str) -> list[str]:
    """The words of a search; of a text that is longer than a search, the first."""
    return text.split()[:MOST_WORDS]


class DatasetQuerySet(QuerySet["Dataset"]):
    """The lists of datasets. Every list that a person sees starts from `visible_to`."""

    def visible_to(self, actor: Actor) -> Self:
        """The datasets that `actor` may view: datasets.access.RULES for VIEW, as a query.

        Sharing links are left out: whoever holds one reaches the dataset by its address, and finds
        it in no list.
        """
        return self._let_in(actor, actor.team_ids, Q(is_public=True))

    def editable_by(self, actor: Actor) -> Self:
        """The datasets that `actor` may edit: datasets.access.RULES for EDIT, as a query."""
        return self._let_in(actor, actor.managed_team_ids, Q(pk__in=[]))

    def _let_in(self, actor: Actor, team_ids: frozenset[str], others: Q) -> Self:
        """Those of the actor's organization that its roles or these teams open, or `others`."""
        if actor.is_superuser:
            return self.all()
        if actor.organization_id is None:
            return self.filter(others)
        own = Q(organization=actor.organization_id)
        if actor.manages_datasets_of(actor.organization_id):
            return self.filter(own | others)
        granted = DatasetTeam.objects.filter(dataset=OuterRef("pk"))
        let_in = Q(Exists(granted.filter(team__in=team_ids)))
        if actor.is_team_manager:
            let_in |= ~Q(Exists(granted))
        return self.filter(own & let_in | others)

    def of(self, organization: Organization | str) -> Self:
        """The datasets of one organization."""
        return self.filter(organization=organization)

    def matching(self, text: str) -> Self:
        """The datasets whose name or directory name holds every word; a full id finds its dataset.

        An empty text matches everything.
        """
        words = words_of(text)
        if len(words) == 1 and ID_PATTERN.fullmatch(words[0]):
            return self.filter(pk=words[0])
        found = self
        for word in words:
            found = found.filter(Q(name__icontains=word) | Q(directory_name__icontains=word))
        return found

    def usable(self) -> Self:
        """The datasets whose voxels can be read."""
        return self.filter(status="")


class Dataset(HexIdModel):
    """A dataset. Its layers hold what `datasource-properties.json` says of them.

    `status` is empty while the dataset can be used; otherwise it is the sentence that people read.
    `version` is in every data URL and cache key: it grows whenever voxels may have changed.
    """

    class CreationType(models.TextChoices):
        """How the dataset came in, in the words of the HTTP API."""

        UPLOAD = "Upload"
        DISK_SCAN = "DiskScan"
        UPLOAD_TO_PATHS = "UploadToPaths"
        EXPLORE_AND_ADD = "ExploreAndAdd"
        COMPOSE = "Compose"

    class Status(models.TextChoices):
        """The fixed texts for datasets that can't be used; errors found on disk are free text."""

        NOT_IMPORTED = "Not imported yet."
        NOTHING_TO_IMPORT = "Not imported yet: no data in a known format was found."
        NO_LONGER_AVAILABLE = "No longer available on datastore."
        NOT_UPLOADED = "Not yet fully uploaded."
        NOT_CONVERTED = "Waiting to be converted."
        CONVERSION_FAILED = "The conversion failed."
        CONVERSION_CANCELLED = "The conversion was cancelled."
        NOT_UPLOADED_TO_PATHS = "Not yet marked as fully uploaded to paths."
        DELETED = "Deleted by user."

    UNCONVERTED = (Status.NOT_CONVERTED, Status.CONVERSION_FAILED, Status.CONVERSION_CANCELLED)

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="datasets"
    )
    directory_name = models.CharField(
        max_length=255, editable=False, help_text="Its directory below binaryData; never changes."
    )
    name = models.CharField(max_length=512)
    description = models.TextField(blank=True, help_text="Markdown.")
    folder = models.ForeignKey(Folder, on_delete=models.PROTECT, related_name="datasets")
    tags = models.ManyToManyField(Tag, blank=True, related_name="datasets")
    metadata = models.JSONField(default=list, blank=True)
    is_public = models.BooleanField(
        default=False, help_text="Anyone with the address may view it, without an account."
    )
    created = models.DateTimeField(default=timezone.now, db_index=True)
    sorting_key = models.DateTimeField(null=True, blank=True)
    uploader = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    data_store = models.ForeignKey(DataStore, on_delete=models.PROTECT, related_name="datasets")
    creation_type = models.CharField(
        max_length=16, choices=CreationType, default=CreationType.DISK_SCAN
    )
    is_virtual = models.BooleanField(
        default=False, help_text="The database alone holds its properties; scans leave it alone."
    )

    status = models.CharField(max_length=1024, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    voxel_size_x = models.FloatField(null=True, blank=True)
    voxel_size_y = models.FloatField(null=True, blank=True)
    voxel_size_z = models.FloatField(null=True, blank=True)
    voxel_size_unit = models.CharField(max_length=16, blank=True)
    default_view_configuration = models.JSONField(
        null=True, blank=True, help_text="From the properties file."
    )
    admin_view_configuration = models.JSONField(
        null=True, blank=True, help_text="Saved as default in the browser; wins over the file's."
    )
    extra_properties = models.JSONField(
        default=dict,
        blank=True,
        help_text="What the properties file says beyond the columns of this row.",
    )

    # What the last scan saw of it (datasets.disk.reconcile).
    raw_properties = models.TextField(
        blank=True, editable=False, help_text="The properties file, where it can't be used."
    )
    inferred_properties = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="What was inferred of data without a properties file, while parts are missing.",
    )
    properties_hash = models.CharField(max_length=64, blank=True, editable=False)
    disk_signature = models.CharField(max_length=64, blank=True, editable=False)
    pending_properties = models.JSONField(null=True, blank=True, editable=False)
    pending_hash = models.CharField(max_length=64, blank=True, editable=False)
    dismissed_hash = models.CharField(max_length=64, blank=True, editable=False)
    last_seen = models.DateTimeField(null=True, blank=True, editable=False)

    # Up to which version, and when, its bytes were measured (datasets.services.storage_accounting).
    storage_version = models.PositiveIntegerField(null=True, blank=True, editable=False)
    storage_measured = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)

    # What its row in a list shows of the work on it; conversion writes it.
    job_stage = models.CharField(max_length=64, blank=True, editable=False)
    job_percentage = models.FloatField(null=True, blank=True, editable=False)
    job_message = models.CharField(max_length=512, blank=True, editable=False)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-id"]
        permissions = [("read_dataset", "Can see the dataset")]
        indexes = [
            models.Index(fields=["organization", "-created", "-id"]),
            models.Index(
                fields=["-created", "-id"], condition=Q(is_public=True), name="dataset_public"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                "organization", "directory_name", name="directory_unique_in_organization"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """Whether its voxels can be read."""
        return not self.status

    @property
    def is_unreported(self) -> bool:
        """Whether the disk (or a person) took it away."""
        return self.status in {self.Status.NO_LONGER_AVAILABLE, self.Status.DELETED}

    @property
    def slug(self) -> str:
        """`<name>-<id>`: how it stands in addresses. Only the id counts there."""
        name = slugify(self.name)
        return f"{name}-{self.pk}" if name else self.pk

    @property
    def voxel_size(self) -> tuple[float, float, float] | None:
        """The voxel's size in `voxel_size_unit`, or None where nobody has said it."""
        if self.voxel_size_x is None or self.voxel_size_y is None or self.voxel_size_z is None:
            return None
        return (self.voxel_size_x, self.voxel_size_y, self.voxel_size_z)
