"""The files by which people work on the project together: what they name exists."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[3]
GITHUB: Final = ROOT / ".github"
HOOKS: Final[list[dict[str, Any]]] = [
    hook
    for repository in yaml.load((ROOT / ".pre-commit-config.yaml").read_text(), yaml.CSafeLoader)["repos"]
    for hook in repository["hooks"]
]
OWNED: Final = [
    line.split() for line in (GITHUB / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")
]
UPDATES: Final[list[dict[str, Any]]] = yaml.load((GITHUB / "dependabot.yml").read_text(), yaml.CSafeLoader)[
    "updates"
]
USES: Final = [
    line.partition("uses: ")[2]
    for path in (GITHUB / "workflows").glob("*.yaml")
    for line in path.read_text().splitlines()
    if "uses: " in line
]
LINK: Final = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_links_resolve(page: str) -> None:
    """A link leads to a file that is there, and to a heading that is in it."""
    links = LINK.findall((ROOT / page).read_text())
    assert links
    for path, heading in links:
        target = ROOT / (path or page)
        assert target.exists(), path
        assert not heading or heading in _headings(target.read_text()), heading


def _headings(text: str) -> list[str]:
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_run_what_is_there(hook: dict[str, Any]) -> None:
    """A hook is local, its program exists, and so does each path that it names."""
    program, *arguments = shlex.split(hook["entry"])
    assert hook["language"] == "system"
    assert shutil.which(ROOT / program)
    assert all((ROOT / argument).exists() for argument in arguments if "/" in argument)
    re.compile(hook.get("files", ""))  # raises where it is no pattern


@pytest.mark.parametrize("entry", OWNED, ids=lambda entry: entry[0])
def test_owned_paths_exist(entry: list[str]) -> None:
    """A path with an owner is there, and an owner is a person or a team."""
    path, *owners = entry
    assert path == "*" or (ROOT / path.removeprefix("/")).exists()
    assert all(owner.startswith("@") for owner in owners)


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: update["package-ecosystem"])
def test_updated_files_exist(update: dict[str, Any]) -> None:
    """Each directory in which dependencies are updated has a file of that kind."""
    files = {
        "docker": "Dockerfile",
        "github-actions": ".github/workflows/*.yaml",
        "gomod": "go.mod",
        "npm": "package-lock.json",
        "pip": "*requirements.txt",
        "uv": "uv.lock",
    }
    for directory in update.get("directories") or [update["directory"]]:
        assert list(ROOT.glob(f"{directory.strip('/') or '.'}/{files[update['package-ecosystem']]}")), directory


def test_every_go_module_is_updated() -> None:
    """A go.mod anywhere else would be forgotten."""
    (update,) = (update for update in UPDATES if update["package-ecosystem"] == "gomod")
    covered = {path for directory in update["directories"] for path in ROOT.glob(f"{directory.strip('/')}/go.mod")}
    assert set((ROOT / "hack").rglob("go.mod")) == covered


@pytest.mark.parametrize("uses", sorted(set(USES)))
def test_actions_are_pinned_to_commits(uses: str) -> None:
    """An action is named by a commit, with its version beside it; a workflow of ours is of the same commit."""
    if uses.startswith("./"):
        assert (ROOT / uses).is_file()
    else:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses)


def test_issue_forms_can_be_read() -> None:
    """A form has a name, a description, and ids that tell its fields apart."""
    for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.load(path.read_text(), yaml.CSafeLoader)
        if path.name != "config.yml":
            fields = [field["id"] for field in form["body"] if field["type"] != "markdown"]
            assert form["name"]
            assert form["description"]
            assert len(fields) == len(set(fields)) > 0
