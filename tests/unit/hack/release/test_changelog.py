"""The changelog as releases change and read it."""

from datetime import date
from typing import Final

import pytest

from hack.release import ReleaseError, changelog

DAY: Final = date(2027, 1, 31)
TEXT: Final = """# Changelog

One line per change.

## [Unreleased]

### Changed

- **Breaking.** A; see [a page](docs/a.md#b)
  and [another](https://example.com/x).

### Added

- B.

## [0.1.0] - 2026-12-01

The first one.

### Added

- C.
"""


def test_release_takes_what_is_unreleased() -> None:
    """All entries move, in their groups, and what was released before stays as it was."""
    text = changelog.released(TEXT, "0.2.0", DAY)
    assert text.startswith(
        "# Changelog\n\nOne line per change.\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-31\n\n### Changed"
    )
    assert text.endswith(TEXT[TEXT.index("## [0.1.0]") :])
    assert changelog.unreleased(text) == ""
    assert changelog.unreleased(TEXT).splitlines() == changelog.notes(text, "0.2.0").splitlines()


def test_release_that_is_prepared_again_takes_more() -> None:
    """What was merged after it was prepared is added to its groups, under the words above them."""
    text = changelog.released(TEXT, "0.1.0", DAY)
    expected = "The first one.\n\n### Added\n\n- C.\n- B.\n\n### Changed\n\n- **Breaking.** A"
    assert changelog.notes(text, "0.1.0").startswith(expected)
    assert "## [0.1.0] - 2027-01-31" in text
    assert "2026-12-01" not in text
    assert changelog.released(text, "0.1.0", DAY) == text


@pytest.mark.parametrize("version", ["0.3.0", "0.1", "0.1.00"])
def test_version_without_notes(version: str) -> None:
    """A version that has no section of its own has no notes; the message says how it gets some."""
    with pytest.raises(ReleaseError, match=rf"prepare {version}"):
        changelog.notes(TEXT, version)


def test_nothing_to_release() -> None:
    """A version without a single entry is refused."""
    with pytest.raises(ReleaseError, match=r"no entries for 0\.2\.0"):
        changelog.released("# Changelog\n\n## [Unreleased]\n", "0.2.0", DAY)


def test_links_of_notes_lead_somewhere_on_other_pages() -> None:
    """Relative links get the address of the commit's files; others stay."""
    notes = changelog.with_absolute_links(changelog.unreleased(TEXT), "https://git.example/o/r/blob/v1/")
    assert "(https://git.example/o/r/blob/v1/docs/a.md#b)" in notes
    assert "(https://example.com/x)" in notes
