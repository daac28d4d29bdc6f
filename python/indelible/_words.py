"""What parameters mean that several functions have, said once."""

import re
from typing import TypeVar

_WORDS = {
    "data": """
    X : array of shape (n_samples, n_features), or frame
        The samples, every feature a finite number. uint8, float32 and float64 in C order are used
        where they lie: do not change them meanwhile. More dimensions are flattened.
    y : array of shape (n_samples,)
        Their labels: integers, strings or booleans.""",
    "shards": """
    data : Shards
        The samples and their labels.""",
    "norm": """
    norm : str or float, default="linf"
        "linf", "l1", "l2", or "lP" for a real P from 1 to 1000; or the exponent, as in numpy.""",
    "radius": """
    radius : float
        The largest distance, in the units of the features.
    all_pairs : bool, default=False
        Count pairs of equal labels, too: near-duplicates.
    limit : int, default=1000
        How many pairs are listed at most; all are counted.""",
    "k": """
    k : int
        How many, from 1 to n_samples.""",
    "scale": """
    scale : {None, "images", "minmax", "standard"}, default=None
        What is done to features first. None: nothing. "images": bytes k are k/255, rounded to float32
        (what the program does unasked). "minmax", "standard": every feature onto [0, 1], or to mean 0
        and standard deviation 1; distances are then those of scaled features.""",
    "running": """
    n_jobs : int, default=None
        Threads: -1 for every core, -2 for all but one. None: as many as OpenMP would use, so that
        OMP_NUM_THREADS and threadpoolctl limit them, or RAYON_NUM_THREADS. Results do not depend on it.
    <progress>""",
    "progress": """
    progress : bool or callable, default=None
        None: bars of tqdm where it is installed and stderr is a terminal. A callable is called as
        tqdm is.""",
    "options": """
    scale : {None, "images"}, default=None
        "images": bytes k are k/255, rounded to float32.
    block_rows : int, default=None
        Rows that are read at a time, at most: a worker holds two blocks. None: 256 MiB, or less so
        that all workers have something to do.
    num_cpus : int, default=1
        Cores that a task uses.
    checkpoint : path, default=None
        A folder for what finished tasks found. A run with the same arguments goes on from there.
    <progress>
    work : Work, default=None
        Is told what the call took.""",
    "lost": """
    ValueError, TypeError, OSError, RuntimeError
        When the network, the files or an option cannot be used, or a task is lost again and again.""",
}

Item = TypeVar("Item")


def documented(item: Item) -> Item:
    """A function or class in whose docstring a line ``<name>`` stands for what is said above."""
    text = item.__doc__ or ""
    while (spoken := re.sub(r"\n    <(\w+)>", lambda found: _WORDS[found[1]], text)) != text:
        text = spoken
    item.__doc__ = text
    return item
