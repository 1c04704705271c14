"""Rule `write_report`: one page on a run, which needs nothing beside it."""

import logging
from pathlib import Path

import pandas as pd

from mouse_facelift.evaluation.report.captures import tell_captures, tell_residuals
from mouse_facelift.evaluation.report.experiments import tell_experiments, tell_pairs, tell_views
from mouse_facelift.evaluation.report.ran import tell_ran
from mouse_facelift.evaluation.report.trainings import tell_trainings
from mouse_facelift.formats.whole import write_text_whole
from mouse_facelift.imaging.pictures import reduced_jpeg
from mouse_facelift.pages.behavior import BEHAVIOR_STYLE, behavior_script, draw_inner_page
from mouse_facelift.pages.page import draw_figure, draw_page
from mouse_facelift.settings import ReportedFiles

logger = logging.getLogger(__name__)

STYLE = """
.curves { min-width: 900px; } .training { border-top: 1px solid var(--rule); padding: 8px 0; }
.bars { grid-template-columns: repeat(auto-fill, minmax(min(380px, 100%), 1fr)); }
.sheets { grid-template-columns: repeat(auto-fill, minmax(min(520px, 100%), 1fr)); }
.sheets img { background: #ffffff; } details { margin: 10px 0; } summary { cursor: pointer; color: var(--mark); }
pre { font-size: 0.8em; max-height: 70vh; overflow: auto; } a { color: var(--mark); } small { color: var(--faint); }
nav a { margin-right: 14px; white-space: nowrap; } .training .light { white-space: normal; }
summary code { overflow-wrap: anywhere; }
"""
SHEET_WIDTH, SHEET_QUALITY = 2400, 90  # px at most, and JPEG's
CONTENTS = {
    "experiments": "experiments",
    "views": "view by view",
    "sheets": "contact sheets",
    "viewers": "3D",
    "trainings": "trainings",
    "captures": "captures",
    "residuals": "residuals",
    "log": "research log",
    "ran": "what ran",
}


def write_report(
    summary: Path,
    scores: Path,
    pairs: Path,
    plot: Path,
    files: ReportedFiles,
    configuration: list[Path],
    report: Path,
) -> None:
    """Write the page.

    Args:
        summary: Parquet of `eval_psnr`, likewise `scores` and `pairs`.
        scores: one row an experiment, sample, turn and view.
        pairs: every two experiments compared.
        plot: the summary as bars, a PNG.
        files: what the page is made of beside.
        configuration: files that the run was configured by.
        report: HTML to write.

    Raises:
        FileNotFoundError: a file is absent.
        ValueError: a file is not what it should be.
    """
    rows, of_views, compared = map(pd.read_parquet, (summary, scores, pairs))
    sections = {
        "experiments": tell_experiments(rows)
        + draw_figure(
            plot.read_bytes(), "png", "PSNR of every experiment as bars", "The same means as bars.", zoomable=True
        )
        + tell_pairs(compared),
        "views": tell_views(of_views),
        "sheets": _sheets(files),
        "viewers": _viewers(files),
        "trainings": tell_trainings(files.trainings),
        "captures": tell_captures([Path(path) for path in files.verdicts]),
        "residuals": tell_residuals({name: Path(path) for name, path in files.residuals.items()}),
        "log": _log(files),
        "ran": tell_ran(
            configuration,
            {row.name: Path(row.card) for row in files.trainings},
            dict(zip(map(str, rows["experiment"]), map(str, rows["weights"]), strict=True)),
        ),
    }
    contents = " ".join(f'<a href="#{key}">{words}</a>' for key, words in CONTENTS.items())
    body = [f"<nav>{contents}</nav>"]
    body += [f'<section id="{key}">{section}</section>' for key, section in sections.items()]
    title = "mouse-facelift: report"
    write_text_whole(report, draw_page(title, title, [*body, behavior_script()], BEHAVIOR_STYLE + STYLE))
    logger.info("%s: %.1f MB", report, report.stat().st_size / 1e6)


def _sheets(files: ReportedFiles) -> str:
    figures = [
        draw_figure(
            reduced_jpeg(Path(path), SHEET_WIDTH, SHEET_QUALITY), "jpeg", f"contact sheet of {name}", name, True
        )
        for name, path in files.sheets.items()
    ]
    said = (
        "A few samples of each experiment: what went in, what should come out, what came out, and the difference."
        " Click to look closely."
    )
    return f'<h2>Contact sheets</h2><p>{said}</p><div class="figures sheets">{"".join(figures)}</div>'


def _viewers(files: ReportedFiles) -> str:
    if not files.viewers:
        return "<h2>In three dimensions</h2><p>None: see <code>report.viewers</code> in the configuration.</p>"
    pages = [
        draw_inner_page(f"viewer-{name}", f"open {name} in 3D", Path(path).read_text(encoding="utf-8"))
        for name, path in files.viewers.items()
    ]
    return "<h2>In three dimensions</h2>" + "".join(pages)


def _log(files: ReportedFiles) -> str:
    if files.log_page is None:
        said = (
            "Not part of this page: <code>snakemake --cores 2 log_experiments</code> makes their own, and"
            " <code>report.log_experiments: true</code> in the configuration puts it here."
        )
        return f"<h2>The research log's experiments</h2><p>{said}</p>"
    page = Path(files.log_page).read_text(encoding="utf-8")
    return "<h2>The research log's experiments</h2>" + draw_inner_page("log", "open their page", page)
