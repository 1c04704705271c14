"""Types of the matrix products in mixed precision."""

import torch

from mouse_facelift.settings import Precision

PRODUCTS: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def mixed_precision(device: torch.device, precision: Precision) -> torch.autocast:
    """Context in which matrix products have a precision; weights and sums stay single."""
    return torch.autocast(device.type, PRODUCTS[precision], enabled=precision != "float32")


def require_precision(device: torch.device, precision: Precision, setting: str) -> None:
    """Raise ValueError if matrix products on a device do not come out in a precision."""
    one = torch.ones(1, 1, device=device)
    with mixed_precision(device, precision):
        found = (one @ one).dtype
    if found != PRODUCTS[precision]:
        raise ValueError(f"{setting}: found {precision}, but products on this {device.type} come out as {found}")
