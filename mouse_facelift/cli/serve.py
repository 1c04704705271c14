"""Pages, served to this machine alone."""

import html
import io
import logging
import urllib.parse
from collections.abc import Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mouse_facelift.pages.page import draw_page

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"


def page_server(pages: Mapping[str, Path], port: int) -> ThreadingHTTPServer:
    """Listen on the loopback address; nothing but these pages is given out.

    Args:
        pages: file of each page, by its name. One page stands at `/`; several at `/NAME`, with a list of them at `/`.
        port: to listen on; 0: any that is free.

    Raises:
        OSError: the port is taken.
    """
    alone = len(pages) == 1
    paths = {"/" if alone else _address(name): path for name, path in pages.items()}
    listed = _list(pages).encode()

    class Handler(SimpleHTTPRequestHandler):
        def send_head(self) -> io.BytesIO | None:
            # Another site may point its own name at this address; the browser then tells that name.
            if (self.headers.get("Host") or "").rsplit(":", 1)[0] not in (HOST, "localhost"):
                self.send_error(403)
                return None
            asked = self.path.split("?")[0]
            if asked not in paths and asked != "/":
                self.send_error(404)
                return None
            content = paths[asked].read_bytes() if asked in paths else listed
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            return io.BytesIO(content)

        def log_message(self, format: str, *arguments: object) -> None:
            logger.debug(format, *arguments)

    return ThreadingHTTPServer((HOST, port), Handler)


def _address(name: str) -> str:
    return f"/{urllib.parse.quote(name)}"


def _list(pages: Mapping[str, Path]) -> str:
    rows = "".join(f'<li><a href="{_address(name)}">{html.escape(name)}</a></li>' for name in sorted(pages))
    return draw_page("mouse-facelift", "Experiments", [f"<ul>{rows}</ul>"])
