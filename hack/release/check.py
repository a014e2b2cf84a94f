"""Try all of a release that needs no registry but one on loopback: `make release-check`.

Each step prints what it found and how long it took; one that fails says why, and the others go on.
"""

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hack import ROOT
from hack.build.gomodules import UV, MissingError
from hack.release import ReleaseError, changelog, registry, versions
from hack.release.artifacts import Artifacts, make_artifacts, run_helm
from hack.release.commands import run
from hack.release.image import architecture, make_image, sbom_name
from hack.release.source import check_committed, exported

_IMAGE: Final = "owner/tenantproxy"
_CHARTS: Final = "owner/charts"
_UMASKS: Final = (0o022, 0o077)
"""Of the two clones that releases are made from: their files' permissions and times differ, as people's do."""


class Check:
    """The steps, in their order; each returns what it found."""

    def __init__(self, folder: Path, *, image: bool) -> None:
        self._folder = folder
        self._image = image
        self._artifacts: Artifacts | None = None
        self._layout: Path | None = None

    def steps(self) -> dict[str, Callable[[], str]]:
        """Return the steps by their titles."""
        steps = {
            "work tree": self.work_tree,
            "versions": self.versions,
            "changelog": self.changelog,
            "files": self.files,
            "installation": self.installation,
            "chart": self.chart,
        }
        if self._image:
            steps["image"] = self.image
        return {**steps, "registry": self.registry}

    def work_tree(self) -> str:
        """Check that what is checked is what is here."""
        check_committed()
        return run("git", "log", "-1", "--format=%h %s", cwd=ROOT).strip()

    def versions(self) -> str:
        """Check that all places name one version."""
        if found := versions.problems():
            raise ReleaseError("\n".join(found))
        return versions.current()

    def changelog(self) -> str:
        """Check that the version has notes, and that nothing is left for a later one."""
        text = (ROOT / "CHANGELOG.md").read_text()
        version = versions.current()
        notes = changelog.notes(text, version)
        if changelog.unreleased(text):
            raise ReleaseError(
                f"CHANGELOG.md has entries under [Unreleased]: `hack.release prepare {version}` moves them"
            )
        return f"{len(notes.splitlines())} lines of release notes"

    def files(self) -> str:
        """Make the files twice, of two clones; they must be the same."""
        made = []
        for number, umask in enumerate(_UMASKS):
            with exported(umask=umask) as source:
                made.append(make_artifacts(source, self._folder / f"files-{number}"))
        first, second = (artifacts.digests() for artifacts in made)
        if differing := [name for name in first if first[name] != second.get(name)]:
            raise ReleaseError(f"two builds differ: {', '.join(differing)}")
        self._artifacts = made[0]
        return "two builds are the same:" + "".join(f"\n  {digest[:16]}… {name}" for name, digest in first.items())

    def installation(self) -> str:
        """Install the wheel into a new environment, with what is locked; ask for the versions."""
        wheel, version = self._made().wheel, versions.current()
        environment = self._folder / "environment"
        python = environment / "bin/python"
        requirements = self._folder / "requirements.txt"
        extras = ("--extra", "operator", "--extra", "otel")
        export = ("export", "--quiet", "--locked", "--no-dev", "--no-emit-project", *extras)
        run(UV, *export, "--output-file", requirements, cwd=ROOT)
        run(UV, "venv", "--quiet", environment)
        run(UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", requirements)
        run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
        said = []
        for program in ("tenantproxy", "tenantproxy-operator"):
            # Not in the source tree, from which Python would import as well.
            said.append(run(environment / "bin" / program, "--version", cwd=self._folder).strip())
            if not said[-1].endswith(f" {version}"):
                raise ReleaseError(f"`{program} --version` says {said[-1]!r}, not {version}")
        return "; ".join(said)

    def chart(self) -> str:
        """Lint the packaged chart, and render it."""
        chart = self._made().chart
        run_helm("lint", "--strict", chart)
        rendered = run_helm("template", "tenantproxy", chart, "--namespace", "tenantproxy-system")
        return f"{chart.name}: lint finds nothing; {rendered.count('kind: ')} kinds are rendered"

    def image(self) -> str:
        """Build the image twice, of two clones; the digests must be the same."""
        digests, sboms = [], []
        for number, umask in enumerate(_UMASKS):
            folder = self._folder / f"image-{number}"
            with exported(umask=umask) as source:
                digests.append(make_image(source, folder))
            sboms.append((folder / sbom_name(versions.current())).read_text())
        if digests[0] != digests[1]:
            raise ReleaseError(f"two builds have different digests, {digests[0]} and {digests[1]}")
        if sboms[0] != sboms[1]:
            raise ReleaseError("two builds have the same digest, and different bills of materials")
        self._layout = self._folder / "image-0" / architecture()
        components = len(json.loads(sboms[0])["components"])
        return f"two builds have the same digest: {digests[0]}; {components} components of Debian"

    def registry(self) -> str:
        """Publish chart and image to a registry on loopback, and fetch them again."""
        made, found = self._made(), []
        with registry.local_registry() as host:
            chart = registry.publish_chart(made.chart, f"{host}/{_CHARTS}", "--plain-http")
            version = ("--version", made.version)
            run_helm("pull", f"oci://{chart.name}", *version, "--plain-http", "--destination", self._folder)
            if (self._folder / made.chart.name).read_bytes() != made.chart.read_bytes():
                raise ReleaseError("the chart that was pulled is not the one that was pushed")
            found.append(f"chart {chart.digest}")
            if self._layout is not None:
                image = registry.publish_image([self._layout], f"{host}/{_IMAGE}", made.version)
                registry.crane("validate", "--remote", f"{image.name}@{image.digest}")
                found.append(f"image {image.digest}")
        return "pushed, pulled, compared: " + ", ".join(found)

    def _made(self) -> Artifacts:
        if self._artifacts is None:
            raise ReleaseError("not tried: the files could not be made, see above")
        return self._artifacts


def check(*, image: bool) -> int:
    """Do all steps; return the exit status."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        failed = run_steps(Check(Path(folder), image=image).steps())
    outcome = f"failed: {', '.join(failed)}" if failed else "all is well"
    left_out = "" if image else "; the image was not built (--without-image)"
    print(f"{outcome}, {time.monotonic() - begin:.0f} s{left_out}")
    return 1 if failed else 0


def run_steps(steps: Mapping[str, Callable[[], str]]) -> list[str]:
    """Do one after the other, and print what each found; return the titles of those that failed."""
    failed = []
    for title, step in steps.items():
        start = time.monotonic()
        try:
            mark, said = "ok", step()
        except (ReleaseError, MissingError) as error:
            mark, said = "FAILED", str(error)
            failed.append(title)
        seconds = time.monotonic() - start
        print(f"{mark:7}{title:14}{seconds:5.0f} s  " + said.replace("\n", "\n" + " " * 30), flush=True)
    return failed
