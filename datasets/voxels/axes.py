"""Which axis of a stored array is which: c, x, y, z, an additional axis, or one without a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_DEFAULTS = {3: ("x", "y", "z"), 4: ("c", "x", "y", "z")}


def named_axes(
    shape: Sequence[int],
    axis_order: Mapping[str, int] | None,
    additional_axes: Mapping[str, int],
) -> tuple[str | None, ...]:
    """Name every axis of a stored array of `shape`, in stored order.

    `axis_order` maps x, y (and where they exist z and c) to positions, `additional_axes` the
    names of further axes. Without an order, three axes are x, y, z and four are c, x, y, z. An
    axis of length 1 may stay undeclared; its name is None. ValueError says what is wrong.
    """
    rank = len(shape)
    if axis_order is None:
        remaining = [axis for axis in range(rank) if axis not in additional_axes.values()]
        default = _DEFAULTS.get(len(remaining))
        if default is None:
            raise ValueError(f"it has {rank} axes, so the properties must give an axis order")
        axis_order = dict(zip(default, remaining, strict=True))
    if not {"x", "y"} <= set(axis_order) <= {"c", "x", "y", "z"}:
        raise ValueError(
            f"the axis order {dict(axis_order)} must name x and y, beside them z and c"
        )
    names: list[str | None] = [None] * rank
    for name, position in (*axis_order.items(), *additional_axes.items()):
        if not 0 <= position < rank:
            raise ValueError(f"axis {name} has position {position}, but there are {rank} axes")
        if names[position] is not None:
            raise ValueError(f"the axes {names[position]} and {name} have the same position")
        if name in names:
            raise ValueError(f"the axis {name} is named twice")
        names[position] = name
    for position, length in enumerate(shape):
        if names[position] is None and length != 1:
            raise ValueError(f"nothing says what its axis {position} of length {length} is")
    return tuple(names)
