"""Where the program is that the package is compared with."""

import json
import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def program():
    """Runs the program with `--json`; it must succeed."""
    path = os.environ.get("INDELIBLE")
    if not path:
        pytest.skip("INDELIBLE does not name the program")

    def run(*arguments):
        command = [Path(path).resolve(), *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode in (0, 1), f"{arguments}: exit {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    return run
