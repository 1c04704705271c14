"""Which parameters a fine-tuning method trains."""

from mouse_facelift.gslrm.adapters import add_adapters
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.settings import FullFinetune, HeadsOnly, Layerwise, Lora, NoFinetune, TrainedFinetune

HEADS = ("gaussian_upsampler.", "pixel_gaussian_decoder.")
TOKENS = ("gaussian_position_embeddings", "view_type_embeddings")


def prepare(model: Gslrm, finetune: NoFinetune | TrainedFinetune) -> None:
    """Let exactly those parameters ask for gradients that a method trains; `lora` adds its own, which start at zero.

    `heads_only` and `layerwise` freeze as the earlier mouse experiments on FaceLift did: the decoders always learn, the
    tokenizer and the norm behind it never. Of the released network's parameters, 0.93 million learn in `heads_only`.

    Raises:
        ValueError: a method freezes more blocks than there are.
    """
    match finetune:
        case NoFinetune():
            model.requires_grad_(False)
        case HeadsOnly():
            _train(model, HEADS)
        case Layerwise():
            blocks = len(model.transformer_layers)
            if finetune.frozen_blocks > blocks:
                raise ValueError(
                    f"finetune.frozen_blocks: found {finetune.frozen_blocks}, but the network has {blocks} blocks"
                )
            upper = tuple(f"transformer_layers.{number}." for number in range(finetune.frozen_blocks, blocks))
            _train(model, (*HEADS, *upper, *(TOKENS if finetune.tokens == "trained" else ())))
        case Lora():
            add_adapters(model, finetune.rank, finetune.alpha, finetune.targets, finetune.seed)
        case FullFinetune():
            model.requires_grad_(True)


def _train(model: Gslrm, names: tuple[str, ...]) -> None:
    """Let the parameters whose names start with one of these learn, and no other."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(names))
