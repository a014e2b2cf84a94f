"""Prepare, check and make a release: `python -m hack.release --help`.

Exit status: 0, or 1 where something is not as it should be; the message says what.
"""

import argparse
import os
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from hack import ROOT
from hack.build.gomodules import MissingError, say
from hack.release import ReleaseError, changelog, registry, versions
from hack.release.artifacts import Artifacts, make_artifacts
from hack.release.check import check
from hack.release.image import make_image
from hack.release.kept import RELEASES, keep
from hack.release.sbom import write_sbom
from hack.release.source import check_committed, check_tagged, exported


def main() -> int:
    """Do what the command line says; return the exit status."""
    options = _parser().parse_args()
    try:
        return int(options.command(options) or 0)
    except (ReleaseError, MissingError) as error:
        say(str(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hack.release", description="Prepare, check and make a release."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("prepare", help="write the version everywhere, and its section of the changelog")
    command.add_argument("version", help="such as 0.2.0")
    command.add_argument("--date", type=date.fromisoformat, help="of the release; default: today")
    command.set_defaults(command=_prepare)

    command = commands.add_parser("check", help="try all that needs no registry but one on loopback")
    command.add_argument("--without-image", action="store_true", help="don't build the image, which needs root")
    command.set_defaults(command=lambda options: check(image=not options.without_image))

    command = commands.add_parser("notes", help="print the release notes of the present version")
    command.add_argument(
        "--links", metavar="URL", help="of the commit's files: the notes will be on a page elsewhere"
    )
    command.set_defaults(command=_notes)

    command = commands.add_parser("sbom", help="write the packages' bill of materials, of the present commit")
    command.add_argument("--into", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    command.set_defaults(command=_sbom)

    command = commands.add_parser("keep", help="keep the present commit below tests/releases, for later tests")
    command.set_defaults(command=_keep)

    command = commands.add_parser("files", help="make the files of a release, of the present commit")
    command.add_argument("--tag", help="refuse where this is not v and the version")
    command.add_argument("--image", default="", help="the image that the chart installs, without a tag")
    command.add_argument("--into", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    command.set_defaults(command=_files)

    command = commands.add_parser("image", help="build the image for this machine's architecture (root, buildah)")
    command.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="of the OCI layout")
    command.set_defaults(command=_image)

    command = commands.add_parser("publish", help="push image and chart; print names and digests as NAME=VALUE")
    command.add_argument(
        "--images", type=Path, required=True, metavar="FOLDER", help="of OCI layouts, and what is in them"
    )
    command.add_argument("--files", type=Path, required=True, metavar="FOLDER", help="of the release's files")
    command.add_argument("--image", required=True, help="its name in the registry, without a tag")
    command.add_argument("--charts", required=True, help="the folder for the chart in the registry")
    command.set_defaults(command=_publish)
    return parser


def _prepare(options: argparse.Namespace) -> None:
    page = ROOT / "CHANGELOG.md"
    day = options.date or datetime.now(UTC).date()
    text = changelog.released(page.read_text(), options.version, day)
    changed = versions.set_version(options.version)
    page.write_text(text)
    for path in (page, *changed):
        print(path.relative_to(ROOT))


def _notes(options: argparse.Namespace) -> None:
    text = changelog.notes((ROOT / "CHANGELOG.md").read_text(), versions.current())
    sys.stdout.write(changelog.with_absolute_links(text, options.links) if options.links else text)


def _sbom(options: argparse.Namespace) -> None:
    options.into.mkdir(parents=True, exist_ok=True)
    with exported() as source:
        file = Artifacts(options.into, source.version).sbom
        write_sbom(source, file)
    print(os.path.relpath(file))


def _keep(_: argparse.Namespace) -> None:
    check_committed()
    check_tagged(versions.current())
    release = RELEASES / versions.current()
    keep(release)
    print(os.path.relpath(release))


def _files(options: argparse.Namespace) -> None:
    with exported() as source:
        if options.tag and options.tag != f"v{source.version}":
            raise ReleaseError(
                f"the tag {options.tag} is not v{source.version}: tag a commit that `prepare` has made"
            )
        made = make_artifacts(source, options.into, image=options.image.lower())
    for name in made.digests():
        print(name)


def _image(options: argparse.Namespace) -> None:
    with exported() as source:
        print(make_image(source, options.into))


def _publish(options: argparse.Namespace) -> None:
    files = Artifacts(options.files, versions.current())
    layouts = sorted(path for path in options.images.glob("*") if path.is_dir())
    if not files.chart.is_file():
        raise ReleaseError(f"{files.chart} is missing: `python -m hack.release files` makes it")
    if not layouts:
        raise ReleaseError(f"{options.images} has no image: `python -m hack.release image` makes one")
    for sbom in options.images.glob("*.cdx.json"):
        shutil.copy(sbom, files.folder)
    files.write_checksums()
    image = registry.publish_image(layouts, options.image.lower(), files.version)
    chart = registry.publish_chart(files.chart, options.charts.lower())
    for key, published in (("image", image), ("chart", chart)):
        print(f"{key}={published.name}\n{key}-digest={published.digest}")


if __name__ == "__main__":
    sys.exit(main())
