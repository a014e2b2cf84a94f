"""The files of a release: complete, and the same whoever makes them."""

import hashlib
import json
import re
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from packaging.requirements import Requirement

from hack.build.gomodules import UV
from hack.release import ReleaseError
from hack.release.artifacts import CHECKSUMS, Artifacts, make_artifacts, make_chart, make_packages, run_helm
from hack.release.sbom import validate_sbom, write_sbom, write_system_sbom
from hack.release.source import Source, exported

ROOT: Final = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def other() -> Iterator[Source]:
    """Return the same commit in another folder, with other permissions and times."""
    with exported(umask=0o077) as source:
        yield source


def test_packages_are_the_same_from_two_clones(artifacts: Artifacts, other: Source, tmp_path: Path) -> None:
    """Wheel and source distribution hold neither the times, nor the permissions, nor the place of the files."""
    make_packages(other, tmp_path)
    made = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert made.keys() == {artifacts.wheel.name, artifacts.source.name}
    assert made.items() <= artifacts.digests().items()


def test_chart_is_the_same_from_two_clones(
    artifacts: Artifacts, image: str, other: Source, tmp_path: Path
) -> None:
    """The same goes for the chart."""
    make_chart(other, tmp_path, image=image)
    assert (tmp_path / artifacts.chart.name).read_bytes() == artifacts.chart.read_bytes()


def test_sbom_is_the_same_from_two_clones(artifacts: Artifacts, other: Source, tmp_path: Path) -> None:
    """The same goes for the bill of materials."""
    file = tmp_path / artifacts.sbom.name
    write_sbom(other, file)
    assert file.read_bytes() == artifacts.sbom.read_bytes()


def test_packages_hold_the_product(artifacts: Artifacts) -> None:
    """The wheel has both packages and their commands, and nothing of the repository's tools or tests."""
    with zipfile.ZipFile(artifacts.wheel) as wheel:
        names = wheel.namelist()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        commands = wheel.read(entry_points).decode()
    assert {name.partition("/")[0] for name in names} == {
        "tenantproxy",
        "tenantproxy_operator",
        f"tenantproxy-{artifacts.version}.dist-info",
    }
    assert "tenantproxy = " in commands
    assert "tenantproxy-operator = " in commands
    with tarfile.open(artifacts.source) as archive:
        folders = {name.split("/")[1] for name in archive.getnames()}
    assert {"proxy", "operator", "pyproject.toml", "PKG-INFO"} <= folders
    assert not folders & {"hack", "tests", "bench", ".github"}


def test_sbom_is_complete(artifacts: Artifacts, source: Source) -> None:
    """It has each package that is installed, with its version, its purl and the licences that it declares."""
    bom = json.loads(artifacts.sbom.read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    root = bom["metadata"]["component"]
    assert (root["name"], root["version"]) == ("tenantproxy", artifacts.version)
    components = {_normal(component["name"]): component for component in bom["components"]}
    locked = _locked(source.root)
    assert len(locked) > 30
    assert {name: component["version"] for name, component in components.items()} == locked
    assert {component["purl"] for component in components.values()} == {
        f"pkg:pypi/{name}@{version}" for name, version in locked.items()
    }
    # Its licence, "3-Clause BSD License", is no identifier of SPDX's, and so not taken over by cyclonedx-py.
    assert [name for name, component in components.items() if not component.get("licenses")] == ["protobuf"]
    # Every package is somebody's dependency, those of pyproject.toml the product's own.
    needs = {entry["ref"]: set(entry.get("dependsOn", ())) for entry in bom["dependencies"]}
    names = {component["bom-ref"]: _normal(component["name"]) for component in bom["components"]}
    assert {names[reference] for reference in needs[root["bom-ref"]]} == _direct(source.root)


def _locked(root: Path) -> dict[str, str]:
    """Return the versions that uv.lock says are installed here, as uv tells them."""
    extras = ("--extra", "operator", "--extra", "otel")
    options = ("--locked", "--no-dev", *extras, "--no-emit-project", "--no-hashes", "--no-annotate")
    done = subprocess.run(
        (UV, "export", "--quiet", "--no-header", *options), cwd=root, capture_output=True, text=True, check=True
    )
    requirements = [Requirement(line) for line in done.stdout.splitlines()]
    return {
        _normal(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def _direct(root: Path) -> set[str]:
    """Return the names of what the packages themselves depend on."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    lists = (project["dependencies"], *project["optional-dependencies"].values())
    return {_normal(Requirement(each).name) for requirements in lists for each in requirements} - {"tenantproxy"}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_sbom_of_an_image(source: Source, tmp_path: Path) -> None:
    """It has each Debian package below the image's root with version and purl, and is the same each time."""
    status = tmp_path / "root/var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    entry = "Package: {}\nStatus: install ok installed\nVersion: {}\nArchitecture: amd64\nMaintainer: M <m@m>\n"
    packages = {"libc6": "2.41-12", "python3.13": "3.13.5-2"}
    status.write_text("\n".join(entry.format(*package) for package in packages.items()))
    files = [tmp_path / f"{number}.cdx.json" for number in range(2)]
    for file in files:
        write_system_sbom(tmp_path / "root", "amd64", "sha256:0", source, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    binaries = [each for each in json.loads(files[0].read_text())["components"] if "arch=amd64" in each["purl"]]
    assert {component["name"]: component["version"] for component in binaries} == packages


def test_sbom_that_is_not_valid(artifacts: Artifacts, tmp_path: Path) -> None:
    """A component without a type, which the schema asks for, is refused with the file's name."""
    bom = json.loads(artifacts.sbom.read_text())
    del bom["components"][0]["type"]
    file = tmp_path / artifacts.sbom.name
    file.write_text(json.dumps(bom))
    with pytest.raises(ReleaseError, match=rf"{artifacts.sbom.name} is not valid.*'type' is a required property"):
        validate_sbom(file)


def test_chart_installs_the_released_image(artifacts: Artifacts, image: str) -> None:
    """Without any value, operator and proxies run the image of the same release."""
    rendered = run_helm("template", "tenantproxy", artifacts.chart, "--namespace", "tenantproxy-system")
    manifests: list[dict[str, Any]] = [each for each in yaml.safe_load_all(rendered) if each]
    (deployment,) = (each for each in manifests if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{image}:{artifacts.version}"
    assert f"--proxy-image={image}:{artifacts.version}" in container["args"]


def test_chart_leads_to_its_own_pages(source: Source, tmp_path: Path) -> None:
    """Alerts and dashboard link to the runbooks of the released version, in the repository that released it."""
    make_chart(source, tmp_path, image="ghcr.io/acme/proxies")
    switches = ("--set", "prometheusRule.enabled=true,grafanaDashboard.enabled=true")
    rendered = run_helm("template", "tenantproxy", tmp_path / f"tenantproxy-{source.version}.tgz", *switches)
    pages = set(re.findall(r"https://github\.com/\S+?/docs/runbooks/", rendered))
    assert pages == {f"https://github.com/acme/proxies/blob/v{source.version}/docs/runbooks/"}


def test_checksums_cover_all_files(artifacts: Artifacts) -> None:
    """SHA256SUMS, which is what is signed, is checked by sha256sum and leaves no file out."""
    command = ("sha256sum", "--check", "--strict", CHECKSUMS)
    done = subprocess.run(command, cwd=artifacts.folder, capture_output=True, text=True, check=True)
    checked = {line.removesuffix(": OK") for line in done.stdout.splitlines()}
    assert checked == {path.name for path in artifacts.folder.iterdir()} - {CHECKSUMS}
    assert checked == {artifacts.wheel.name, artifacts.source.name, artifacts.chart.name, artifacts.sbom.name}


def test_other_files_are_not_released(source: Source, tmp_path: Path) -> None:
    """A folder that holds something already is refused: it would be published."""
    (tmp_path / "left-over.whl").touch()
    with pytest.raises(ReleaseError, match="not empty"):
        make_artifacts(source, tmp_path)
