"""How much is tried. By default a few minutes of everything; `INDELIBLE_FUZZ`, a whole number, multiplies what
is repeated, here as in the Rust tests: mutants, damaged files, random datasets, points asked of Marabou.
From 10 on (`./test --all`) no combination of options is left out."""

import os

FUZZ = int(os.environ.get("INDELIBLE_FUZZ") or "1")
LONG = FUZZ >= 10


def rounds(usual, most=None) -> int:
    """How often to try what is tried `usual` times by default, but not more than `most` times."""
    return min(usual * FUZZ, most or usual * FUZZ)


def some(cases, every) -> list:
    """Every `every`-th of the cases, all of them in a long run."""
    return list(cases)[:: 1 if LONG else every]
