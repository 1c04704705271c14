"""Trainings as curves, with what the guard saw and did."""

import html
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mouse_facelift.formats.diagnosis import TrainingDiagnosis
from mouse_facelift.pages.drawing import FAINT, page_style, svg_of
from mouse_facelift.pages.page import draw_light
from mouse_facelift.settings import ReportedTraining

LINE, SECOND = "#2f8fd0", "#e08e0b"  # seen on white and on black
EVENTS = {"skip": "#c9a227", "roll_back": "#e08e0b", "stop": "#d1495b"}
EVENT_WORDS = {"skip": "update left out", "roll_back": "rolled back", "stop": "stopped"}
SMOOTH = 10  # steps of the loss's running mean
WIDTH, HEIGHT = 11.0, 2.3  # inches


def tell_trainings(trainings: Sequence[ReportedTraining]) -> str:
    """Write the section: a line of curves each, and the guard's paragraph."""
    if not trainings:
        return "<h2>Trainings</h2><p>Nothing was trained.</p>"
    said = (
        "Norms are of the gradient before clipping. Held out: views that did not go in, of samples that teach nothing."
        " Upright lines: what the guard did."
    )
    return f"<h2>Trainings</h2><p>{said}</p>" + "".join(map(_tell, trainings))


def _tell(training: ReportedTraining) -> str:
    diagnosis = TrainingDiagnosis.read(Path(training.diagnosis))
    light = "green" if diagnosis.stopped is None else "red"
    steps = pd.read_csv(training.metrics)
    done = ""
    if diagnosis.done:
        lines = [
            f"<li>step {event.step}: {EVENT_WORDS[event.action]};"
            f" {html.escape('; '.join(signal.says for signal in event.signals))};"
            f" went on with the weights of step {event.kept_step}</li>"
            for event in diagnosis.done
        ]
        done = f"<details><summary>{len(lines)} times the guard stepped in</summary><ul>{''.join(lines)}</ul></details>"
    return (
        f'<div class="training"><h3>{draw_light(light, diagnosis.status)} {html.escape(training.name)}</h3>'
        f"<p>for {html.escape(', '.join(training.serves))}</p>"
        f'<div class="wide"><div class="curves">{draw_curves(training.name, steps, diagnosis)}</div></div>'
        f"<p>{html.escape(diagnosis.paragraph)}</p>{done}</div>"
    )


def draw_curves(name: str, steps: pd.DataFrame, diagnosis: TrainingDiagnosis) -> str:
    """Loss, gradient norm, held-out PSNR and, of fine-tunings, white beside the targets', as an SVG."""
    with page_style():
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        loss, norm, held_out, last = figure.subplots(1, 4)
        loss.plot(steps["step"], steps["loss"], color=LINE, alpha=0.3, linewidth=0.8)
        loss.plot(steps["step"], steps["loss"].rolling(SMOOTH, min_periods=1).mean(), color=LINE, linewidth=1.4)
        norm.plot(steps["step"], steps["grad_norm"], color=LINE, linewidth=0.9)
        for panel, title in ((loss, "loss"), (norm, "gradient norm")):
            panel.set_yscale("log")
            panel.set_title(title, fontsize=9)
        looks = diagnosis.held_out
        for field, color in (("animal", LINE), ("whole", SECOND)):
            told = [(look.step, getattr(look, field)) for look in looks if getattr(look, field) is not None]
            held_out.plot(*zip(*told, strict=True), "o-", color=color, markersize=3, label=field) if told else None
        held_out.set_title("held out, PSNR in dB", fontsize=9)
        if held_out.lines:
            held_out.legend(fontsize=8)
        if "white" in steps:
            last.plot(steps["step"], steps["white"], color=LINE, linewidth=1.2, label="rendered")
            last.plot(steps["step"], steps["target_white"], color=FAINT, linestyle="--", linewidth=1, label="targets'")
            last.set_title("share of white pixels", fontsize=9)
            last.legend(fontsize=8)
        else:
            copies = [(look.step, look.collapse) for look in looks if look.collapse is not None]
            last.plot(*zip(*copies, strict=True), "o-", color=LINE, markersize=3) if copies else None
            last.set_title("collapse: 0 as true views, 1 copies", fontsize=9)
        for panel in (loss, norm, held_out, last):
            panel.set_xlabel("step", fontsize=8)
            _mark(panel, diagnosis)
        return svg_of(figure, f"curves of {name}")


def _mark(panel: Axes, diagnosis: TrainingDiagnosis) -> None:
    for event in diagnosis.done:
        panel.axvline(event.step, color=EVENTS[event.action], linewidth=1.0 if event.action != "skip" else 0.5)
