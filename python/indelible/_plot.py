"""Where pictures are drawn."""

from typing import Any


def axes(ax: Any) -> Any:
    """The axes given, or new ones. Needs matplotlib."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("plot needs matplotlib: pip install matplotlib") from None
    return plt.subplots(layout="constrained")[1] if ax is None else ax
