#!/usr/bin/env python3
"""Checks every crate of Cargo.lock, on every platform: a licence that we may pass on, and a source that
is crates.io or this repository. Reports crates that are there in several versions.

    tools/licences.py            ends with 1 and names the crates that break a rule
"""

import collections
import json
import re
import subprocess
import sys

# SPDX names. Code under each of these may be linked into a program under `MIT OR Apache-2.0`.
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
}
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met by licences of the list. `AND` binds closer than `OR`;
    a slash is an old way of writing `OR`."""
    expression = expression.replace("/", " OR ")
    tokens = re.findall(r"[()]|(?:AND|OR)\b|[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.+-]+)?", expression)
    value, rest = any_of(tokens)
    if rest:
        raise ValueError(f"no licence expression: {expression}")
    return value


def any_of(tokens):
    value, tokens = all_of(tokens)
    while tokens[:1] == ["OR"]:
        other, tokens = all_of(tokens[1:])
        value = value or other
    return value, tokens


def all_of(tokens):
    value, tokens = one_of(tokens)
    while tokens[:1] == ["AND"]:
        other, tokens = one_of(tokens[1:])
        value = value and other
    return value, tokens


def one_of(tokens):
    if not tokens or tokens[0] in (")", "AND", "OR"):
        raise ValueError("a licence is missing")
    if tokens[0] != "(":
        return tokens[0] in ALLOWED, tokens[1:]
    value, tokens = any_of(tokens[1:])
    if tokens[:1] != [")"]:
        raise ValueError("a parenthesis is missing")
    return value, tokens[1:]


def check_the_rules():
    """The reading of expressions, on expressions whose answer is known."""
    for yes in ("MIT", "MIT/GPL-3.0", "GPL-3.0 OR (MIT AND Zlib)", "Apache-2.0 WITH LLVM-exception", "MIT OR A AND B"):
        assert allowed(yes), yes
    for no in ("GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Zlib) AND GPL-3.0", "MIT WITH some-exception", "A OR MIT AND B"):
        assert not allowed(no), no


def problem(package):
    """What is wrong with a package, or None."""
    if package["source"] not in (None, REGISTRY):
        return f"comes from {package['source']}"
    if not package["license"]:
        return "names no licence"
    try:
        return None if allowed(package["license"]) else f"licence {package['license']} is not on the list"
    except ValueError as error:
        return f"licence {package['license']!r}: {error}"


def main() -> int:
    check_the_rules()
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["packages"]
    versions = collections.defaultdict(list)
    broken = 0
    for package in packages:
        versions[package["name"]].append(package["version"])
        if wrong := problem(package):
            print(f"{package['name']} {package['version']}: {wrong}")
            broken += 1
    for name, several in sorted(versions.items()):
        if len(several) > 1:
            print(f"several versions of {name}: {', '.join(several)}")
    print(f"{len(packages)} crates, {broken} that break a rule")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
