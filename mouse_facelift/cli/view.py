"""`mouse-facelift view RESULT`: Gaussians in a browser."""

import logging
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import tyro

from mouse_facelift.cli.serve import page_server
from mouse_facelift.verbs.result_pages import result_pages

logger = logging.getLogger(__name__)


def view(
    result: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RESULT ...")],
    /,
    port: int = 0,
    browser: bool = True,
) -> None:
    """Show Gaussians in a browser: play them in time, turn them, look through the cameras of the capture.

    RESULT is a results folder, the predictions of one experiment (its folder or its predictions.json), a page of
    results/viewers/, or one or several .ply files of 3D Gaussian splatting, which follow one another in time. A page
    that is not there yet is made in a temporary folder: Gaussians are then shown as they were predicted, without a
    clean-up. It is served to this machine alone, until Ctrl-C.

    Args:
        result: what to show.
        port: of 127.0.0.1 to serve at; 0 takes one that is free.
        browser: open it in the browser; else its address is only told.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it holds no Gaussians to show.
    """
    with tempfile.TemporaryDirectory(prefix="mouse-facelift-") as scratch:
        pages = result_pages(list(result), Path(scratch))
        with page_server(pages, port) as server:
            address = f"http://{server.server_address[0]!s}:{server.server_address[1]}/"
            logger.info("%s shows %s; Ctrl-C ends it", address, ", ".join(sorted(pages)))
            if browser and not webbrowser.open(address):
                logger.info("no browser could be opened here: open that address yourself")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                logger.info("ended")
