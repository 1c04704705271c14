"""What the GS-LRM network is measured against: the same network as one writes it down from the papers in plain PyTorch.

One class a block, library attention, no care for speed; arXiv:2404.19702 in the variant of FaceLift (arXiv:2412.17812).
"""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from mouse_facelift.gslrm.config import GslrmConfig


class PlainAttention(nn.Module):
    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.heads = width // head_width
        self.to_qkv = nn.Linear(width, 3 * width, bias=False)
        self.fc = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        q, k, v = self.to_qkv(x).chunk(3, dim=-1)
        q, k, v = (part.view(batch, tokens, self.heads, -1).transpose(1, 2) for part in (q, k, v))
        x = functional.scaled_dot_product_attention(q, k, v)
        return self.fc(x.transpose(1, 2).reshape(batch, tokens, width))


class PlainMlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


class PlainBlock(nn.Module):
    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, bias=False)
        self.attn = PlainAttention(width, head_width)
        self.norm2 = nn.LayerNorm(width, bias=False)
        self.mlp = PlainMlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PlainHead(nn.Module):
    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.layernorm = nn.LayerNorm(width, bias=False)
        self.linear = nn.Linear(width, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.layernorm(x))


class PlainGslrm(nn.Module):
    """Posed views in, five fields of Gaussians out. Parameters have the published names but for the pixel head's."""

    def __init__(self, config: GslrmConfig) -> None:
        super().__init__()
        width, self.patch = config.transformer.d, config.image_tokenizer.patch_size
        self.config = config
        self.patch_embedder = nn.Linear(9 * self.patch**2, width, bias=False)
        self.gaussian_position_embeddings = nn.Parameter(torch.empty(config.gaussians.n_gaussians, width))
        self.input_layer_norm = nn.LayerNorm(width, bias=False)
        self.transformer_layers = nn.ModuleList(
            PlainBlock(width, config.transformer.d_head) for _ in range(config.transformer.n_layer)
        )
        self.gaussian_upsampler = PlainHead(width, 14)
        self.pixel_gaussian_decoder = PlainHead(width, 14 * self.patch**2)

    def forward(self, images: Tensor, camera_to_world: Tensor, fxfycxcy: Tensor) -> dict[str, Tensor]:
        origins, directions = _rays(camera_to_world, fxfycxcy, *images.shape[-2:])
        nearest = -(origins * directions).sum(dim=2, keepdim=True)
        pictures = torch.cat([2 * images - 1, directions, origins + nearest * directions], dim=2)
        tokens = self.patch_embedder(
            rearrange(pictures, "b v c (h p) (w q) -> b (v h w) (p q c)", p=self.patch, q=self.patch)
        )
        free = self.gaussian_position_embeddings.expand(len(images), -1, -1)
        x = self.input_layer_norm(torch.cat([free, tokens], dim=1))
        for layer in self.transformer_layers:
            x = layer(x)
        count = free.shape[1]
        with torch.autocast(x.device.type, enabled=False):  # as the network that is measured
            free_raw = self.gaussian_upsampler(x[:, :count].float())
            pixel_raw = self.pixel_gaussian_decoder(x[:, count:].float())
        raw = torch.cat([free_raw, rearrange(pixel_raw, "b n (k c) -> b (n k) c", c=14)], dim=1)
        xyz, color, scale, quats, opacity = raw.split([3, 3, 3, 4, 1], dim=-1)
        limits = self.config.activations
        weight = xyz[:, count:].mean(dim=-1, keepdim=True).sigmoid()
        nearest, directions, origins = (
            rearrange(rows, "b v c (h p) (w q) -> b (v h w p q) c", p=self.patch, q=self.patch)
            for rows in (nearest, directions, origins.expand_as(directions))
        )
        distance = (2 * weight - 1) * limits.depth_range + nearest
        return {
            "means": torch.cat([xyz[:, :count], origins + distance * directions], dim=1),
            "log_scales": (scale + limits.scale_bias).clamp(max=limits.scale_cap),
            "quats": quats,
            "opacity_logits": opacity.squeeze(-1) + limits.opacity_bias,
            "sh": color.unsqueeze(2),
        }


def plain_copy(state: dict[str, Tensor], config: GslrmConfig) -> PlainGslrm:
    """The plain network with copies of the project's weights, which must fit one to one."""
    model = PlainGslrm(config)
    renamed = {
        name.replace("patch_embedder.1.", "patch_embedder.")
        .replace("pixel_gaussian_decoder.0.", "pixel_gaussian_decoder.layernorm.")
        .replace("pixel_gaussian_decoder.1.", "pixel_gaussian_decoder.linear."): tensor
        for name, tensor in state.items()
    }
    model.load_state_dict(renamed)
    return model


def _rays(camera_to_world: Tensor, fxfycxcy: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Camera centers, and unit directions through the centers of pixels: batch, view, 3, height, width."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    y, x = y.to(fxfycxcy), x.to(fxfycxcy)
    fx, fy, cx, cy = fxfycxcy[..., None, None].unbind(dim=2)
    local = torch.stack([(x - cx) / fx, (y - cy) / fy, torch.ones_like(x).expand(*fx.shape[:2], -1, -1)], dim=2)
    with torch.autocast(local.device.type, enabled=False):
        directions = torch.einsum("bvij,bvjhw->bvihw", camera_to_world[..., :3, :3], local)
    directions = functional.normalize(directions, dim=2)
    return camera_to_world[..., :3, 3, None, None], directions
