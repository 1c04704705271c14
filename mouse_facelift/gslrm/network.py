"""GS-LRM (arXiv:2404.19702) in the variant of FaceLift (arXiv:2412.17812): posed views in, Gaussians out."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.geometry.rays import NearestPointRays, nearest_point_rays
from mouse_facelift.gslrm.attention import SelfAttention
from mouse_facelift.gslrm.config import Activations, GslrmConfig
from mouse_facelift.gslrm.patches import pixels_to_rows, pixels_to_tokens
from mouse_facelift.gslrm.rays import posed_images


class Patchify(nn.Module):
    """Posed pictures to one vector a patch."""

    def __init__(self, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size

    def forward(
        self, pictures: Float[Tensor, "batch view 9 height width"]
    ) -> Float[Tensor, "batch token pixel_channel"]:
        return pixels_to_tokens(pictures, self.patch_size)


class PatchEmbedding(nn.Sequential):
    """One token a patch. The ray channels are its position; no other position is added."""

    def __init__(self, config: GslrmConfig) -> None:
        tokenizer = config.image_tokenizer
        super().__init__(
            Patchify(tokenizer.patch_size),
            nn.Linear(tokenizer.in_channels * tokenizer.patch_size**2, config.transformer.d, bias=False),
        )


class Mlp(nn.Module):
    """Widen four times, exact GELU, narrow."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False)
        )

    def forward(self, tokens: Float[Tensor, "batch token feature"]) -> Float[Tensor, "batch token feature"]:
        widened: Tensor = self.mlp(tokens)
        return widened


class TransformerBlock(nn.Module):
    """Pre-norm attention and MLP, without biases."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, bias=False)
        self.attn = SelfAttention(width, head_width)
        self.norm2 = nn.LayerNorm(width, bias=False)
        self.mlp = Mlp(width)

    def forward(self, tokens: Float[Tensor, "batch token feature"]) -> Float[Tensor, "batch token feature"]:
        tokens = tokens + self.attn(self.norm1(tokens))
        widened: Tensor = self.mlp(self.norm2(tokens))
        return tokens + widened


class FreeGaussianDecoder(nn.Module):
    """One Gaussian a free token."""

    def __init__(self, config: GslrmConfig) -> None:
        super().__init__()
        self.layernorm = nn.LayerNorm(config.transformer.d, bias=False)
        self.linear = nn.Linear(config.transformer.d, config.values_per_gaussian, bias=False)

    def forward(self, tokens: Float[Tensor, "batch token feature"]) -> Float[Tensor, "batch token value"]:
        raw: Tensor = self.linear(self.layernorm(tokens))
        return raw


class PixelGaussianDecoder(nn.Sequential):
    """One Gaussian a pixel of each image token's patch."""

    def __init__(self, config: GslrmConfig) -> None:
        pixels = config.image_tokenizer.patch_size**2
        super().__init__(
            nn.LayerNorm(config.transformer.d, bias=False),
            nn.Linear(config.transformer.d, pixels * config.values_per_gaussian, bias=False),
        )


class Gslrm(nn.Module):
    """Posed views in, one Gaussian a pixel and a few free ones out. Parameters carry the published names.

    `checkpoint_activations` trades time for memory in training: blocks are computed again on the way back.
    """

    def __init__(self, config: GslrmConfig, checkpoint_activations: bool = False) -> None:
        super().__init__()
        width = config.transformer.d
        self.config = config
        self.checkpoint_activations = checkpoint_activations
        self.patch_embedder = PatchEmbedding(config)
        if config.add_refsrc_marker:
            self.view_type_embeddings = nn.Parameter(torch.empty(2, width))
        self.gaussian_position_embeddings = nn.Parameter(torch.empty(config.gaussians.n_gaussians, width))
        self.input_layer_norm = nn.LayerNorm(width, bias=False)
        self.transformer_layers = nn.ModuleList(
            TransformerBlock(width, config.transformer.d_head) for _ in range(config.transformer.n_layer)
        )
        self.gaussian_upsampler = FreeGaussianDecoder(config)
        self.pixel_gaussian_decoder = PixelGaussianDecoder(config)

    def forward(
        self,
        images: Float[Tensor, "batch view 3 height width"],
        camera_to_world: Float[Tensor, "batch view 4 4"],
        fxfycxcy: Float[Tensor, "batch view 4"],
    ) -> Gaussians:
        """Predict each sample's Gaussians, in the world's axes and units: the free ones, then those of pixels.

        Colors are 0..1 over white. Cameras have OpenCV axes; pixel centers lie at + 0.5. Pixels follow in the order
        view, patch row, patch column, row, column. Raises ValueError for impossible cameras and for pictures that
        patches do not fill.
        """
        rays = nearest_point_rays(camera_to_world, fxfycxcy, *images.shape[-2:])
        return self._activate(self._decode(self._encode(images, rays)), rays)

    def predict_raw(
        self,
        images: Float[Tensor, "batch view 3 height width"],
        camera_to_world: Float[Tensor, "batch view 4 4"],
        fxfycxcy: Float[Tensor, "batch view 4"],
    ) -> Float[Tensor, "batch gaussian 14"]:
        """The decoders' own numbers: position 3, color 3, scale 3, rotation 4, opacity 1. Arguments as `forward`."""
        rays = nearest_point_rays(camera_to_world, fxfycxcy, *images.shape[-2:])
        return self._decode(self._encode(images, rays))

    def _encode(
        self, images: Float[Tensor, "batch view 3 height width"], rays: NearestPointRays
    ) -> Float[Tensor, "batch token feature"]:
        image_tokens: Tensor = self.patch_embedder(posed_images(images, rays))
        if self.config.add_refsrc_marker:
            image_tokens = self._mark_views(image_tokens, views=images.shape[1])
        free_tokens = self.gaussian_position_embeddings.expand(len(images), -1, -1)
        tokens: Tensor = self.input_layer_norm(torch.cat([free_tokens, image_tokens], dim=1))
        for block in self.transformer_layers:
            if self.checkpoint_activations and torch.is_grad_enabled():
                tokens = checkpoint(block, tokens, use_reentrant=False)
            else:
                tokens = block(tokens)
        return tokens

    def _mark_views(
        self, image_tokens: Float[Tensor, "batch token feature"], views: int
    ) -> Float[Tensor, "batch token feature"]:
        first, others = self.view_type_embeddings.unbind()
        markers = torch.stack([first, *[others] * (views - 1)])
        return image_tokens + markers.repeat_interleave(image_tokens.shape[1] // views, dim=0)

    def _decode(self, tokens: Float[Tensor, "batch token feature"]) -> Float[Tensor, "batch gaussian 14"]:
        free = self.config.gaussians.n_gaussians
        # Half precision would move Gaussians along their rays by up to 0.014 units (bfloat16).
        with torch.autocast(tokens.device.type, enabled=False):
            tokens = tokens.to(self.gaussian_position_embeddings.dtype)
            free_tokens, image_tokens = torch.split(tokens, [free, tokens.shape[1] - free], dim=1)
            free_raw = self.gaussian_upsampler(free_tokens)
            pixel_raw = self.pixel_gaussian_decoder(image_tokens)
        pixel_raw = pixel_raw.reshape(len(tokens), -1, self.config.values_per_gaussian)
        return torch.cat([free_raw, pixel_raw], dim=1)

    def _activate(self, raw: Float[Tensor, "batch gaussian 14"], rays: NearestPointRays) -> Gaussians:
        free = self.config.gaussians.n_gaussians
        activations = self.config.activations
        position, color, scale, quats, opacity = torch.split(raw, [3, 3, 3, 4, 1], dim=-1)
        pixel_means = _means_along_rays(position[:, free:], rays, self.config.image_tokenizer.patch_size, activations)
        return Gaussians(
            means=torch.cat([position[:, :free], pixel_means], dim=1),
            log_scales=(scale + activations.scale_bias).clamp(max=activations.scale_cap),
            quats=quats,
            opacity_logits=opacity[..., 0] + activations.opacity_bias,
            sh=color[..., None, :],
        )


def _means_along_rays(
    raw: Float[Tensor, "batch pixel 3"], rays: NearestPointRays, patch_size: int, activations: Activations
) -> Float[Tensor, "batch pixel 3"]:
    """Place each pixel's Gaussian on its ray, within `depth_range` of the point nearest to the world's origin."""
    offset = (2 * raw.mean(dim=-1, keepdim=True).sigmoid() - 1) * activations.depth_range
    directions = pixels_to_rows(rays.directions, patch_size)
    nearest_points = pixels_to_rows(rays.nearest_points, patch_size)
    return nearest_points + offset * directions


def initialize(model: Gslrm, seed: int) -> None:
    """Draw fresh weights: normal (0, 0.02) for linears, truncated normal for learned tokens, 1 for norms."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name in ("gaussian_position_embeddings", "view_type_embeddings"):
            nn.init.trunc_normal_(parameter, std=0.02, generator=generator)
        elif parameter.ndim == 1:
            nn.init.ones_(parameter)
        else:
            nn.init.normal_(parameter, std=0.02, generator=generator)


def fresh_gslrm(config: GslrmConfig, seed: int, checkpoint_activations: bool = False) -> Gslrm:
    """A network with fresh weights on the CPU, the same for the same seed."""
    with torch.device("meta"):
        model = Gslrm(config, checkpoint_activations)
    model.to_empty(device="cpu")
    initialize(model, seed)
    return model
