"""Where pictures are drawn."""

from typing import Any, TypeVar

Display = TypeVar("Display")


def axes(ax: Any) -> Any:
    """The axes given, or new ones. Needs matplotlib."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("plot needs matplotlib: pip install matplotlib") from None
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def drawn(display: Display, ax: Any) -> Display:
    """What was drawn, with ``ax_`` and ``figure_``, as scikit-learn's displays have them."""
    # Results are frozen; where they were drawn is no part of them.
    object.__setattr__(display, "ax_", ax)
    object.__setattr__(display, "figure_", ax.figure)
    return display
