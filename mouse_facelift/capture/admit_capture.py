"""Rule `admit_capture`: a capture goes on only if nothing red stands in its way."""

from pathlib import Path

from mouse_facelift.formats.verdict import Found, read_verdict, standing_red, tell_lines


def admit_capture(found: Path, verdict: Path, frames: Path) -> None:
    """Hand a capture's frames on.

    Args:
        found: what `measure_capture` found.
        verdict: its verdict.
        frames: the manifest to write (`formats.frames.Frames`).

    Raises:
        ValueError: names the verdict and every line that is red and not accepted.
    """
    judged = read_verdict(verdict)
    if red := standing_red(judged.lines):
        advice = f"look at {verdict.with_suffix('.html')}; captures.{judged.capture}.accept_red lets lines pass by name"
        raise ValueError(f"{verdict}: red\n{tell_lines(red)}\n{advice}")
    handed_on = Found.read(found).frames
    if handed_on is None:
        raise ValueError(f"{found}: holds no frames")
    handed_on.write(frames)
