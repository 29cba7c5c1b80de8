"""The page inside the viewer's frame: Neuroglancer as its wheel brings it, and nothing of ours
but a shim.

The wheel's client is made for a Python server. It takes a token from an address ending in
`/v/<token>`, wants an event stream (static/js/viewer/shim.js pretends one), and must not get a
`<base>`, which would redirect its changes of the address. Its JavaScript evaluates strings, which
only this page's policy allows.
"""

import re
from functools import cache

from csp.constants import NONE, SELF, UNSAFE_EVAL
from csp.decorators import csp
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.utils.html import format_html
from django.views.decorators.http import require_safe

_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF],
    "connect-src": [SELF],
    "img-src": [SELF, "data:"],
    "worker-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
}


@require_safe
@csp(_POLICY)
def viewer_frame(request: HttpRequest) -> HttpResponse:
    """Neuroglancer without any data: the page around it says what to show."""
    return HttpResponse(_document())


@cache
def _document() -> str:
    """The wheel's index.html with our addresses, our shim before its scripts, our style after."""
    index = (settings.NEUROGLANCER_CLIENT / "index.html").read_text(encoding="utf-8")
    index = re.sub(r'(src|href)="([^"]+)"', lambda found: _static(found[1], found[2]), index)
    shim = format_html('<script src="{}"></script>', static("js/viewer/shim.js"))
    style = format_html('<link rel="stylesheet" href="{}">', static("css/viewer-frame.css"))
    return index.replace("<head>", f"<head>{shim}").replace("</head>", f"{style}</head>")


def _static(attribute: str, name: str) -> str:
    return f'{attribute}="{static(f"neuroglancer/{name}")}"'
