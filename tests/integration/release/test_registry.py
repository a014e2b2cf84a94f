"""Publishing to a registry, as the workflow does it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hack.release import ReleaseError
from hack.release.artifacts import Artifacts, run_helm
from hack.release.registry import crane, local_registry, publish_chart, publish_image

ARCHITECTURES: Final = ("amd64", "arm64")


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """Run a registry on loopback; return its host and port."""
    with local_registry() as host:
        yield host


@pytest.fixture
def layouts(tmp_path: Path) -> list[Path]:
    """Return an image for each architecture, without any file in it, as OCI layouts."""
    return [_layout(tmp_path / architecture) for architecture in ARCHITECTURES]


def _layout(folder: Path) -> Path:
    kind = "application/vnd.oci.image"
    configuration = {
        "architecture": folder.name,
        "os": "linux",
        "config": {"Cmd": [folder.name]},
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    config = _blob(folder, configuration) | {"mediaType": f"{kind}.config.v1+json"}
    manifest = {"schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "config": config, "layers": []}
    entry = _blob(folder, manifest) | {"mediaType": f"{kind}.manifest.v1+json"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def _blob(folder: Path, content: object) -> dict[str, object]:
    text = json.dumps(content).encode()
    digest = hashlib.sha256(text).hexdigest()
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (blobs / digest).write_bytes(text)
    return {"digest": f"sha256:{digest}", "size": len(text)}


def test_one_name_for_all_architectures(registry: str, layouts: list[Path]) -> None:
    """Who pulls the version gets the image of their architecture, with the digest that the layout had."""
    image = publish_image(layouts, f"{registry}/owner/tenantproxy", "1.2.3")
    index = json.loads(crane("manifest", f"{image.name}:1.2.3"))
    built = [json.loads((layout / "index.json").read_text())["manifests"][0]["digest"] for layout in layouts]
    assert [manifest["digest"] for manifest in index["manifests"]] == built
    assert [manifest["platform"]["architecture"] for manifest in index["manifests"]] == list(ARCHITECTURES)
    for architecture in ARCHITECTURES:
        config = json.loads(crane("config", "--platform", f"linux/{architecture}", f"{image.name}@{image.digest}"))
        assert config["config"]["Cmd"] == [architecture]


def test_image_has_the_same_digest_each_time(registry: str, layouts: list[Path]) -> None:
    """The index has neither times nor random numbers: what is published once more is what is there."""
    names = (f"{registry}/first/tenantproxy", f"{registry}/second/tenantproxy")
    first, second = (publish_image(layouts, name, "1.2.3") for name in names)
    assert first.digest == second.digest


def test_chart_that_is_pulled_is_the_chart(registry: str, artifacts: Artifacts, tmp_path: Path) -> None:
    """Helm fetches by name and version what was pushed, byte for byte; its digest is the same each time."""
    first, second = (publish_chart(artifacts.chart, f"{registry}/owner/charts", "--plain-http") for _ in range(2))
    assert first == second
    assert first.name == f"{registry}/owner/charts/tenantproxy"
    source = (f"oci://{first.name}", "--version", artifacts.version, "--plain-http")
    run_helm("pull", *source, "--destination", tmp_path)
    assert (tmp_path / artifacts.chart.name).read_bytes() == artifacts.chart.read_bytes()


def test_registry_that_does_not_answer(layouts: list[Path]) -> None:
    """The message has what crane says."""
    with pytest.raises(
        ReleaseError, match=r"`crane push .*` failed with exit status 1:\n(.*\n)*.*connection refused"
    ):
        publish_image(layouts, "127.0.0.1:9/owner/tenantproxy", "1.2.3")
