"""MVDiffusion: one picture to the views of a rig, and its adaptation to mice. Importing it takes seconds."""

from mouse_facelift.mvdiffusion.loading import load_pipeline, load_unet
from mouse_facelift.mvdiffusion.pipeline import Pipeline
from mouse_facelift.mvdiffusion.prompts import embed_prompts, read_prompt_embeddings
from mouse_facelift.mvdiffusion.sampling import sample_views
from mouse_facelift.mvdiffusion.unet import MultiviewUnet

__all__ = [
    "MultiviewUnet",
    "Pipeline",
    "embed_prompts",
    "load_pipeline",
    "load_unet",
    "read_prompt_embeddings",
    "sample_views",
]
