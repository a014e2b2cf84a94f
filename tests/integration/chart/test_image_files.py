"""The Dockerfile, and what it builds with; what is in the image, `make image` checks."""

import re

from hack.compiled import FLAGS
from support.tools.helm import CHART, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
POD = (ROOT / "operator/tenantproxy_operator/render/pod.py").read_text()


def test_same_uv_as_everywhere() -> None:
    """The image is built with the uv that the lock file was made with."""
    (pinned,) = re.findall(r"^uv==(\S+)", (ROOT / "hack/image/build-requirements.txt").read_text(), re.MULTILINE)
    (script,) = re.findall(r"^version=(\S+)", (ROOT / "hack/uv").read_text(), re.MULTILINE)
    assert pinned == script


def test_everything_that_is_built_with_has_hashes() -> None:
    """Pip is told to ask for them, and each package has some."""
    requirements = (ROOT / "hack/image/build-requirements.txt").read_text()
    packages = re.split(r"^(?=\w)", re.sub(r"^#.*\n", "", requirements, flags=re.MULTILINE), flags=re.MULTILINE)
    assert len(packages) > 5
    assert all("--hash=sha256:" in package for package in packages if package)
    assert "--require-hashes" in DOCKERFILE
    assert "--locked" in DOCKERFILE


def test_compiled_as_what_is_tested_and_measured() -> None:
    """The hot path in the image is made with the flags of the one that tests and benchmarks run."""
    assert "HATCH_BUILD_HOOK_ENABLE_MYPYC=true" in DOCKERFILE
    assert dict(re.findall(r'^ +(\w+FLAGS)="(.+)"', DOCKERFILE, re.MULTILINE)) == FLAGS


def test_same_user_everywhere() -> None:
    """The image's user is the one that pods are told to have, by its number."""
    (user,) = re.findall(r"^_USER: Final = (\d+)", POD, re.MULTILINE)
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == [f"{user}:{user}"]
    assert f"runAsUser: {user}" in (CHART / "values.yaml").read_text()


def test_nothing_else_gets_to_the_builder() -> None:
    """Only what is copied is sent, so that no local file changes the image."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert {file for copy in copies for file in copy.split()} == let_in
    assert ignored.index("*") < min(ignored.index(f"!{file}") for file in let_in)
