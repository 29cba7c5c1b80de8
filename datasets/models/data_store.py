"""Where data lies: data stores, and the credentials for storages outside."""

from django.db import models

from sharing.ids import HexIdModel
from sharing.models import Organization, User
from sharing.secrets import decrypt, encrypt


class DataStore(models.Model):
    """A server that holds the bytes. The local one is this site itself."""

    LOCAL = "local"

    name = models.SlugField(primary_key=True, max_length=64)
    url = models.URLField(blank=True, help_text="Where this site reaches it; empty for this site.")
    public_url = models.URLField(blank=True, help_text="Where browsers reach it; empty likewise.")
    is_scratch = models.BooleanField(default=False)
    allows_upload = models.BooleanField(default=True)
    allows_upload_to_paths = models.BooleanField(default=True)
    reports_used_storage = models.BooleanField(default=True)
    only_allowed_organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class StorageCredential(HexIdModel):
    """A key to a storage outside. Its secret is encrypted, write-only, and never sent back."""

    class Kind(models.TextChoices):
        """How the storage is spoken to."""

        HTTP_BASIC = "http", "HTTP user and password"
        S3 = "s3", "S3 access key"
        GOOGLE = "gs", "Google service account"

    name = models.CharField(max_length=128)
    kind = models.CharField(max_length=8, choices=Kind)
    scope = models.CharField(max_length=1024, help_text="The URI prefix that it is sent to.")
    identifier = models.CharField(max_length=512, blank=True)
    encrypted_secret = models.TextField(editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="storage_credentials"
    )
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def set_secret(self, secret: str) -> None:
        """Replace the secret; the caller saves."""
        self.encrypted_secret = encrypt(secret)

    def reveal_secret(self) -> str:
        """The secret, for the one place that speaks to the storage. Never log or send it."""
        return decrypt(self.encrypted_secret)
