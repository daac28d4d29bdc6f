"""Runs the program as a user does."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Answer:
    """What one run said: exit code, the JSON object on stdout (None if there is none), stderr."""

    code: int
    json: dict | None
    stderr: str


class Program:
    def __init__(self, path: Path):
        self.path = path

    def __call__(self, *arguments, timeout=600) -> Answer:
        """Runs with `--json`. It must end with 0, 1 or 2: anything else is a crash."""
        done = subprocess.run(
            [self.path, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=timeout
        )
        assert done.returncode in (0, 1, 2), f"{arguments}: exit {done.returncode}: {done.stderr}"
        if done.returncode == 2:
            lines = done.stderr.splitlines()
            assert len(lines) == 1, f"{arguments}: one line expected on stderr, got {done.stderr!r}"
        return Answer(done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr)

    def build(self, data, file, *options) -> dict:
        """Builds, and asserts that every sample is certified."""
        answer = self("build", data, "-o", file, *options)
        assert answer.code == 0, answer.stderr
        assert answer.json["certified"] == answer.json["samples"]
        return answer.json

    def certify(self, file, data, *options) -> Answer:
        return self("certify", file, data, *options)
