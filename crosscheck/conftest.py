"""Where the program and MNIST are."""

import os
from pathlib import Path

import pytest

from program import Program

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def program():
    path = os.environ.get("INDELIBLE")
    if not path:
        pytest.exit("set INDELIBLE to the program, for instance target/release/indelible", returncode=2)
    return Program(Path(path).resolve())


@pytest.fixture(scope="session")
def mnist():
    folder = Path(os.environ.get("INDELIBLE_MNIST") or ROOT.parent / "shared" / "data" / "mnist")
    images = folder / "train-images-idx3-ubyte.gz"
    if not images.exists():
        pytest.skip(f"no MNIST training images in {folder}; set INDELIBLE_MNIST")
    return images


@pytest.fixture(scope="session")
def vnncomp():
    """Networks of VNN-COMP benchmarks."""
    folder = Path(os.environ.get("INDELIBLE_VNNCOMP") or ROOT.parent / "shared" / "data" / "vnncomp")
    files = sorted(folder.glob("*.onnx*"))
    if not files:
        pytest.skip(f"no networks of VNN-COMP in {folder}; set INDELIBLE_VNNCOMP")
    return files
