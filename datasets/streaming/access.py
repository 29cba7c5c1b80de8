"""Who may read a dataset's data: decided by datasets.access, remembered per process.

A decision is remembered for a dataset and a credential, together with the access generation that
was read before deciding. Every change of a right raises the generation on commit, for all
processes: a revoked right ends with the next request. What ends by the clock alone (tokens, links,
sessions) ends within RECHECK_SECONDS.
"""

import time
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.db import close_old_connections, connection
from django.http import HttpRequest
from django.utils.module_loading import import_string

from datasets.access import Action, may
from datasets.models import Dataset
from datasets.streaming.answers import Audience
from datasets.streaming.catalog import ServedDataset, serve
from datasets.streaming.requests import Credential, CredentialKind
from datasets.streaming.tokens import ReaderKind, opened_page_token
from sharing import generation
from sharing.access import ANONYMOUS, Actor, actor_for
from sharing.errors import Conflict, NotFound
from sharing.models import User
from sharing.secrets import digest
from sharing.services import tokens
from sharing.services.links import note_use

RECHECK_SECONDS = 60
# Somebody who tries tokens must not fill the memory; everything is decided anew then.
_MAX_DECISIONS = 20_000


class _Decision(NamedTuple):
    generation: int
    made: float
    outcome: ServedDataset | NotFound | Conflict


_decisions: dict[tuple[str, Credential], _Decision] = {}
_served: dict[str, tuple[int, float, ServedDataset | Conflict]] = {}


def admitted(dataset_id: str, credential: Credential) -> ServedDataset:
    """The dataset, for somebody who may view it.

    Raises NotFound, the same for a dataset that must not be seen and for none, and Conflict for one
    that may be seen but can't be used.
    """
    now = time.monotonic()
    current = generation.current()
    key = (dataset_id, credential)
    decision = _decisions.get(key)
    if decision is None or decision.generation != current or now - decision.made >= RECHECK_SECONDS:
        decision = _Decision(current, now, _decide(dataset_id, credential, current, now))
        if len(_decisions) >= _MAX_DECISIONS:
            _decisions.clear()
        _decisions[key] = decision
    outcome = decision.outcome
    if isinstance(outcome, ServedDataset):
        return outcome
    raise type(outcome)(*outcome.messages)


def _decide(
    dataset_id: str, credential: Credential, current: int, now: float
) -> ServedDataset | NotFound | Conflict:
    _close_old_connections()
    try:
        dataset = Dataset.objects.filter(pk=dataset_id).first()
        actor = actor_of(credential, dataset_id)
        if dataset is None or not may(actor, Action.VIEW, dataset):
            return NotFound("There is no such data, or you can't see it.")
        if actor.link_digests:
            note_use(actor.link_digests)
        known = _served.get(dataset_id)
        if known is None or known[0] != current or now - known[1] >= RECHECK_SECONDS:
            known = (current, now, _serve(dataset))
            if len(_served) >= _MAX_DECISIONS:
                _served.clear()
            _served[dataset_id] = known
        return known[2]
    finally:
        _close_old_connections()


def _close_old_connections() -> None:
    """What Django does before and after its requests: the fast path runs outside of them."""
    if not connection.in_atomic_block:
        close_old_connections()


def _serve(dataset: Dataset) -> ServedDataset | Conflict:
    try:
        return serve(dataset)
    except Conflict as conflict:
        return conflict


def actor_of(credential: Credential, dataset_id: str) -> Actor:
    """Whoever stands behind a credential, as far as this dataset is concerned."""
    if credential.kind is CredentialKind.NONE:
        return ANONYMOUS
    if credential.kind is CredentialKind.SESSION:
        return actor_for(_user_of_session(credential.secret))
    if page := opened_page_token(credential.secret):
        if page.dataset_id != dataset_id:
            return ANONYMOUS
        if page.kind is ReaderKind.SESSION:
            return actor_for(_user_of_session(page.reader))
        return Actor(link_digests=frozenset({page.reader} - {""}))
    links = frozenset({digest(credential.secret)})
    token = tokens.authenticate(credential.secret)
    return actor_for(token.user if token else None, link_digests=links)


def _user_of_session(session_key: str) -> User | AnonymousUser:
    """The user signed in with this session; nobody where it ended or the password changed."""
    request = HttpRequest()
    request.session = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(session_key)
    return get_user(request)


def audience_of(credential: Credential, dataset: ServedDataset) -> Audience:
    """Who may see and keep what the credential opened of the dataset."""
    is_public = dataset.row.is_public
    return Audience(
        # An address with a token in it is one reader's, whatever it opens.
        is_public=is_public and credential.kind is not CredentialKind.ADDRESS,
        # Whoever else uses the browser must not get what a cookie or a personal token opened.
        may_keep=is_public or credential.kind is CredentialKind.ADDRESS,
        is_any_origin=is_public or credential.is_token,
    )


def forget() -> None:
    """Forget every decision of this process."""
    _decisions.clear()
    _served.clear()
