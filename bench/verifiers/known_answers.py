"""A test generator for the suite vnnlib-satisfactory: the instances of a benchmark with known answers.

Put this file into the folder vnntest/generators of the installed suite (bench/verifiers/suite does that), name the
folder that `indelible benchmark` has written in the variable INDELIBLE_BENCHMARK, and run the suite:

    vnnlib-satisfactory run --solver mytool --test known_answers

Without the variable it generates nothing.
"""

import csv
import os
from pathlib import Path

import onnx
from vnntest.core.protocols import CaseSource, TestGenerator
from vnntest.core.registry import register_generator


class KnownAnswer(CaseSource):
    """An instance of the benchmark: files as they are, and the answer."""

    node_type = "known_answers"
    suite = "full"
    generator = "known_answers"

    def __init__(self, folder: Path, row: dict):
        self.folder, self.row = folder, row
        self.id = Path(row["vnnlib"]).stem.replace("-", "_")

    def build_onnx_model(self):
        return onnx.load(self.folder / "2.0" / self.row["onnx"])

    def build_vnnlib_spec(self):
        return (self.folder / "2.0" / self.row["vnnlib"]).read_text()

    def expected_output(self):
        return self.row["status"].upper()

    def unexpected_result_message(self):
        if self.row["status"] == "sat":
            return f"A point that meets the constraints exactly and as executed is in {self.row['witness']}."
        return f"Some constraint fails by {float(self.row['margin']):.3g} or more, proved by {self.row['engines']}."

    def description(self):
        return f"{self.row['family']}: {self.row['construction']} at {float(self.row['distance']):.3g} of the boundary"


class KnownAnswersGenerator(TestGenerator):
    """Yields what is right whatever tolerance a solver has."""

    name = "known_answers"
    suite = "full"

    def generate(self):
        folder = os.environ.get("INDELIBLE_BENCHMARK")
        if not folder:
            return
        with open(Path(folder) / "ground_truth.csv", newline="") as file:
            for row in csv.DictReader(file):
                if row["tolerance_safe"] == "true":
                    yield KnownAnswer(Path(folder).resolve(), row)


register_generator(KnownAnswersGenerator())
