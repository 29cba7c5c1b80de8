"""Directory pages: plain HTML with one link an entry, by which HTTP file systems list folders."""

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from datasets.streaming.answers import Answer, text_answer


def directory_page(title: str, entries: Iterable[str]) -> Answer:
    """A page that links to the entries, names of folders ending in a slash."""
    links = "\n".join(
        f'<li><a href="{escape(quote(f"./{entry}"))}">{escape(entry)}</a></li>' for entry in entries
    )
    return text_answer(
        f"<!doctype html>\n<title>{escape(title)}</title>\n<h1>{escape(title)}</h1>\n"
        f"<ul>\n{links}\n</ul>\n",
        "text/html; charset=utf-8",
    )
