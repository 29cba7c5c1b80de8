"""What every request meets on its way: impossible addresses are refused, errors become pages, and
visits are noted.
"""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from .api.errors import as_json
from .errors import Invalid, NotAllowed, NotFound, NotSignedIn, ServiceError
from .models import User
from .services.people import note_activity

Handler = Callable[[HttpRequest], HttpResponseBase]

_PROGRAMS = ("/api/", "/data/")
_PAGES = {NotFound.status: "404.html", NotAllowed.status: "403.html"}


class ServiceErrors:
    """Answers the expected failures that a view let pass: a page for people, JSON for programs."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Hand on; `process_exception` does the work."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The answer to a ServiceError; None for a crash, which is Django's business."""
        if not isinstance(error, ServiceError):
            return None
        return _answer(request, error)


class WithoutNul:
    """Answers addresses that hold a NUL: nothing has a name with one, and PostgreSQL takes none.

    It comes before all that asks the database, and so before the session.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """404 for such a path, 400 for such a query."""
        if "\0" in request.path_info:
            return _answer(request, NotFound("There is nothing here: the address holds a NUL."))
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query or "\0" in query:
            return _answer(request, Invalid("The address's query holds a NUL. Leave that out."))
        return self.get_response(request)


class KeptByNobody:
    """Says of every answer that says nothing itself that it is for this person and this moment.

    Otherwise a cache on the way may keep it, and hand what one token opened to the next.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Hand on, then say so."""
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class LastActivity:
    """Notes when a signed-in person was here; tokens note it themselves."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, then note; requests without a session cookie cost nothing."""
        response = self.get_response(request)
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
            note_activity(request.user)
        return response


def _answer(request: HttpRequest, error: ServiceError) -> HttpResponse:
    if request.path.startswith(_PROGRAMS):
        return as_json(error)
    if isinstance(error, NotSignedIn):
        return redirect_to_login(request.get_full_path())
    page = _PAGES.get(error.status, "sharing/problem.html")
    return render(request, page, {"exception": error}, status=error.status)
