"""What PyTorch itself exports, where it is installed: the old exporter in several operator sets, and the new one where
there is one. Same numbers as onnxruntime, and certificates. `pip install torch onnxscript` brings both."""

import numpy as np
import onnx
import pytest

from graphs import outputs_of, run_each

torch = pytest.importorskip("torch", exc_type=ImportError)
nn = torch.nn


class Residual(nn.Module):
    """A block whose input is added to what comes out, as it is or through a layer."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(12, 16), nn.Linear(16, 12), nn.Linear(12, 4)

    def forward(self, x):
        return self.last(torch.relu(x + self.second(torch.relu(self.first(x)))))


class ResidualBlock(nn.Module):
    """ResNet's: convolutions, normalisations, a stride in the shortcut."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 3, 2, 1, bias=False), nn.Conv2d(4, 4, 3, 1, 1, bias=False)
        self.na, self.nb = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.short, self.ns = nn.Conv2d(2, 4, 1, 2, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        y = self.nb(self.b(torch.relu(self.na(self.a(x)))))
        y = torch.relu(y + self.ns(self.short(x)))
        return self.head(nn.functional.adaptive_avg_pool2d(y, 1).flatten(1))


class Normalised(nn.Module):
    """Preprocessing in front: a mean and a deviation of each channel, kept as buffers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1307, 0.25]).view(1, 2, 1, 1))
        self.register_buffer("std", torch.tensor([0.3081, 0.5]).view(1, 2, 1, 1))
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(2 * 8 * 8, 10), nn.ReLU(), nn.Linear(10, 3))

    def forward(self, x):
        return self.net((x - self.mean) / self.std)


class Views(nn.Module):
    """Shapes that are computed: `view` with the size of the batch, `mean` over places, `cat`, `chunk`, `clamp`."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 3, 3), nn.Linear(3 * 36 + 3, 4)

    def forward(self, x):
        y = torch.relu(self.conv(x))
        flat = y.view(x.size(0), -1)
        left, right = torch.chunk(self.head(torch.cat([flat, y.mean(dim=(2, 3))], dim=1)), 2, dim=1)
        return torch.cat([right.clamp(0, 6), left - 0.5], dim=1)


def mlp(*activation):
    return lambda: nn.Sequential(nn.Linear(12, 16), *activation, nn.Linear(16, 16), *activation, nn.Linear(16, 4))


def cnn(*behind):
    return lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), *behind, nn.Flatten(), nn.LazyLinear(10), nn.ReLU(), nn.Linear(10, 3)
    )


VECTOR, IMAGE = (12,), (2, 8, 8)

NETWORKS = {
    "mlp": (mlp(nn.ReLU()), VECTOR),
    "leaky": (mlp(nn.LeakyReLU(0.1)), VECTOR),
    "prelu": (mlp(nn.PReLU()), VECTOR),
    "hardtanh": (mlp(nn.Hardtanh()), VECTOR),
    "relu6": (mlp(nn.ReLU6()), VECTOR),
    "dropout": (mlp(nn.ReLU(), nn.Dropout(0.3)), VECTOR),
    "batch norm": (mlp(nn.BatchNorm1d(16), nn.ReLU()), VECTOR),
    "identity": (mlp(nn.Identity(), nn.ReLU()), VECTOR),
    "no bias": (lambda: nn.Sequential(nn.Linear(12, 8, bias=False), nn.ReLU(), nn.Linear(8, 4, bias=False)), VECTOR),
    "softmax": (lambda: nn.Sequential(mlp(nn.ReLU())(), nn.Softmax(dim=1)), VECTOR),
    "log softmax": (lambda: nn.Sequential(mlp(nn.ReLU())(), nn.LogSoftmax(dim=1)), VECTOR),
    "residual": (Residual, VECTOR),
    "flatten": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(128, 8), nn.ReLU(), nn.Linear(8, 3)), IMAGE),
    "normalised": (Normalised, IMAGE),
    "cnn": (cnn(), IMAGE),
    "cnn max pool": (cnn(nn.MaxPool2d(2)), IMAGE),
    "cnn average pool": (cnn(nn.AvgPool2d(2)), IMAGE),
    "cnn batch norm": (cnn(nn.BatchNorm2d(4), nn.Dropout2d(0.2)), IMAGE),
    "cnn groups": (cnn(nn.Conv2d(4, 4, 3, stride=2, groups=2, dilation=1), nn.ReLU()), IMAGE),
    "cnn pad": (cnn(nn.ZeroPad2d(1), nn.Conv2d(4, 2, 3, dilation=2), nn.ReLU()), IMAGE),
    "residual block": (ResidualBlock, IMAGE),
    "views": (Views, IMAGE),
    "conv 1d": (
        lambda: nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(9, 3)),
        (2, 8),
    ),
}  # fmt: skip


def trained(build, shape):
    """A network with statistics that are not those of the start, ready for use."""
    torch.manual_seed(0)
    net = build()
    net(torch.rand(16, *shape))
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.weight, 0.5, 1.5), nn.init.uniform_(module.bias, -0.5, 0.5)
    return net.eval()


OLD = [9, 11, 13, 17]
NEW = [18, 20]
EXPORTERS = [f"old {opset}" for opset in OLD] + [f"new {opset}" for opset in NEW]


def export(net, shape, exporter, batch, file):
    """Writes the network with one of torch's exporters; skips what this torch has not."""
    kind, opset = exporter.split()
    names = dict(input_names=["x"], output_names=["y"], opset_version=int(opset))
    example = torch.rand(1, *shape)
    if kind == "new":
        pytest.importorskip("onnxscript")
        options = {"dynamic_shapes": ({0: torch.export.Dim("N")},)} if batch == "any" else {}
        if "dynamo" not in torch.onnx.export.__kwdefaults__:
            pytest.skip("this torch has no new exporter")
        torch.onnx.export(net, (example,), str(file), dynamo=True, external_data=True, **names, **options)
    else:
        axes = {"dynamic_axes": {"x": {0: "N"}, "y": {0: "N"}}} if batch == "any" else {}
        old = {"dynamo": False} if "dynamo" in (torch.onnx.export.__kwdefaults__ or {}) else {}
        torch.onnx.export(net, example, str(file), **names, **axes, **old)


@pytest.mark.parametrize("batch", ["one", "any"])
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_exports_are_read(program, tmp_path, name, exporter, batch):
    build, shape = NETWORKS[name]
    net, file = trained(build, shape), tmp_path / "net.onnx"
    export(net, shape, exporter, batch, file)
    points = np.random.default_rng(1).uniform(0, 1, (20, int(np.prod(shape)))).astype(np.float32)
    found, answer = outputs_of(program, tmp_path, file, points)
    left = answer.json.get("left_out", [])
    assert len(left) == ("softmax" in name), left
    # What stands behind the logits is left out, so only the order of outputs is compared there.
    expected = run_each(str(file), points, [1, *shape])
    if left:
        np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    else:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * (np.abs(expected).max() + 1))
    # Every point keeps its label within a tiny radius, or sits on a border.
    labels = expected.argmax(axis=1)
    np.savez(tmp_path / "data.npz", X=points, y=labels)
    certified = program("certify", file, tmp_path / "data.npz", "--radius", "1e-4")
    assert certified.json["misclassified"] == 0 and certified.json["certified"] >= 18, certified.json
    assert onnx.load(file).opset_import[0].version == int(exporter.split()[1])
