"""Short links: short addresses that lead to long ones of this site."""

from django.db import models

from sharing.ids import HexIdModel

from .user import User


class ShortLink(HexIdModel):
    """A short address for a long one of this site.

    The long one may hold a sharing link's token, so that whoever reads the database must be able to
    follow it no more than that link: its key is stored as a digest, and where it leads encrypted.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False)
    encrypted_place = models.TextField(
        editable=False, help_text="What follows the site's own address."
    )
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"short link of {self.created:%Y-%m-%d}"
