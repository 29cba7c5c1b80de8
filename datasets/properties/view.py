"""How a dataset is shown when somebody opens it: the keys of a view configuration, their defaults,
and who overrides whom.
"""

from functools import reduce
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictStr,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from datasets.properties.geometry import Vec3Int
from datasets.properties.model import DataSource, Layer
from datasets.properties.record import JsonObject

Number = Annotated[int, Strict()] | Annotated[float, Strict(), Field(allow_inf_nan=False)]
Percentage = Annotated[Number, Field(ge=0, le=100)]
ColorComponent = Annotated[Number, Field(ge=0, le=255)]
ChannelIndex = Annotated[int, Strict(), Field(ge=0)]
Point = tuple[Number, Number, Number]


def _ascending(limits: tuple[Number, Number]) -> tuple[Number, Number]:
    if limits[0] > limits[1]:
        raise ValueError("the first number must not be above the second")
    return limits


Range = Annotated[tuple[Number, Number], AfterValidator(_ascending)]


class _Configuration(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


# Elsewhere null means that nothing was chosen, and a weaker configuration counts.
NULL_IS_A_CHOICE = {"mapping", "nativelyRenderedLayerName"}
# Of this site's viewer alone: other tools meet these keys only where somebody has set them.
VIEWER_KEYS = {"layout", "additional", "zoom_3d", "rotation_3d", "hidden_channels"}


class Mapping(_Configuration):
    name: StrictStr
    type: StrictStr


class LayerView(_Configuration):
    """How one layer is shown. `alpha` is the opacity in percent, `color` is red, green, blue.

    `intensity_range` is drawn from black to full colour; `min` and `max` limit its sliders.
    `hidden_channels` counts from 0.
    """

    color: tuple[ColorComponent, ColorComponent, ColorComponent] = (255, 255, 255)
    alpha: Percentage = 100
    gamma_correction_value: Annotated[Number, Field(ge=0, le=10)] = 1
    intensity_range: Range | None = None
    min: Number | None = None
    max: Number | None = None
    is_disabled: StrictBool = False
    is_inverted: StrictBool = False
    is_in_edit_mode: StrictBool = False
    mapping: Mapping | None = None
    hidden_channels: tuple[ChannelIndex, ...] | None = None


class DatasetView(_Configuration):
    """How a dataset is shown; `position` is in voxels of mag 1, axis order x, y, z.

    `zoom` is in voxels of the finest edge for each pixel of the screen, `rotation` in degrees about
    x, y, z, `additional` the position on the axes beyond space. `zoom_3d` is in finest voxel
    edges over the height of the 3D panel, `rotation_3d` in degrees too.
    """

    four_bit: StrictBool = False
    interpolation: StrictBool = False
    render_missing_data_black: StrictBool = False
    loading_strategy: Literal["PROGRESSIVE_QUALITY", "BEST_QUALITY_FIRST"] = "PROGRESSIVE_QUALITY"
    segmentation_pattern_opacity: Percentage = 40
    blend_mode: Literal["Additive", "Cover"] = "Additive"
    color_layer_order: tuple[StrictStr, ...] = ()
    selective_segment_visibility: StrictBool = False
    natively_rendered_layer_name: StrictStr | None = None
    zoom: Annotated[Number, Field(gt=0)] | None = None
    position: Point | None = None
    rotation: Point | None = None
    zoom_3d: Annotated[Number, Field(gt=0)] | None = None
    rotation_3d: Point | None = None
    additional: tuple[Number, ...] | None = None
    layout: Literal["4panel", "xy", "3d"] | None = None
    layers: dict[str, Any] = Field(default_factory=dict)


def resolve(
    data_source: DataSource, admin_default: JsonObject, user: JsonObject | None
) -> JsonObject:
    """The complete view configuration of a dataset, with one entry in `layers` for each layer.

    From weakest to strongest: sensible defaults, the properties file, the default that was saved
    on the site (of a layer, then of the dataset), the person's own. Unknown keys are dropped; a
    value that is not valid counts as absent.
    """
    sources = [
        clean(source)
        for source in (data_source.default_view_configuration, admin_default, user or {})
    ]
    view = DatasetView().model_dump(mode="json", by_alias=True, exclude=VIEWER_KEYS)
    for source in sources:
        view |= source
    names = [layer.name for layer in data_source.layers]
    colors = [layer.name for layer in data_source.layers if not layer.is_segmentation]
    # Layers come and go after a configuration was saved.
    ordered = [name for name in dict.fromkeys(view["colorLayerOrder"]) if name in colors]
    view["colorLayerOrder"] = ordered + [name for name in colors if name not in ordered]
    if view["nativelyRenderedLayerName"] not in names:
        view["nativelyRenderedLayerName"] = None
    if view["position"] is None:
        view["position"] = default_position(data_source)
    view["layers"] = {
        layer.name: _layer_defaults(layer) | _chosen_layer_view(layer, sources)
        for layer in data_source.layers
    }
    return view


def chosen_layer_views(data_source: DataSource, admin_default: JsonObject) -> dict[str, JsonObject]:
    """By name of layer, what the properties file and the saved defaults say of it."""
    sources = [clean(data_source.default_view_configuration), clean(admin_default), {}]
    return {layer.name: _chosen_layer_view(layer, sources) for layer in data_source.layers}


def _chosen_layer_view(layer: Layer, sources: list[JsonObject]) -> JsonObject:
    in_file, saved, user = (source.get("layers", {}).get(layer.name, {}) for source in sources)
    return {
        **in_file,
        **clean_layer(layer.default_view_configuration),
        **clean_layer(layer.admin_view_configuration),
        **saved,
        **user,
    }


def clean(configuration: JsonObject) -> JsonObject:
    """The known keys of a configuration that have a valid value, ready to be stored."""
    values = _valid_values(DatasetView, configuration)
    if "layers" in values:
        values["layers"] = {
            name: clean_layer(layer)
            for name, layer in values["layers"].items()
            if isinstance(layer, dict)
        }
    return values


def clean_layer(configuration: JsonObject) -> JsonObject:
    """The known keys of a layer's configuration that have a valid value."""
    return _valid_values(LayerView, configuration)


def default_position(data_source: DataSource) -> list[int] | None:
    """The centre of what all layers share, else of the first layer; None without any voxel."""
    boxes = [layer.bounding_box for layer in data_source.layers]
    boxes = [box for box in boxes if not box.is_empty]
    if not boxes:
        return None
    shared = reduce(lambda box, other: box.intersection(other), boxes)
    center: Vec3Int = boxes[0].center if shared.is_empty else shared.center
    return list(center)


def _layer_defaults(layer: Layer) -> JsonObject:
    view = (
        LayerView(alpha=20)
        if layer.is_segmentation
        else LayerView(intensity_range=layer.channel_class.value_range)
    )
    return view.model_dump(mode="json", by_alias=True, exclude=VIEWER_KEYS)


def _valid_values(model: type[_Configuration], values: JsonObject) -> JsonObject:
    valid: JsonObject = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        if values.get(key) is None and not (key in values and key in NULL_IS_A_CHOICE):
            continue
        try:
            one_value = model.model_validate({key: values[key]})
        except ValidationError:
            continue
        valid |= one_value.model_dump(mode="json", by_alias=True, include={name})
    return valid
