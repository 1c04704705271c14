"""What a page does when it is touched: tables that sort, pictures that open at full size, pages inside of pages."""

import base64
import html
from importlib import resources

BEHAVIOR_STYLE = """
table.sortable th { vertical-align: bottom; min-width: 5em; }
table.sortable th button { margin: 0; font: inherit; color: inherit; background: none; border: 0; padding: 0;
  cursor: pointer; text-align: left; } table.sortable th button::after { content: " \\2195"; opacity: 0.5; }
th[aria-sort=ascending] button::after { content: " \\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: " \\2193"; opacity: 1; }
img.zoomable { cursor: zoom-in; } dialog.zoom { max-width: 96vw; max-height: 94vh; overflow: auto; padding: 8px;
  background: var(--paper); color: var(--ink); border: 1px solid var(--rule); border-radius: 6px; }
dialog.zoom::backdrop { background: rgb(0 0 0 / 70%); } dialog.zoom img { display: block; image-rendering: pixelated; }
button { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--rule); border-radius: 6px;
  padding: 4px 12px; margin: 0 8px 8px 0; cursor: pointer; } button:focus-visible { outline: 2px solid var(--mark); }
iframe.inner-page { width: 100%; height: min(86vh, 900px); border: 1px solid var(--rule); border-radius: 6px; }
"""


def behavior_script() -> str:
    """The script that belongs at a page's end."""
    text = resources.files("mouse_facelift.pages").joinpath("behavior.js").read_text(encoding="utf-8")
    return f"<script>{text}</script>"


def draw_inner_page(name: str, words: str, page: str) -> str:
    """A button with words that opens a whole page in place; `name` is of letters, digits, hyphens and underscores."""
    coded = base64.b64encode(page.encode()).decode()
    return (
        f'<button type="button" class="inner-page" data-page="page-{name}">{html.escape(words)}</button>'
        f'<script type="text/plain" id="page-{name}">{coded}</script>'
    )
