"""Length units of voxel sizes: their names, their sizes, and the many spellings that files use.

The list is the one that OME-NGFF allows for space axes and that datasource-properties.json shares.
"""

import unicodedata
from enum import StrEnum


class LengthUnit(StrEnum):
    YOCTOMETER = "yoctometer"
    ZEPTOMETER = "zeptometer"
    ATTOMETER = "attometer"
    FEMTOMETER = "femtometer"
    PICOMETER = "picometer"
    ANGSTROM = "angstrom"
    NANOMETER = "nanometer"
    MICROMETER = "micrometer"
    MILLIMETER = "millimeter"
    CENTIMETER = "centimeter"
    INCH = "inch"
    DECIMETER = "decimeter"
    FOOT = "foot"
    YARD = "yard"
    METER = "meter"
    HECTOMETER = "hectometer"
    KILOMETER = "kilometer"
    MILE = "mile"
    MEGAMETER = "megameter"
    GIGAMETER = "gigameter"
    TERAMETER = "terameter"
    PETAMETER = "petameter"
    PARSEC = "parsec"
    EXAMETER = "exameter"
    ZETTAMETER = "zettameter"
    YOTTAMETER = "yottameter"

    @property
    def nanometers(self) -> float:
        """How many nanometres one of this unit is."""
        return _NANOMETERS[self]

    @property
    def symbol(self) -> str:
        """The short form for people, as in `nm` or `µm` (with the micro sign U+00B5)."""
        return _SYMBOLS[self]


_NANOMETERS = {
    LengthUnit.YOCTOMETER: 1e-15,
    LengthUnit.ZEPTOMETER: 1e-12,
    LengthUnit.ATTOMETER: 1e-9,
    LengthUnit.FEMTOMETER: 1e-6,
    LengthUnit.PICOMETER: 1e-3,
    LengthUnit.ANGSTROM: 0.1,
    LengthUnit.NANOMETER: 1.0,
    LengthUnit.MICROMETER: 1e3,
    LengthUnit.MILLIMETER: 1e6,
    LengthUnit.CENTIMETER: 1e7,
    LengthUnit.INCH: 2.54e7,
    LengthUnit.DECIMETER: 1e8,
    LengthUnit.FOOT: 3.048e8,
    LengthUnit.YARD: 9.144e8,
    LengthUnit.METER: 1e9,
    LengthUnit.HECTOMETER: 1e11,
    LengthUnit.KILOMETER: 1e12,
    LengthUnit.MILE: 1.609344e12,
    LengthUnit.MEGAMETER: 1e15,
    LengthUnit.GIGAMETER: 1e18,
    LengthUnit.TERAMETER: 1e21,
    LengthUnit.PETAMETER: 1e24,
    LengthUnit.PARSEC: 3.0856775814913673e25,
    LengthUnit.EXAMETER: 1e27,
    LengthUnit.ZETTAMETER: 1e30,
    LengthUnit.YOTTAMETER: 1e33,
}

_SYMBOLS = {
    LengthUnit.YOCTOMETER: "ym",
    LengthUnit.ZEPTOMETER: "zm",
    LengthUnit.ATTOMETER: "am",
    LengthUnit.FEMTOMETER: "fm",
    LengthUnit.PICOMETER: "pm",
    LengthUnit.ANGSTROM: "\u00c5",
    LengthUnit.NANOMETER: "nm",
    LengthUnit.MICROMETER: "\u00b5m",
    LengthUnit.MILLIMETER: "mm",
    LengthUnit.CENTIMETER: "cm",
    LengthUnit.INCH: "in",
    LengthUnit.DECIMETER: "dm",
    LengthUnit.FOOT: "ft",
    LengthUnit.YARD: "yd",
    LengthUnit.METER: "m",
    LengthUnit.HECTOMETER: "hm",
    LengthUnit.KILOMETER: "km",
    LengthUnit.MILE: "mi",
    LengthUnit.MEGAMETER: "Mm",
    LengthUnit.GIGAMETER: "Gm",
    LengthUnit.TERAMETER: "Tm",
    LengthUnit.PETAMETER: "Pm",
    LengthUnit.PARSEC: "pc",
    LengthUnit.EXAMETER: "Em",
    LengthUnit.ZETTAMETER: "Zm",
    LengthUnit.YOTTAMETER: "Ym",
}


def _folded(text: str) -> str:
    # NFKC makes one of the two letters micro (U+00B5, U+03BC) and of the two Å (U+00C5, U+212B).
    return unicodedata.normalize("NFKC", text.strip())


_BY_SYMBOL = {_folded(symbol): unit for unit, symbol in _SYMBOLS.items()}
_BY_SYMBOL["um"] = LengthUnit.MICROMETER

_BY_NAME = {unit.value: unit for unit in LengthUnit}
_BY_NAME |= {f"{name}s": unit for name, unit in list(_BY_NAME.items())}
_BY_NAME |= {name.replace("meter", "metre"): unit for name, unit in list(_BY_NAME.items())}
_BY_NAME |= {
    "micron": LengthUnit.MICROMETER,
    "microns": LengthUnit.MICROMETER,
    "inches": LengthUnit.INCH,
    "feet": LengthUnit.FOOT,
    "ångström": LengthUnit.ANGSTROM,
    "ångstrom": LengthUnit.ANGSTROM,
}


def parse_unit(text: str) -> LengthUnit:
    """The unit that `text` names in any usual spelling: `um`, `μm`, `micron`, `Micrometer` ...

    Short forms are told apart by case (`mm` and `Mm`), names are not. Raises ValueError.
    """
    folded = _folded(text)
    unit = _BY_SYMBOL.get(folded) or _BY_NAME.get(folded.lower())
    if unit is None:
        raise ValueError(
            f"{text!r} is not a known unit of length; use a name such as nanometer or micrometer"
        )
    return unit
