"""Whether drawn views are copies of the input: the way in which view generators collapse."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Collapse:
    """How similar drawn views, and the true ones, are to the input; both 0..1, see `ink_similarity`."""

    drawn: Float[Tensor, "object view"]
    true: Float[Tensor, "object view"]

    @property
    def excess(self) -> Float[Tensor, "object view"]:
        """-1 to 1: 0 for the truth, above 0 for views that resemble the input more than they should."""
        return self.drawn - self.true

    @property
    def mean(self) -> float:
        """Mean excess of all views."""
        return float(self.excess.mean())

    @property
    def share(self) -> float:
        """Mean excess in units of what copies would have: 0 for the truth, 1 for copies of the input.

        NaN if every true view is the input, so that nothing can be told.
        """
        return float(self.excess.sum() / (1 - self.true).sum())


def collapse(
    drawn: Float[Tensor, "object view 3 height width"],
    true: Float[Tensor, "object view 3 height width"],
    inputs: Float[Tensor, "object 3 height width"],
) -> Collapse:
    """Compare views, in 0..1 on white, with the input that they were drawn from.

    Leave out the reference view: it should be a copy, and would only dilute the mean.
    """
    reference = inputs[:, None]
    return Collapse(drawn=ink_similarity(drawn, reference), true=ink_similarity(true, reference))


def ink_similarity(
    pictures: Float[Tensor, "*#picture 3 height width"], others: Float[Tensor, "*#picture 3 height width"]
) -> Float[Tensor, "*picture"]:
    """Cosine of the angle between two pictures' inks, where ink is what a color lacks to white; 0 to 1.

    A white background has no ink and so no weight, however much of it there is and without any mask, and one that is
    slightly off white next to none, since inks count as squares. PSNR would rise with the background, and has no
    bound; a correlation over the animal would need masks of drawn views, and depends on their tightness. The cosine is
    1 for copies alone (darker and paler ones included), and 0 where inks do not overlap or a picture is all white.

    Measured on 150 pairs of views of procedural animals at 64 px: 0.60 in the mean, 0.23 to 0.86. Noise of 0.03 in the
    true views moved that by 0.001; blurring them over 4 px by 0.08, so blurred views look collapsed by a fifth.
    """
    ink, other = (1 - stack.clamp(0, 1).flatten(-3).double() for stack in (pictures, others))
    lengths = torch.linalg.vector_norm(ink, dim=-1) * torch.linalg.vector_norm(other, dim=-1)
    cosine: Tensor = (ink * other).sum(dim=-1) / lengths.clamp(min=1e-12)
    return cosine.clamp(0, 1).float()
