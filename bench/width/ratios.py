"""Nonzero parameters of `projected` against the ratio, beside the upper bound of Kim, Moon & Yun (NeurIPS 2025,
Theorem 4.2).

    python bench/width/ratios.py DATA --program target/release/indelible --svg docs/figures/projected-ratios.svg

Every network is built and certified from its file. The bound is drawn without its constants and logarithms:
√N up to ρ = 1/(5N√n), N n^¼ ρ^½ up to 1/(5√n), N n² ρ⁴ above. Needs Python alone."""

import argparse
import json
import math
import subprocess
import tempfile
from pathlib import Path

RATIOS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]


def answer(program, *arguments):
    return json.loads(subprocess.run([program, *arguments, "--json"], check=True, capture_output=True, text=True).stdout)


def built(program, data, construction, ratio):
    """Nonzero parameters, rows of the first layer, samples, features; every ball is certified."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "net.onnx")
        asked = ["--norm", "l2", "--ratio", str(ratio), "--construction", construction]
        report = answer(program, "build", data, *asked, "-o", file)
        assert report["certified"] == report["samples"], report
        seen = subprocess.run([program, "inspect", file], check=True, capture_output=True, text=True).stdout
    lines = dict(line.split(maxsplit=1) for line in seen.splitlines())
    rows = int(lines["directions"].split(",")[0]) if "directions" in lines else None
    return report["parameters"]["nonzero"], rows, report["samples"], int(lines["inputs"])


def kim(samples, features, ratio):
    if ratio <= 1 / (5 * samples * math.sqrt(features)):
        return math.sqrt(samples)
    if ratio <= 1 / (5 * math.sqrt(features)):
        return samples * features**0.25 * ratio**0.5
    return samples * features**2 * ratio**4


def svg(title, curves):
    """Both axes are logarithmic; circles were built and counted."""
    left, top, width, height = 70, 40, 640, 430
    counts = [count for _, points, _ in curves for _, count in points]
    low, high = math.floor(math.log10(min(counts))), math.ceil(math.log10(max(counts)))
    across = lambda ratio: left + width * (math.log10(ratio) + 2) / 2
    up = lambda count: top + height * (high - math.log10(count)) / (high - low)
    text = 'font-family="sans-serif" font-size="12" fill="#222"'
    lines = ['<svg width="900" height="530" viewBox="0 0 900 530" xmlns="http://www.w3.org/2000/svg">',
             '<rect width="900" height="530" fill="#fff"/>', f'<text x="{left}" y="22" {text}>{title}</text>']
    for ratio in [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]:
        x = across(ratio)
        lines.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + height}" stroke="#ddd"/>')
        lines.append(f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle" {text}>{ratio:g}</text>')
    for k in range(low, high + 1):
        y = up(10**k)
        lines.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" {text}>10^{k}</text>')
    for (name, points, is_built), color in zip(curves, ["#0072b2", "#d55e00", "#009e73"]):
        path = " ".join(f"{across(r):.1f},{up(c):.1f}" for r, c in points)
        dashes = "" if is_built else ' stroke-dasharray="6 4"'
        lines.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"{dashes}/>')
        if is_built:
            lines += [f'<circle cx="{across(r):.1f}" cy="{up(c):.1f}" r="3.5" fill="{color}"/>' for r, c in points]
        ratio, count = points[-1]
        lines.append(f'<text x="{across(ratio) + 10:.1f}" y="{up(count) + 4:.1f}" {text}>{name}</text>')
    lines.append(f'<text x="{left}" y="{top + height + 40}" {text}>ratio ρ; circles were built and certified, '
                 'the dashed line is an order without constants and logarithms</text>')
    return "\n".join(lines + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--program", default="target/release/indelible")
    parser.add_argument("--svg", type=Path)
    args = parser.parse_args()
    program = str(Path(args.program).resolve())
    ours, nearest, theirs = [], [], []
    print("| ρ | m | `projected` | `nearest` | Kim et al. |\n|---|---|---|---|---|")
    for ratio in RATIOS:
        count, rows, samples, features = built(program, args.data, "projected", ratio)
        ours.append((ratio, count))
        nearest.append((ratio, built(program, args.data, "nearest", ratio)[0]))
        print(f"| {ratio} | {rows} | {count:,} | {nearest[-1][1]:,} | {kim(samples, features, ratio):,.0f} |", flush=True)
    fine = [0.01 * 99 ** (k / 200) for k in range(201)]
    theirs = [(ratio, kim(samples, features, ratio)) for ratio in fine]
    if args.svg:
        title = f"Nonzero parameters against the ratio, l2, {samples:,} samples of {features} features"
        curves = [("projected", ours, True), ("nearest", nearest, True), ("Kim et al.", theirs, False)]
        args.svg.write_text(svg(title, curves), encoding="utf-8")


if __name__ == "__main__":
    main()
