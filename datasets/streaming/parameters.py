"""The parameters of requests for voxels: how they are spelled, and what is wrong with them."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from datasets.properties import Mag
from datasets.streaming.catalog import ServedLayer, ServedMag
from sharing.errors import Invalid


class Parameters(BaseModel):
    """Parameters of a request, in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


Parsed = TypeVar("Parsed", bound=Parameters)


def parsed(model: type[Parsed], query: dict[str, str]) -> Parsed:
    """The query as parameters; raises Invalid with a sentence for each that is wrong."""
    try:
        return model.model_validate(query)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> Invalid:
    """What is wrong, in at most five sentences."""
    return Invalid(
        *(
            f"{'.'.join(map(str, found['loc'])) or 'The request'}: {found['msg']}."
            for found in error.errors(include_url=False)[:5]
        )
    )


def requested_mag(layer: ServedLayer, text: str) -> ServedMag:
    """The layer's mag in any of its spellings; raises Invalid or NotFound."""
    try:
        literal = Mag.parse(text).literal
    except ValueError:
        raise Invalid(f"'{text}' is no mag; write 1 or 2-2-1.") from None
    return layer.mag(literal)
