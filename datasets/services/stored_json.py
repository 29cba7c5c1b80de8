"""What a database does to numbers in its JSON columns, and how that is undone."""

from typing import Any


def restored(document: Any) -> Any:
    """JSON data as it was before it was stored.

    PostgreSQL writes a float such as 1.7e38, the end of a float layer's range, as a whole number
    of 39 digits. No properties file holds whole numbers beyond 64 bits: it must have been a float.
    """
    match document:
        case dict():
            return {key: restored(value) for key, value in document.items()}
        case list():
            return [restored(value) for value in document]
        case int() if not -(2**63) <= document < 2**64:
            return float(document)
    return document
