"""Layers, their mags and attachments, as `datasource-properties.json` describes them."""

from django.db import models

from .data_store import StorageCredential
from .dataset import Dataset
from .wide_integer import WideIntegerField


class Layer(models.Model):
    """One volume of a dataset. Lengths and positions are in voxels of mag 1."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="layers")
    position = models.PositiveSmallIntegerField(help_text="Its place among the dataset's layers.")
    name = models.CharField(max_length=255)
    category = models.CharField(
        max_length=16, choices=[("color", "color"), ("segmentation", "segmentation")]
    )
    element_class = models.CharField(max_length=8)
    data_format = models.CharField(max_length=32)
    num_channels = models.PositiveIntegerField(null=True, blank=True)
    min_x = models.BigIntegerField(default=0)
    min_y = models.BigIntegerField(default=0)
    min_z = models.BigIntegerField(default=0)
    width = models.BigIntegerField(default=0)
    height = models.BigIntegerField(default=0)
    depth = models.BigIntegerField(default=0)
    largest_segment_id = WideIntegerField(null=True, blank=True)
    additional_axes = models.JSONField(default=list, blank=True)
    coordinate_transformations = models.JSONField(default=list, blank=True)
    mappings = models.JSONField(default=list, blank=True)
    default_view_configuration = models.JSONField(null=True, blank=True)
    admin_view_configuration = models.JSONField(null=True, blank=True)
    extra_properties = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["dataset", "position"]
        constraints = [models.UniqueConstraint("dataset", "name", name="layer_unique_in_dataset")]

    def __str__(self) -> str:
        return self.name


class Mag(models.Model):
    """One resolution level of a layer, and where its voxels lie.

    `path` is what the properties say, relative to the dataset's directory, absolute, or a URI;
    empty means `<layer>/<mag>`. `problem` is why it can't be read; the dataset stays usable
    without it.
    """

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="mags")
    x = models.PositiveIntegerField()
    y = models.PositiveIntegerField()
    z = models.PositiveIntegerField()
    path = models.CharField(max_length=2048, blank=True)
    cube_length = models.PositiveIntegerField(null=True, blank=True)
    axis_order = models.JSONField(null=True, blank=True)
    channel_index = models.PositiveIntegerField(null=True, blank=True)
    credential = models.ForeignKey(
        StorageCredential, on_delete=models.SET_NULL, null=True, blank=True, related_name="mags"
    )
    extra_properties = models.JSONField(default=dict, blank=True)
    real_path = models.CharField(max_length=4096, blank=True, editable=False)
    has_local_data = models.BooleanField(default=True, editable=False)
    problem = models.CharField(max_length=1024, blank=True, editable=False)

    class Meta:
        ordering = ["layer", "x", "y", "z"]
        constraints = [models.UniqueConstraint("layer", "x", "y", "z", name="mag_unique_in_layer")]

    def __str__(self) -> str:
        return self.literal

    @property
    def literal(self) -> str:
        """How the mag is written: `1` where all three are equal, else `2-2-1`."""
        if self.x == self.y == self.z:
            return str(self.x)
        return f"{self.x}-{self.y}-{self.z}"


class Attachment(models.Model):
    """A file that belongs to a layer: meshes, agglomerates and the like."""

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="attachments")
    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=2048)
    data_format = models.CharField(max_length=32)
    extra_properties = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["layer", "kind", "name"]
        constraints = [
            models.UniqueConstraint("layer", "kind", "name", name="attachment_unique_in_layer")
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"
