"""Tables of a page."""

from collections.abc import Iterable, Sequence


def draw_table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    """Write a table of cells that are HTML already; `kind` names its style."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
