"""LPIPS against torchmetrics' own, and the file that it is read from."""

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchmetrics.functional.image import lpips as peer

from mouse_facelift.rendering.lpips import Lpips, load_lpips
from tests.loss_networks import drawn_lpips


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return drawn_lpips()


def pictures(seed: int) -> Tensor:
    return torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(seed))


def bare_vgg16(*_: object, **__: object) -> nn.Module:
    """The layers that torchvision's vgg16 has under `features`."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if outputs:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            inputs = outputs
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def test_it_is_that_of_torchmetrics(tensors, monkeypatch) -> None:
    monkeypatch.setattr(peer, "_get_tv_model_features", bare_vgg16)
    network = peer._LPIPS(pretrained=False, net="vgg", pnet_rand=True)
    doubles = {f"lins.{i}.model.1.weight": tensors[f"lin{i}.model.1.weight"] for i in range(5)}
    network.load_state_dict(tensors | doubles)
    rendering, target = pictures(0).requires_grad_(), pictures(1)
    found, expected = load_lpips(tensors)(rendering, target), network(rendering, target, normalize=True).mean()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    alone = network(rendering, target, normalize=True).flatten()
    torch.testing.assert_close(load_lpips(tensors).distances(rendering, target), alone, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(*(torch.autograd.grad(d, rendering)[0] for d in (found, expected)), rtol=1e-3, atol=1e-8)


def test_it_reads_a_file_with_the_published_names_and_doubles(tensors, tmp_path) -> None:
    more = {f"lins.{i}.model.1.weight": tensors[f"lin{i}.model.1.weight"].clone() for i in range(5)}
    more["scaling_layer.shift"] = torch.zeros(1, 3, 1, 1)
    save_file(tensors | more, tmp_path / "lpips.safetensors")
    torch.save({"model": tensors | more}, tmp_path / "lpips.pt")
    expected = load_lpips(tensors)(pictures(0), pictures(1))
    for name in ("lpips.safetensors", "lpips.pt"):
        network = load_lpips(tmp_path / name)
        assert network(pictures(0), pictures(1)) == expected
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_file_of_another_network_is_refused_with_what_differs(tensors, tmp_path) -> None:
    wrong = {name: tensor for name, tensor in tensors.items() if name != "lin2.model.1.weight"} | {"x": torch.ones(1)}
    with pytest.raises(ValueError, match=r"2 tensors do not fit.*\n.*missing: lin2\.model\.1\.weight.*\n.*: x \[1\]"):
        load_lpips(wrong)
    with pytest.raises(FileNotFoundError, match=r"no such weights"):
        load_lpips(tmp_path / "none.safetensors")


def test_names_are_those_of_the_published_weights() -> None:
    names = set(Lpips().state_dict())
    assert len(names) == 26 + 5
    assert {"net.slice1.0.weight", "net.slice2.5.bias", "net.slice5.28.weight", "lin4.model.1.weight"} <= names
