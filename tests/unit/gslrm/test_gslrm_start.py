"""Where pretraining starts."""

import torch

from mouse_facelift.gslrm import fresh_gslrm
from mouse_facelift.gslrm.pretrain import small_config
from mouse_facelift.gslrm.start import attend_to_alike
from mouse_facelift.settings import Start
from tests.tiny_samples import CONTRACT
from tests.unit.gslrm.test_gslrm_pretrain import PRETRAINING

CONFIG = small_config(PRETRAINING, CONTRACT)
START = Start(attention=0.8, rays=2.0)


def test_every_head_attends_most_to_tokens_like_its_own():
    model = fresh_gslrm(CONFIG, 0).requires_grad_(False)
    attend_to_alike(model, START, 0)
    tokens = torch.nn.functional.layer_norm(
        torch.randn(40, CONFIG.transformer.d, generator=torch.Generator().manual_seed(3)), (CONFIG.transformer.d,)
    )
    for block in model.transformer_layers:
        queries, keys, _ = block.attn.to_qkv(tokens).split(CONFIG.transformer.d, dim=-1)
        for head in range(CONFIG.transformer.d // CONFIG.transformer.d_head):
            columns = slice(head * CONFIG.transformer.d_head, (head + 1) * CONFIG.transformer.d_head)
            logits = queries[:, columns] @ keys[:, columns].T
            assert (logits.argmax(dim=1) == torch.arange(40)).float().mean() > 0.9
            torch.testing.assert_close(logits, logits.T)


def test_only_queries_keys_and_the_weights_of_rays_change():
    plain, started = fresh_gslrm(CONFIG, 0).requires_grad_(False), fresh_gslrm(CONFIG, 0).requires_grad_(False)
    attend_to_alike(started, START, 0)
    before, after = plain.state_dict(), started.state_dict()
    for name, tensor in before.items():
        if name == "patch_embedder.1.weight":
            factors = torch.tensor([1.0, 1, 1, 2, 2, 2, 2, 2, 2]).repeat(tensor.shape[1] // 9)
            torch.testing.assert_close(after[name], tensor * factors)
        elif name.endswith("to_qkv.weight"):
            width = CONFIG.transformer.d
            torch.testing.assert_close(after[name][2 * width :], tensor[2 * width :])
        else:
            torch.testing.assert_close(after[name], tensor)
