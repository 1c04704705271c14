"""The card beside every weights file: where it comes from and what it is good for."""

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.manifest import Manifest


class WeightsCard(Manifest):
    """What a reader of a weights file must know."""

    weights_sha256: str
    domain: str
    """what they have learned from, as an experiment's `accepts_domains` names it"""
    license: str
    """under which they may be used: as declared, or, where they come of other weights, the licenses of all of these"""
    origins: tuple[LicensedWeights, ...]
    """what they come of: weights that training started from, that drew views which it learned from, and that it
    compared in; and what these come of"""
    network: str
    """JSON of the network's sizes and switches"""
    parent: str
    """sha256 of the weights that training started from; `none` when it started from nothing"""
    trained_on: str
    contract: str
    """hash of the camera contract of the training pictures"""
    violations: tuple[str, ...]
    """how the training pictures broke the contract"""
    settings: str
    """JSON of the training's settings"""
    steps: int
    """that led to these weights; fewer than planned where the training collapsed, and an earlier step's go on"""
    skipped_updates: int
    """updates left out because the loss or the gradient was not finite, or a guard found them too far off"""
    status: str
    """`complete`, or `collapsed at step N` and which weights these are"""
    adapters: str
    """sha256 of `adapters.safetensors` beside the weights, into which they are merged already; `none` without any"""
    code: str
    """fingerprint of the code, see `provenance`"""
    commit: str
    metrics: dict[str, float]
    """what was measured on samples kept apart, in dB unless the name says otherwise"""
