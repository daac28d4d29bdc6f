"""NeuralSAT (neuralsat) with the command line of VNN-LIB 2.0: verify QUERY --network N=FILE --timeout S.

It reads VNN-LIB 1.0, so that the query has to be one of a benchmark, which has the same question in both versions.
"""

import argparse
import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["verify"])
    parser.add_argument("query", type=pathlib.Path)
    parser.add_argument("--network", required=True)
    parser.add_argument("--timeout", type=float, default=60)
    arguments = parser.parse_args()
    parts = ["1.0" if part == "2.0" else part for part in arguments.query.parts]
    query = pathlib.Path(*parts)
    file = arguments.network.split("=", 1)[1]
    if parts == list(arguments.query.parts) or not query.exists():
        sys.exit(f"{arguments.query}: there is no such question in version 1.0")
    (program,) = [f for f in importlib.metadata.files("neuralsat") if str(f) == "src/main.py"]
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result"
        command = [sys.executable, program.locate(), "--net", file, "--spec", query, "--device", "cpu", "--batch", "100"]
        command += ["--timeout", str(arguments.timeout), "--verbosity", "0", "--result_file", result, "--export_cex"]
        run = subprocess.run(command, capture_output=True, text=True)
        text = result.read_text() if result.exists() else ""
    if not text:
        # The tool ended without an answer: the last line says why.
        sys.exit(run.stderr.strip().splitlines()[-1] if run.stderr.strip() else f"exit code {run.returncode}")
    answer = text.split("\n", 1)[0].strip()
    print({"timeout": "timed-out", "early_stop": "unknown"}.get(answer, answer))
    if answer == "sat":
        for name, number in (("X", "input"), ("Y", "output")):
            values = re.findall(rf"\({name}_\d+ ([^)\s]+)\)", text)
            print(name, "float32", f"[{len(values)}]")
            print("\n".join(values))


if __name__ == "__main__":
    main()
