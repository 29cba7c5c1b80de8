"""Compiling numeric loops with numba: without the GIL, and kept on disk where there is room."""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile at the first call with each combination of types, and cache the machine code.

    Where numba finds no directory that it may write to, neither `__pycache__` nor the user's
    cache nor NUMBA_CACHE_DIR, every process compiles anew.
    """
    with contextlib.suppress(RuntimeError):
        return cast("Function", numba.njit(nogil=True, cache=True)(function))
    return cast("Function", numba.njit(nogil=True)(function))
