"""The bundled code of the page was made from the sources beside it."""

import gzip
import hashlib
import json
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
SOURCES, BUNDLE = REPOSITORY / "viewer_page", REPOSITORY / "mouse_facelift/viewing/bundle"
MOST_BYTES = 2_000_000


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_bundle_was_made_from_these_sources() -> None:
    recorded = json.loads((BUNDLE / "sources.json").read_text())
    files = [path for path in sorted(SOURCES.rglob("*")) if path.is_file() and "node_modules" not in path.parts]
    found = {path.relative_to(SOURCES).as_posix(): digest(path) for path in files}
    assert recorded["sources"] == found, "run `npm ci && npm run build` in viewer_page/"
    assert recorded["bundle"] == digest(BUNDLE / "viewer.js.gz")
    for name in ("page.html", "style.css", "loader.js"):
        assert (BUNDLE / name).read_bytes() == (SOURCES / name).read_bytes()


def test_the_bundle_is_small_and_names_its_licenses() -> None:
    assert sum(path.stat().st_size for path in BUNDLE.iterdir()) < MOST_BYTES
    assert b"</script" not in gzip.decompress((BUNDLE / "viewer.js.gz").read_bytes()).lower()
    licenses = (BUNDLE / "THIRD_PARTY.txt").read_text()
    for package, version in json.loads((SOURCES / "package.json").read_text())["dependencies"].items():
        assert f"{package} {version} (MIT)" in licenses
    assert licenses.count("Permission is hereby granted") >= 3
