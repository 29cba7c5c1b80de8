"""Integers beyond 2^53-1, which JavaScript can't hold, travel in JSON as an envelope of text:
{"customJsonEncoding": "bigint", "value": "9007199254740993"} (API version 15 and later).
"""

from typing import Annotated, Any

from pydantic import BeforeValidator

LARGEST_PLAIN_INTEGER = 2**53 - 1


def _opened(value: object) -> object:
    if isinstance(value, dict) and value.get("customJsonEncoding") == "bigint":
        return value.get("value")
    return value


BigInt = Annotated[int, BeforeValidator(_opened)]


def with_bigint_envelopes(document: Any) -> Any:
    """A copy of JSON data in which each integer beyond 2^53-1 is in an envelope."""
    match document:
        case dict():
            return {key: with_bigint_envelopes(value) for key, value in document.items()}
        case list():
            return [with_bigint_envelopes(value) for value in document]
        case int() if abs(document) > LARGEST_PLAIN_INTEGER:
            return {"customJsonEncoding": "bigint", "value": str(document)}
    return document
