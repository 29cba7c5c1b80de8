"""The base of all models of datasource-properties.json.

In JSON the keys are camelCase, unknown keys are kept, and a key without a value is left out: the
public Python library crashes on null for most of them.
"""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.alias_generators import to_camel

JsonObject = dict[str, Any]


class Record(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        frozen=True,
        ser_json_inf_nan="constants",  # not null, which would hide them from `check_storable`
    )

    @model_serializer(mode="wrap")
    def _omit_absent_keys(self, serialize: SerializerFunctionWrapHandler) -> JsonObject:
        written: JsonObject = serialize(self)
        for name, field in type(self).model_fields.items():
            key = field.serialization_alias or name
            if not field.is_required() and written.get(key, 0) in (None, (), [], {}):
                written.pop(key, None)
        return written

    def to_json(self) -> JsonObject:
        """This record as JSON-able data in the modern form."""
        return self.model_dump(mode="json", by_alias=True)


def _empty_list_if_null(value: object) -> object:
    return () if value is None else value


def _empty_object_if_null(value: object) -> object:
    return {} if value is None else value


# For collections that a file may leave out or set to null, both of which mean empty.
NullMeansEmptyList = BeforeValidator(_empty_list_if_null)
NullMeansEmptyObject = BeforeValidator(_empty_object_if_null)
OptionalObject = Annotated[JsonObject, NullMeansEmptyObject]
