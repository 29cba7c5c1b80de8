"""The form in which a person says what a conversion could not find out."""

from typing import Any

from django import forms

from conversion.readers.series import Choice
from datasets.properties import VoxelSize
from datasets.views.import_page import VoxelSizeForm

_CHOICES = {
    Choice.PAD: "Enlarge smaller slices with zeros",
    Choice.CROP: "Cut larger slices",
    Choice.SPLIT: "Make a layer of each kind of slice",
}


class AnswersForm(VoxelSizeForm):
    """Asks for what the job asks for (`Job.result`), and for nothing else."""

    def __init__(self, asks: dict[str, Any], data: Any = None) -> None:
        super().__init__(data)
        self.asks_for_voxel_size = "voxelSize" in asks
        if not self.asks_for_voxel_size:
            self.fields.clear()
        if offered := asks.get("differing"):
            self.fields["differing"] = forms.ChoiceField(
                label="Slices that differ",
                choices=[(choice, _CHOICES[Choice(choice)]) for choice in offered],
            )

    def answers(self) -> dict[str, Any]:
        """What the person said, once the form is valid, as arguments of `retry_with`."""
        size: VoxelSize | None = self.voxel_size() if self.asks_for_voxel_size else None
        differing = self.cleaned_data.get("differing")
        return {"voxel_size": size, "differing": Choice(differing) if differing else None}
