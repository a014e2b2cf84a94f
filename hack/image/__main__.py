"""Build the image, check what is in it, and print its size, start-up time and memory: `make image`.

Exit status: 0, or 1 where it can't be built or is not as it should be.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from hack import ROOT
from hack.build.gomodules import say
from hack.image.engines import PROBE, Engine, EngineError, find_engine
from tenantproxy import __version__

_MB: Final = 1_000_000
_USER: Final = "65532:65532"


def main() -> int:
    """Do it, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m hack.image", description="Build the image of operator and proxies."
    )
    parser.add_argument("--tag", default=f"tenantproxy:{__version__}", help="default: %(default)s")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="write it there, too, for `docker load`")
    options = parser.parse_args()
    try:
        engine = find_engine()
        say(f"building {options.tag} with {engine.name}")
        engine.build(
            options.tag, {"VERSION": __version__, "REVISION": _revision()}, _git("log", "-1", "--format=%ct")
        )
        inside = engine.probe(options.tag)
        problems = _problems(engine.configuration(options.tag), inside)
        _report(engine, options.tag, inside)
        if options.archive is not None:
            engine.save(options.tag, options.archive)
            print(f"{options.archive}: {options.archive.stat().st_size / _MB:.0f} MB")
    except EngineError as error:
        say(str(error))
        return 1
    for problem in problems:
        say(f"{options.tag}: {problem}")
    return 1 if problems else 0


def _problems(configuration: dict[str, Any], inside: dict[str, Any]) -> list[str]:
    """Return what is not as it should be."""
    problems = list(inside["problems"])
    if configuration.get("User") != _USER:
        problems.append(f"its user is {configuration.get('User')!r}, not {_USER}")
    if configuration.get("Entrypoint"):
        problems.append("it has an entry point")
    labels = configuration.get("Labels") or {}
    version = labels.get("org.opencontainers.image.version")
    if version != __version__ or any(not said.endswith(f" {__version__}") for said in inside["versions"]):
        problems.append(f"it is not {__version__}: the label says {version}, the commands {inside['versions']}")
    return problems


def _report(engine: Engine, tag: str, inside: dict[str, Any]) -> None:
    here = _source_tree()
    print(f"{tag}: {engine.size(tag) / _MB:.0f} MB unpacked")
    print("tenantproxy serve                first answer   memory at rest")
    for place, found in (("in the image", inside), ("in the source tree", here)):
        where = f"{place}, Python {found['python']}"
        print(f"  {where:<30}{found['milliseconds']:>9.0f} ms{found['mebibytes']:>13.1f} MiB")


def _source_tree() -> dict[str, Any]:
    """Return what the probe says about the speed and size of the source tree."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        (sys.executable, "-", "--speed"),
        input=PROBE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PATH": path},
        check=True,
    )
    return dict(json.loads(done.stdout))


def _revision() -> str:
    """Return the commit, and whether the work tree differs from it in what the image has."""
    changed = _git("status", "--porcelain", "--", "Dockerfile", "hack/image", "operator", "proxy", "uv.lock")
    return _git("rev-parse", "HEAD") + ("-dirty" if changed else "")


def _git(*command: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise EngineError("the image is named after the commit: install git")
    done = subprocess.run((git, *command), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise EngineError("the image is named after the commit, and git does not tell it, see above")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
