"""Sentences are grouped, cut and made printable without losing what they say."""

import os

import pytest

from datasets.properties.sentences import fitting, grouped, printable


def test_what_holds_for_several_layers_is_said_once() -> None:
    sentences = [f"Layer 'l{number}' has no name; name it." for number in range(4)]
    first = "Layer 'l0' has no name; name it."
    assert grouped(sentences[:1]) == [first]
    assert grouped(sentences[:2]) == [f"{first} The same holds for layer 'l1'."]
    assert grouped(sentences[:3]) == [f"{first} The same holds for the layers 'l1' and 'l2'."]
    assert grouped(sentences) == [f"{first} The same holds for the layers 'l1', 'l2' and 1 more."]


def test_different_sentences_stay_and_keep_their_order() -> None:
    sentences = ["There is no scale.", "Layer 'a' has x.", 'Layer "b\'s" has y.']
    assert grouped(sentences) == sentences


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two …"),
        ("one two three", 8, "one …"),
        ("unbreakable", 6, "unbr …"),
    ],
)
def test_a_long_text_is_cut_at_a_word(text: str, limit: int, cut: str) -> None:
    assert fitting(text, limit) == cut
    assert len(cut) <= limit


def test_bytes_that_are_not_utf8_are_shown_as_such() -> None:
    assert printable(os.fsdecode(b"caf\xe9/\xff")) == r"caf\xe9/\xff"
    assert printable("Größe µm") == "Größe µm"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\n", "\x85", "\u200f", "\u2028", "\u2066"])
def test_no_name_can_pretend_to_be_other_text(character: str) -> None:
    assert printable(f"a{character}gpj.tif") == f"a\\u{ord(character):04x}gpj.tif"
