"""`mouse-facelift view` shows what it is pointed at, to this machine alone."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from mouse_facelift.cli.main import VERBS, main
from mouse_facelift.cli.serve import page_server
from mouse_facelift.formats.ply import write_ply
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.verbs.result_pages import describe_files, result_pages

REPOSITORY = Path(__file__).resolve().parents[3]


def scene(count: int, shift: float = 0.0) -> Gaussians:
    generator = torch.Generator().manual_seed(count)
    return Gaussians(
        means=torch.randn(count, 3, generator=generator) + shift,
        log_scales=torch.full((count, 3), -3.0),
        quats=torch.randn(count, 4, generator=generator),
        opacity_logits=torch.zeros(count),
        sh=torch.zeros(count, 1, 3),
    )


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "b.ply", tmp_path / "a.ply"]
    for number, path in enumerate(paths):
        write_ply(path, scene(10 + number, shift=5.0))
    return paths


@contextmanager
def served(pages: dict[str, Path]) -> Iterator[ThreadingHTTPServer]:
    with page_server(pages, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def get(server: ThreadingHTTPServer, path: str, host: str | None = None) -> tuple[int, str]:
    port = server.server_address[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_files_follow_one_another_in_the_order_given(files: list[Path], tmp_path: Path) -> None:
    described = describe_files(files)
    assert [(frame.label, frame.gaussians) for frame in described.frames] == [("b", 10), ("a", 11)]
    assert described.center == pytest.approx((5, 5, 5), abs=1)
    assert 1 < described.radius < 5
    assert "b to a" in result_pages(files, tmp_path)["b"].read_text()


def test_what_shows_nothing_is_refused(files: list[Path], tmp_path: Path) -> None:
    write_ply(tmp_path / "none.ply", scene(0))
    for results, told in (
        ([], "found nothing"),
        ([tmp_path], "found no page under viewers"),
        ([files[0], tmp_path], "only .ply files"),
        ([tmp_path / "none.ply"], "no Gaussians"),
    ):
        with pytest.raises(ValueError, match=told):
            result_pages(results, tmp_path)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        result_pages([tmp_path / "missing"], tmp_path)


def test_only_its_pages_are_served_and_to_this_machine_alone(tmp_path: Path) -> None:
    for name in ("a", "b c"):
        (tmp_path / f"{name}.html").write_text(f"page {name}")
    (tmp_path / "secret.html").write_text("secret")
    pages = {name: tmp_path / f"{name}.html" for name in ("a", "b c")}
    with served(pages) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert get(server, "/b%20c") == (200, "page b c")
        assert 'href="/b%20c"' in get(server, "/")[1]
        for path in ("/secret.html", "/secret", "/../secret.html", "/b.html"):
            assert get(server, path)[0] == 404
        assert get(server, "/a", host="elsewhere.example")[0] == 403
    with served({"a": pages["a"]}) as server:
        assert get(server, "/?from=bookmark") == (200, "page a")


def test_the_command_serves_until_it_is_interrupted(files: list[Path]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mouse_facelift.cli", "view", str(files[0]), "--no-browser"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stderr is not None
    told = process.stderr.readline()
    assert told.startswith("http://127.0.0.1:")
    assert "shows b; Ctrl-C ends it" in told
    port = int(told.split(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    assert b'id="scene"' in connection.getresponse().read()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    assert process.stderr.read().strip() == "ended"


def test_a_refusal_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["view", str(tmp_path / "missing")])
    assert left.value.code == 1
    assert capsys.readouterr().err == f"mouse-facelift: {tmp_path / 'missing'}: no such file or folder\n"


def test_every_verb_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        with pytest.raises(SystemExit) as left:
            main([verb, "--help"])
        assert left.value.code == 0
        assert "usage: mouse-facelift" in capsys.readouterr().out
