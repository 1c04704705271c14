"""Which rows of the configuration a reconstruction takes, and who accepts what their weights have learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mouse_facelift.plan import Plan
from mouse_facelift.settings import (
    CalibrationFile,
    DeclaredWeights,
    Fill,
    FreshGenerator,
    Normalization,
    SamplingPlan,
    Settings,
)

Up = tuple[float, float, float] | str


@dataclass(frozen=True)
class ChosenNetwork:
    """Weights of a reconstructing network."""

    weights: Path
    config: Path
    declared: DeclaredWeights
    accepted_by: str


@dataclass(frozen=True)
class ChosenGenerator:
    """Parts of a view generator."""

    name: str
    row: str
    start: Path
    """a `pipeckpts/` folder"""
    prompts: Path | None
    """None: its text encoder makes them"""
    unet: Path
    """folder"""
    ray_film: Path | None
    card: Path | None
    """None: a stored start has none"""
    sha256: str | None
    """that the UNet's weights must have; None: any"""
    license: str | None
    """None: as the card says"""
    domain: str
    accepted_by: str
    sampling: SamplingPlan
    white: float


def choose_network(
    settings: Settings, checkpoint: str | None, experiment: str | None, accept_domains: Sequence[str]
) -> ChosenNetwork:
    """Take a row of `checkpoints:`, or what an experiment has trained.

    A checkpoint's domain is accepted by those experiments of the configuration that start from it; what an experiment
    has trained is by itself. `accept_domains`, if there are any, take the place of both.

    Raises:
        FileNotFoundError: the experiment's weights are not there yet.
        ValueError: no such row, several of which none is named, or a domain that nobody accepts.
    """
    if experiment is not None:
        if checkpoint is not None:
            raise ValueError(f"checkpoint {checkpoint} and experiment {experiment}: name one of them")
        _require(experiment, settings.rows, "experiments")
        plan = Plan(settings)
        weights = Path(plan.weights(experiment))
        if not weights.is_file():
            raise FileNotFoundError(f"experiments.{experiment}: no weights {weights}; snakemake --cores 2 {weights}")
        row, declared = settings.rows[experiment], plan.declared(experiment)
        domains = {f"experiments.{experiment}": (*row.accepts_domains, plan.domain(experiment))}
        accepted = _accepted(declared.domain, f"experiments.{experiment}", domains, accept_domains)
        return ChosenNetwork(weights, Path(settings.checkpoints[row.checkpoint].config), declared, accepted)
    name = checkpoint or _only(settings.checkpoints, "checkpoints", "--checkpoint")
    _require(name, settings.checkpoints, "checkpoints")
    chosen = settings.checkpoints[name]
    users = {
        f"experiments.{user}": row.accepts_domains
        for user, row in settings.experiments.items()
        if row.checkpoint == name
    }
    accepted = _accepted(chosen.domain, f"checkpoints.{name}", users, accept_domains)
    return ChosenNetwork(Path(chosen.weights), Path(chosen.config), chosen.declared(name), accepted)


def choose_generator(
    settings: Settings, name: str | None, white: float | None, accept_domains: Sequence[str]
) -> ChosenGenerator:
    """Take a trained row of `generators:`, or a row of `generator_starts:` of kind `stored` as it is.

    A trained generator's domain is that of its dataset, and accepted by its row; a start's is by the generators of the
    configuration that start from it, which also say how views are drawn. `accept_domains`, if there are any, take
    their place. What is white enough to be background is said by `generated_datasets:`, unless `white` does.

    Raises:
        FileNotFoundError: the generator is not trained yet, or a file of a stored one is absent.
        ValueError: no such row, none or several of which none is named, a start of random weights, rows that do not
            agree on how views are drawn, or a domain that nobody accepts.
    """
    if name is None:
        name = _only({**settings.generators, **settings.generator_starts}, "generators", "--generator")
    if name in settings.generators and name in settings.generator_starts:
        raise ValueError(f"{name}: a row of both generators and generator_starts; call one of them otherwise")
    if name in settings.generators:
        return _trained(settings, name, _white(settings, name, white), accept_domains)
    _require(name, {**settings.generators, **settings.generator_starts}, "generators, generator_starts")
    return _stored(settings, name, white, accept_domains)


def _trained(settings: Settings, name: str, white: float, accept_domains: Sequence[str]) -> ChosenGenerator:
    plan = Plan(settings).generators
    row, files, start = settings.generators[name], plan.files(name), plan.start(name)
    needed = [*files.values(), start["prompts"], f"{start['folder']}/model_index.json"]
    if missing := [file for file in needed if not Path(file).is_file()]:
        listed = "\n  ".join(missing)
        target = f"snakemake --cores 2 {files['card']}"
        raise FileNotFoundError(f"generators.{name}: not trained yet ({target}); missing:\n  {listed}")
    domain = settings.domain_of(row.dataset)
    rows = {f"generators.{name}": (*row.accepts_domains, domain)}
    return ChosenGenerator(
        name=name,
        row=f"generators.{name}",
        start=Path(start["folder"]),
        prompts=Path(start["prompts"]),
        unet=Path(files["unet"]).parent,
        ray_film=Path(files["ray_film"]) if "ray_film" in files else None,
        card=Path(files["card"]),
        sha256=None,
        license=None,
        domain=domain,
        accepted_by=_accepted(domain, f"generators.{name}", rows, accept_domains),
        sampling=row.sampling,
        white=white,
    )


def _stored(settings: Settings, name: str, white: float | None, accept_domains: Sequence[str]) -> ChosenGenerator:
    row = settings.generator_starts[name]
    if isinstance(row, FreshGenerator):
        raise ValueError(
            f"generator_starts.{name}: of kind fresh: random weights draw noise; name a row of generators that was"
            " trained, or a start of kind stored"
        )
    users = {user: generator for user, generator in settings.generators.items() if generator.start == name}
    samplings = {generator.sampling.model_dump_json(): generator.sampling for generator in users.values()}
    if len(samplings) != 1:
        raise ValueError(
            f"generator_starts.{name}: {len(samplings)} ways to draw: expected the rows of generators that start from"
            f" it, {sorted(users)}, to say one sampling"
        )
    whites = {_white(settings, user, white) for user in users}
    if len(whites) != 1:
        raise ValueError(f"generator_starts.{name}: white: found {sorted(whites)}; say one by --white")
    domains = {f"generators.{user}": generator.accepts_domains for user, generator in users.items()}
    return ChosenGenerator(
        name=name,
        row=f"generator_starts.{name}",
        start=Path(row.folder),
        prompts=None if row.prompts is None else Path(row.prompts),
        unet=Path(row.folder) / "unet",
        ray_film=None if row.ray_film is None else Path(row.ray_film),
        card=None,
        sha256=row.sha256,
        license=row.license,
        domain=row.domain,
        accepted_by=_accepted(row.domain, f"generator_starts.{name}", domains, accept_domains),
        sampling=next(iter(samplings.values())),
        white=whites.pop(),
    )


def _white(settings: Settings, generator: str, white: float | None) -> float:
    """What is white enough to be background, of the generated datasets that a generator draws, or of all of them."""
    if white is not None:
        return white
    rows = settings.generated_datasets.values()
    own = {row.white for row in rows if row.generator == generator}
    found = own or {row.white for row in rows}
    if len(found) != 1:
        raise ValueError(
            f"generators.{generator}: white: generated_datasets say {sorted(found) or 'nothing'} of it; say by --white"
            " how much a pixel's colors may lack of white and still be background"
        )
    return found.pop()


def choose_normalization(settings: Settings, name: str | None, drawn: bool) -> tuple[str, Normalization]:
    """Take an honest row of `normalizations:`; where views are drawn, one of mode `fill`.

    Raises:
        ValueError: no such row, several of which none is named, or one that breaks the contract or does not say how
            large the animal is to be.
    """
    honest = {row: way for row, way in settings.normalizations.items() if way.honest}
    if drawn:
        honest = {row: way for row, way in honest.items() if isinstance(way, Fill)}
    if name is None:
        name = _only(honest, "normalizations", "--normalization")
    _require(name, settings.normalizations, "normalizations")
    if name not in honest:
        why = (
            "is not of mode fill, which says how large a photographed animal is to be"
            if drawn
            else ("breaks the contract")
        )
        raise ValueError(f"normalizations.{name}: {why}; expected one of {sorted(honest)}")
    return name, honest[name]


def choose_calibration(
    settings: Settings, path: Path, format: str | None, up: Up | None, millimeters_per_unit: float | None
) -> CalibrationFile:
    """Say what a calibration file leaves unsaid: as the captures of the configuration that name it, or as told.

    Raises:
        ValueError: neither says which way is up, or how long a unit is; or captures contradict each other.
    """
    rows = {
        row.calibration.model_dump_json(exclude={"path"}): row.calibration
        for row in settings.captures.values()
        if Path(row.calibration.path).resolve() == path.resolve()
    }
    known = next(iter(rows.values())) if len(rows) == 1 else None
    if known is None and (up is None or millimeters_per_unit is None):
        what = "several captures of the configuration contradict each other" if rows else "no capture names it"
        raise ValueError(
            f"{path}: which way is up, and how long a unit is, is not in the file, and {what}: say --up X Y Z (or"
            " --up estimated) and --millimeters-per-unit"
        )
    stated = {"format": None, "names": None, "image_sizes": None} if known is None else known.model_dump()
    told = {"format": format, "up": up, "millimeters_per_unit": millimeters_per_unit}
    given = {key: value for key, value in told.items() if value is not None}
    return CalibrationFile.model_validate({**stated, **given, "path": str(path)})


def _accepted(domain: str, what: str, rows: Mapping[str, Sequence[str]], accept_domains: Sequence[str]) -> str:
    """Who accepts a domain, in words. Raises ValueError if nobody does."""
    if accept_domains:
        if domain in accept_domains:
            return "accept_domains"
        raise ValueError(f"{what}: of domain {domain}; accept_domains has {', '.join(accept_domains)} alone")
    accepting = [row for row, domains in rows.items() if domain in domains]
    if not accepting:
        found = "; ".join(f"{row} accepts {', '.join(domains)}" for row, domains in rows.items()) or "no row uses it"
        raise ValueError(
            f"{what}: of domain {domain}, which nothing in the configuration accepts ({found});"
            f" --accept-domains {domain} takes it all the same"
        )
    return ", ".join(accepting)


def _only(rows: Mapping[str, object], section: str, option: str) -> str:
    """The one name that there is to choose. Raises ValueError for none or several."""
    if len(rows) != 1:
        raise ValueError(f"{section}: {len(rows)} to choose from, {sorted(rows)}; name one by {option}")
    return next(iter(rows))


def _require(name: str, rows: Mapping[str, object], where: str) -> None:
    if name not in rows:
        raise ValueError(f"{where}: no {name!r}; defined: {sorted(rows)}")
