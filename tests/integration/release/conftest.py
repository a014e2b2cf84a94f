"""A release of the present commit, made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.release.artifacts import Artifacts, make_artifacts
from hack.release.source import Source, exported
from support.tools.programs import directory


@pytest.fixture(scope="session", autouse=True)
def programs(request: pytest.FixtureRequest) -> Path:
    """Return the directory of crane and actionlint; Helm is made, too."""
    directory("helm", request.config)
    return directory("release", request.config)


@pytest.fixture(scope="session")
def source() -> Iterator[Source]:
    """Return the commit's files, in a folder of their own."""
    with exported() as source:
        yield source


@pytest.fixture(scope="session")
def image() -> str:
    """Return the name of the image that it publishes."""
    return "registry.example/owner/tenantproxy"


@pytest.fixture(scope="session")
def artifacts(source: Source, image: str, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Make the files of its release."""
    return make_artifacts(source, tmp_path_factory.mktemp("release"), image=image)
