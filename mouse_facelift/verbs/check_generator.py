"""A view generator: a `pipeckpts/` folder in the released layout, or what a training of this project left behind."""

from pathlib import Path

from mouse_facelift.formats.whole import sha256
from mouse_facelift.mvdiffusion.loading import find_weights, load_pipeline, load_unet
from mouse_facelift.mvdiffusion.prompts import RELEASED_VIEWS, read_prompt_embeddings
from mouse_facelift.settings import CameraContract, Settings, StoredGenerator
from mouse_facelift.training.trained import read_card_of
from mouse_facelift.verbs.check_weights import card_lines
from mouse_facelift.verbs.report import Report, ReportLine, amber, green, red, reds, report

INDEX, CARD, FOLDER = "model_index.json", "card.json", "pipeckpts"


def check_generator(folder: Path, settings: Settings) -> Report:
    """Load a generator strictly, and hold it against its card, its row of the configuration and the contract.

    Args:
        folder: with `model_index.json`, or with `unet/` and `card.json`, or with `pipeckpts/` and `card.json`.
        settings: the configuration.
    """
    contract = settings.camera_contract
    if (folder / FOLDER / INDEX).is_file():
        return _pretrained(folder, check_generator(folder / FOLDER, settings), contract)
    if not (folder / INDEX).is_file():
        return report(str(folder), "generator", contract.hash, _trained(folder, contract))
    lines = []
    try:
        pipeline = load_pipeline(folder)
    except (ValueError, FileNotFoundError) as error:
        return report(str(folder), "generator", contract.hash, reds("", "parts", error))
    lines.append(green("", "parts", "every tensor and key fits"))
    latent = pipeline.unet.released_config.sample_size
    lines.append(_size(latent * pipeline.pixels_per_latent, contract))
    found = sha256(find_weights(folder / "unet"))
    lines.append(green("", "checksum", f"sha256 of the UNet {found}"))
    rows = {
        name: row
        for name, row in settings.generator_starts.items()
        if isinstance(row, StoredGenerator) and Path(row.folder).resolve() == folder.resolve()
    }
    for name, row in rows.items():
        lines += _check_row(name, row, found, pipeline.unet.released_config.cross_attention_dim)
    if not rows:
        lines.append(
            amber("", "domain", "no row of generator_starts: names it: nothing tells what it has learned from")
        )
    return report(str(folder), "generator", contract.hash, lines)


def _size(found: int, contract: CameraContract) -> ReportLine:
    if found == contract.image_size:
        return green("", "size", f"draws pictures of {found} px")
    return red("", "size", f"draws pictures of {found} px, expected {contract.image_size} px as in camera_contract")


def _check_row(name: str, row: StoredGenerator, checksum: str, width: int) -> list[ReportLine]:
    of = f"generator_starts.{name}"
    lines = [green(of, "domain", row.domain), green(of, "license", row.license)]
    if row.sha256 is not None and row.sha256 != checksum:
        lines.append(red(of, "checksum", f"found {checksum}, expected {row.sha256}"))
    if row.prompts is not None:
        try:
            read_prompt_embeddings(Path(row.prompts), len(RELEASED_VIEWS), width)
            lines.append(green(of, "prompts", f"{row.prompts}: {len(RELEASED_VIEWS)} embeddings"))
        except (ValueError, FileNotFoundError) as error:
            lines += reds(of, "prompts", error)
    if row.ray_film is not None and not Path(row.ray_film).is_file():
        lines.append(red(of, "ray_film", f"no file {row.ray_film}"))
    return lines


def _pretrained(folder: Path, parts: Report, contract: CameraContract) -> Report:
    """What `pretrain_mvdiffusion` leaves: parts, and their card beside them."""
    lines = list(parts.lines)
    try:
        card = read_card_of(find_weights(folder / FOLDER / "unet"), folder / CARD)
    except (ValueError, FileNotFoundError) as error:
        return report(str(folder), "generator", contract.hash, [*lines, *reds("", "card", error)])
    return report(str(folder), "generator", contract.hash, [*lines, *card_lines(card, contract)])


def _trained(folder: Path, contract: CameraContract) -> list[ReportLine]:
    lines: list[ReportLine] = []
    try:
        load_unet(folder / "unet")
        lines.append(green("", "unet", "every tensor and key fits"))
        card = read_card_of(find_weights(folder / "unet"), folder / CARD)
    except (ValueError, FileNotFoundError) as error:
        return [*lines, *reds("", "card" if lines else "unet", error)]
    return [*lines, *card_lines(card, contract, elsewhere=red)]
