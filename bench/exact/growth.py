"""How the memorizers of `indelible exact` grow with the number of samples.

    python bench/exact/growth.py --program target/release/indelible --svg docs/figures/exact-growth.svg

Data: one feature, distinct random integers of 40 bits, 10 random labels. Cuts have 64 bits throughout
(`--key-bits 64`), so that only the number of samples changes. Up to 20,000 samples networks are built and
counted; beyond, their formulas, which are compared with every count first, for 9 runs in 10 samples. Needs numpy."""

import argparse
import json
import math
import subprocess
import tempfile
from pathlib import Path

import numpy as np

KEY_BITS, LABEL_BITS, LABELS = 64, 4, 10
BUILT = [100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000]
BEYOND = [10**5, 10**6, 10**7, 10**8, 10**9, 10**10]


def formula(runs, group):
    """Nonzero parameters for `runs` runs along one feature in groups of `group`."""
    groups, kappa, c = -(-runs // group), KEY_BITS, LABEL_BITS
    if group == 1:
        return 1 + 6 * groups - 3
    if group == 2:
        return 1 + 8 * groups + 15 * kappa + 16 * c + 2
    return 1 + 8 * groups + (group - 2) * (16 * kappa + 12 * c + 13) + 15 * kappa + 16 * c + 6


def ceil_root(runs, power):
    group = max(1, round(runs ** (1 / power)))
    while group**power >= runs and group > 1:
        group -= 1
    while group**power < runs:
        group += 1
    return group


def best(runs):
    root = math.isqrt(8 * runs // (16 * KEY_BITS + 12 * LABEL_BITS + 13))
    return min(range(1, min(2 * root + 3, runs) + 1), key=lambda group: formula(runs, group))


# name: (construction, group of so many runs; None: as the construction chooses, what it comes to)
CURVES = {
    "zhang2017": ("zhang2017", None, lambda runs: 1 + 5 * runs - 3),
    "park2021, g = ⌈∛K⌉": ("park2021", None, lambda runs: formula(runs, ceil_root(runs, 3))),
    "vardi2022, g = ⌈√K⌉": ("vardi2022", lambda runs: ceil_root(runs, 2), lambda runs: formula(runs, ceil_root(runs, 2))),
    "vardi2022, best g": ("vardi2022", None, lambda runs: formula(runs, best(runs))),
}


def exact(program, data, *options):
    command = [program, "exact", data, "--key-bits", str(KEY_BITS), "--count", "--json", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(program, samples, seed):
    rng = np.random.default_rng(seed)
    places = rng.choice(1 << 40, samples, replace=False).astype(np.float64)
    labels = rng.integers(0, LABELS, samples)
    labels[:LABELS] = range(LABELS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.npz"
        np.savez(file, X=places[:, None], y=labels)
        runs = exact(program, file, "--construction", "zhang2017")["line"]["runs"]
        found = {}
        for name, (construction, group, calculated) in CURVES.items():
            asked = [] if group is None else ["--group", str(group(runs))]
            answer = exact(program, file, "--construction", construction, *asked)
            assert answer["line"]["key_bits"] == KEY_BITS, answer["line"]
            row = answer["constructions"][0]
            count = row["parameters"]["nonzero"]
            # Two weights less for neighbouring groups with the same labels.
            assert calculated(runs) - 2 * runs / 5 <= count <= calculated(runs), (name, samples, count, calculated(runs))
            found[name] = (count, row["group"], row["bits_per_parameter"], row["bits"])
    return runs, found


def exponent(points):
    samples, counts = np.array(points, dtype=float).T
    return np.polyfit(np.log(samples), np.log(counts), 1)[0]


def svg(curves):
    """Nonzero parameters against samples; filled circles were built, hollow ones calculated."""
    left, top, width, height = 70, 40, 760, 470
    lowest, highest = (2, 2), (10, 11)
    across = lambda n: left + width * (math.log10(n) - lowest[0]) / (highest[0] - lowest[0])
    up = lambda p: top + height * (1 - (math.log10(p) - lowest[1]) / (highest[1] - lowest[1]))
    text = 'font-family="sans-serif" font-size="12" fill="#222"'
    lines = [f'<svg width="1040" height="570" viewBox="0 0 1040 570" xmlns="http://www.w3.org/2000/svg">',
             '<rect width="1040" height="570" fill="#fff"/>',
             f'<text x="{left}" y="22" {text}>Nonzero parameters against samples, cuts of 64 bits, 10 labels</text>']
    for k in range(lowest[0], highest[0] + 1):
        x = across(10**k)
        lines.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + height}" stroke="#ddd"/>')
        lines.append(f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle" {text}>10^{k}</text>')
    for k in range(lowest[1], highest[1] + 1):
        y = up(10**k)
        lines.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" {text}>10^{k}</text>')
    for (name, (built, calculated)), color in zip(curves.items(), ["#d55e00", "#009e73", "#56b4e9", "#0072b2"]):
        points = built + calculated
        path = " ".join(f"{across(n):.1f},{up(p):.1f}" for n, p in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        for n, p in points:
            fill = color if (n, p) in built else "#fff"
            lines.append(f'<circle cx="{across(n):.1f}" cy="{up(p):.1f}" r="3.5" fill="{fill}" stroke="{color}"/>')
        n, p = points[-1]
        lines.append(f'<text x="{across(n) + 10:.1f}" y="{up(p) + 4:.1f}" {text}>{name}</text>')
    lines.append(f'<text x="{left}" y="{top + height + 40}" {text}>samples; full circles were built and counted, hollow ones calculated</text>')
    return "\n".join(lines + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="target/release/indelible")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--svg", type=Path)
    args = parser.parse_args()
    program = Path(args.program).resolve()
    built = {name: [] for name in CURVES}
    print("| N | K | " + " | ".join(CURVES) + " |\n|" + "---|" * (2 + len(CURVES)))
    for samples in BUILT:
        runs, found = measure(program, samples, args.seed)
        cells = []
        for name, (count, group, each, bits) in found.items():
            built[name].append((samples, count))
            cells.append(f"{count:,}" + (f" (g = {group}, {each:,} bits at most, {bits:,} in all)" if group else f" ({each:,} bits at most, {bits:,} in all)"))
        print(f"| {samples:,} | {runs:,} | " + " | ".join(cells) + " |", flush=True)
    calculated = {name: [(n, CURVES[name][2](n * 9 // 10)) for n in BEYOND] for name in CURVES}
    for at, samples in enumerate(BEYOND):
        print(f"| {samples:,} | calculated | " + " | ".join(f"{calculated[name][at][1]:,}" for name in CURVES) + " |")
    print()
    for name in CURVES:
        print(f"{name}: exponent {exponent(built[name]):.3f} over what was built", end="")
        for low, high in zip(BEYOND, BEYOND[1:]):
            points = [point for point in calculated[name] if low <= point[0] <= high]
            print(f", {exponent(points):.3f} from {low:.0e} to {high:.0e}", end="")
        print()
    if args.svg:
        args.svg.write_text(svg({name: (built[name], calculated[name]) for name in CURVES}), encoding="utf-8")


if __name__ == "__main__":
    main()
