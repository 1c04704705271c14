"""A page: how it looks, by day and by night, on a desk and on a phone; and what stands around its sections."""

import base64
import html
from collections.abc import Iterable

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2024; --faint: #667079; --rule: #d9dee3; --mark: #0b62c4;
  --green: #1b7f3b; --amber: #a35c00; --red: #c0211b; --on-light: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c; --ink: #e6e9ec; --faint: #98a2ab; --rule: #363d45;
  --mark: #6cb0ff; --green: #58c77c; --amber: #f0ad4a; --red: #ff7b72; --on-light: #101214; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.6em; margin: 0.3em 0; } h2 { font-size: 1.2em; margin: 1.8em 0 0.5em; }
p, li { max-width: 80ch; } code { color: var(--faint); font-size: 0.85em; }
.light { border-radius: 4px; padding: 1px 8px; color: var(--on-light); font-weight: 600; white-space: nowrap; }
.green { background: var(--green); } .amber { background: var(--amber); } .red { background: var(--red); }
.accepted { background: none; color: var(--red); border: 1px solid var(--red); font-weight: 400; white-space: normal; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--faint); font-weight: 500; } .numbers td { font-variant-numeric: tabular-nums; white-space: nowrap; }
.words td:last-child { color: var(--faint); }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 14px; }
figure { margin: 0; } figure svg, figure img { width: 100%; height: auto; display: block; border-radius: 4px; }
figcaption { color: var(--faint); font-size: 0.9em; }
@media (max-width: 640px) { .words thead { display: none; } .words tr { display: block; padding: 6px 0;
  border-bottom: 1px solid var(--rule); } .words td { display: block; border: 0; padding: 1px 0;
  overflow-wrap: anywhere; } }
"""


def draw_page(title: str, heading: str, sections: Iterable[str], style: str = "") -> str:
    """Write a page around sections that are HTML already, as the heading is; `style` is CSS beside the common one."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}{style}</style></head><body><main>"
        f"<h1>{heading}</h1>" + "".join(sections) + "</main></body></html>\n"
    )


def draw_light(color: str, words: str) -> str:
    """Write words on a color: green, amber or red."""
    return f'<span class="light {color}">{html.escape(words)}</span>'


def draw_figure(picture: bytes, kind: str, alt: str, caption: str, zoomable: bool = False) -> str:
    """Embed a picture, with words below; `kind` is jpeg or png. A `zoomable` one opens at full size: see `behavior`."""
    coded = base64.b64encode(picture).decode()
    style = ' class="zoomable"' if zoomable else ""
    shown = f'<img{style} src="data:image/{kind};base64,{coded}" alt="{html.escape(alt)}">'
    return f"<figure>{shown}<figcaption>{html.escape(caption)}</figcaption></figure>"
