"""Which files belong to view generators: what they start from, and what their training leaves behind."""

from dataclasses import dataclass
from pathlib import Path

from mouse_facelift.settings import (
    DeclaredWeights,
    FreshGenerator,
    GeneratorPretraining,
    Plucker,
    Settings,
    StoredGenerator,
)

PIPELINE_FILES = (
    "model_index.json",
    "feature_extractor/preprocessor_config.json",
    "image_encoder/config.json",
    "image_noising_scheduler/scheduler_config.json",
    "image_normalizer/config.json",
    "scheduler/scheduler_config.json",
    "unet/config.json",
    "vae/config.json",
)
"""of a released view generator's folder"""
PIPELINE_WEIGHTS = {
    "image_encoder": ("model.safetensors", "pytorch_model.bin"),
    "image_normalizer": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    "unet": ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
}
TEXT_FILES = (
    "text_encoder/config.json",
    "tokenizer/merges.txt",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
)
"""of it, where prompts are to be embedded"""
OUTSIDE_FILES = {
    "zero123plus": (
        "model_index.json",
        "feature_extractor_clip/preprocessor_config.json",
        "feature_extractor_vae/preprocessor_config.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "vae/config.json",
        "vision_encoder/config.json",
        *TEXT_FILES,
    ),
    "sv3d": (
        "feature_extractor/preprocessor_config.json",
        "image_encoder/config.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "vae/config.json",
    ),
}


@dataclass(frozen=True)
class GeneratorPlan:
    """Files of the view generators of one run."""

    settings: Settings

    def files(self, generator: str) -> dict[str, str]:
        """What the training of a view generator leaves behind that drawing needs; `ray_film` where rays are told."""
        folder = f"results/generators/{generator}"
        files = {"unet": f"{folder}/unet/diffusion_pytorch_model.safetensors", "card": f"{folder}/card.json"}
        if isinstance(self.settings.generators[generator].conditioning, Plucker):
            files["ray_film"] = f"{folder}/ray_film.safetensors"
        return files

    def with_rays(self) -> list[str]:
        """View generators that are told rays."""
        return [name for name, row in self.settings.generators.items() if isinstance(row.conditioning, Plucker)]

    def table(self, generator: str) -> str:
        """The samples from which a view generator learns."""
        row = self.settings.generators[generator]
        return f"results/samples/{row.dataset}.{row.normalization}/table.json"

    def start(self, generator: str) -> dict[str, str]:
        """What a view generator starts from: `folder` and `prompts`."""
        name = self.settings.generators[generator].start
        start = self.settings.generator_starts[name]
        home = f"results/generator_starts/{name}"
        if isinstance(start, FreshGenerator):
            return {"folder": f"{home}/pipeckpts", "prompts": f"{home}/prompts.pt"}
        return {"folder": start.folder, "prompts": start.prompts or f"{home}/prompts.pt"}

    def without_prompts(self) -> list[str]:
        """Stored starts whose text encoder makes their prompts."""
        starts = self.settings.generator_starts.items()
        return [name for name, start in starts if isinstance(start, StoredGenerator) and start.prompts is None]

    def text_files(self, start: str) -> list[str]:
        """What embeds the prompts of a stored start; raises ValueError for another."""
        row = self.settings.generator_starts[start]
        if not isinstance(row, StoredGenerator):
            raise ValueError(f"generator_starts.{start}: of kind {row.kind}, has no text encoder")
        return [f"{row.folder}/{file}" for file in TEXT_FILES]

    def stored_ray_film(self, generator: str) -> list[str]:
        """What reads rays, if it was trained before, of the start of a view generator that is told rays; or nothing."""
        row = self.settings.generators[generator]
        start = self.settings.generator_starts[row.start]
        if not isinstance(row.conditioning, Plucker) or isinstance(start, FreshGenerator) or start.ray_film is None:
            return []
        return [start.ray_film]

    def declared(self, generator: str) -> DeclaredWeights:
        """What is declared of the view generator that one starts from."""
        name = self.settings.generators[generator].start
        start = self.settings.generator_starts[name]
        checksum = None if isinstance(start, FreshGenerator) else start.sha256
        row = f"generator_starts.{name}"
        return DeclaredWeights(row=row, domain=start.domain, license=start.license, sha256=checksum)

    def missing(self, generator: str) -> list[str]:
        """One line for each file that a stored start lacks."""
        name = self.settings.generators[generator].start
        start = self.settings.generator_starts[name]
        if isinstance(start, FreshGenerator):
            return []
        needed = [f"{start.folder}/{file}" for file in PIPELINE_FILES]
        needed += self.text_files(name) if start.prompts is None else []
        lines = [f"generator_starts.{name}.folder: no file {file}" for file in needed if not Path(file).is_file()]
        weights = PIPELINE_WEIGHTS | (
            {"text_encoder": PIPELINE_WEIGHTS["image_encoder"]} if start.prompts is None else {}
        )
        for part, files in weights.items():
            if not any(Path(start.folder, part, file).is_file() for file in files):
                lines.append(f"generator_starts.{name}.folder: no file {start.folder}/{part}/{' or '.join(files)}")
        for field, file in (("prompts", start.prompts), ("ray_film", start.ray_film)):
            if file is not None and not Path(file).is_file():
                lines.append(f"generator_starts.{name}.{field}: no file {file}")
        return [f"{line}; needed by generators.{generator}" for line in lines]

    def outside_files(self, dataset: str) -> list[str]:
        """Configuration files of somebody else's generator, whose absence stops the run before anything starts."""
        row = self.settings.outside_datasets[dataset]
        return [f"{row.folder}/{file}" for file in OUTSIDE_FILES[row.kind]]

    def pretraining(self) -> GeneratorPretraining:
        """How a view generator is pretrained.

        Raises:
            ValueError: none is to be.
        """
        if self.settings.generator_pretraining is None:
            raise ValueError("generator_pretraining: null; config.yaml of the project has it")
        return self.settings.generator_pretraining
