"""Options that are numbers or a yes or no: what means something else is not taken for one."""

import sys
from numbers import Real
from typing import Any

import numpy as np


def whole(value: Any, name: str, least: int, most: int = sys.maxsize) -> int:
    """An integer that is not below ``least`` nor above ``most``."""
    number = value.__index__() if hasattr(value, "__index__") and not isinstance(value, (bool, np.bool_)) else None
    open_end = most == sys.maxsize and (number is None or number <= most)
    expected = f"{least} or more" if open_end else f"{least} to {most:,}"
    if number is None:
        raise TypeError(f"{name} is {value!r}; expected an integer, {expected}")
    if not least <= number <= most:
        raise ValueError(f"{name} is {value}; expected {expected}")
    return number


def real(value: Any, name: str) -> float:
    """A number; what range it must be in is said by whoever uses it."""
    value = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}; expected a number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} is {value}; expected a number that float64 holds") from None
    if number != value and value == value:
        raise ValueError(f"{name} is {value!r}, which no float64 holds exactly; expected a float")
    return number


def real_or_none(value: Any, name: str) -> float | None:
    """A number, or nothing."""
    return None if value is None else real(value, name)


def text(value: Any, name: str) -> str:
    """A word; which ones there are is said by whoever uses it."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; expected a str")
    return value


def yes(value: Any, name: str) -> bool:
    """Whether something is to be done."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}; expected True or False")
    return bool(value)
