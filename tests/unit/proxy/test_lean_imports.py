"""Some modules of a package without its own `__init__`; whoever asks for that sees no difference."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from tenantproxy.lean_imports import import_alone, import_without

NAME = "lean_imports_example"
PROXIED = {**os.environ, "http_proxy": "http://127.0.0.1:3128"}
INIT = """
from . import other
from .inner import VALUE
RUNS = globals().get("RUNS", 0) + 1
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "__init__.py").write_text(INIT)
    (folder / "inner.py").write_text("from . import deeper\nVALUE = deeper.VALUE\n")
    (folder / "deeper.py").write_text("VALUE = 1\n")
    (folder / "other.py").write_text("from .inner import VALUE\n")
    (folder / "needy.py").write_text("from . import VALUE\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield folder
    for module in loaded():
        del sys.modules[module]


def loaded() -> set[str]:
    return {module for module in sys.modules if module.partition(".")[0] == NAME}


def test_only_what_is_needed(package: Path) -> None:
    """The modules, and what they import themselves; they are found later on."""
    assert package.is_dir()
    import_alone(NAME, "inner")
    assert loaded() == {f"{NAME}.inner", f"{NAME}.deeper"}
    inner = sys.modules[f"{NAME}.inner"]
    scope: dict[str, object] = {}
    exec(f"from {NAME}.inner import VALUE", scope)  # noqa: S102
    assert (scope["VALUE"], loaded()) == (1, {f"{NAME}.inner", f"{NAME}.deeper"})
    assert import_module(f"{NAME}.inner") is inner


@pytest.mark.parametrize(
    "statement",
    [f"import {NAME}", f"from {NAME} import VALUE", f"import {NAME}.other", f"from {NAME}.needy import VALUE"],
)
def test_whoever_asks_for_the_rest_gets_all_of_it(package: Path, statement: str) -> None:
    """As if it had been imported in the first place, once, and with the modules that are there."""
    import_alone(NAME, "inner")
    inner = sys.modules[f"{NAME}.inner"]
    finders = [*sys.meta_path]
    exec(statement, {})  # noqa: S102
    whole = sys.modules[NAME]
    assert (whole.RUNS, whole.VALUE, whole.inner, whole.deeper.VALUE) == (1, 1, inner, 1)
    assert whole.__file__ == str(package / "__init__.py")
    assert whole.__spec__ is not None
    assert type(whole.__spec__.loader) is type(inner.__loader__) is type(whole.__loader__)
    assert len(sys.meta_path) == len(finders) - 1


def test_a_module_that_needs_the_rest(package: Path) -> None:
    """The whole is imported at once."""
    assert package.is_dir()
    import_alone(NAME, "inner", "needy")
    assert sys.modules[NAME].RUNS == import_module(f"{NAME}.needy").VALUE == 1


def test_an_error_of_its_own(package: Path) -> None:
    """Whoever asks for it is told, each time, until it is mended."""
    (package / "__init__.py").write_text("raise OSError('broken')\n")
    import_alone(NAME, "inner")
    for _ in range(2):
        with pytest.raises(OSError, match="broken"):
            import_module(NAME)
    (package / "__init__.py").write_text(f"{INIT}# mended\n")
    assert import_module(NAME).inner is sys.modules[f"{NAME}.inner"]


def test_what_is_imported_or_missing_stays_as_it_is(package: Path) -> None:
    """There is nothing to do."""
    assert package.is_dir()
    imported, finders = import_module(NAME), [*sys.meta_path]
    import_alone(NAME, "inner")
    import_alone("lean_imports_missing", "inner")
    assert (sys.modules[NAME], imported.RUNS, sys.meta_path) == (imported, 1, finders)


CALLER = """
import colorsys
from sched import scheduler
from fractions import Fraction

def hue() -> float: return colorsys.rgb_to_hls(1, 0, 0)[1]
def empty(): return scheduler(timefunc=float).empty()
def made(kind: Fraction | None = Fraction): return kind(1, 2)
def listed(): return scheduler(Fraction).timefunc
"""


def test_stand_ins(package: Path) -> None:
    """A module that is not called is not loaded; one that is called is the real one, as are arguments."""
    (package / "caller.py").write_text(CALLER)
    names = ("colorsys", "fractions", "sched")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    try:
        import_alone(NAME, "caller", without=names)
        caller = sys.modules[f"{NAME}.caller"]
        assert not {*names} & sys.modules.keys()
        assert caller.hue() == 0.5
        assert caller.empty() is True
        assert {*names} - sys.modules.keys() == {"fractions"}
        assert caller.listed() is import_module("fractions").Fraction
        assert caller.made() == import_module("fractions").Fraction(1, 2)
    finally:
        sys.modules.update(before)


def test_a_whole_module(package: Path) -> None:
    """Without one, with something else in the place of others; later they are there, and stay."""
    (package / "caller.py").write_text(
        "import colorsys, sched\n"
        "try: import fractions\nexcept ImportError: fractions = None\n"
        "def hue() -> float: return colorsys.rgb_to_hls(1, 0, 0)[1]\n"
    )
    names = ("colorsys", "fractions", "sched")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    other = SimpleNamespace()
    try:
        import_without(f"{NAME}.caller", "colorsys", instead={"fractions": None, "sched": other})
        caller = sys.modules[f"{NAME}.caller"]
        assert not {*names} & sys.modules.keys()
        assert (caller.fractions, caller.sched, caller.hue()) == (None, other, 0.5)
        assert import_module("sched").scheduler
        import_without(f"{NAME}.needy", "colorsys", instead={"sched": None})
        assert {"colorsys", "sched"} <= sys.modules.keys()
    finally:
        sys.modules.update(before)


_LEAN = """
import sys
from tenantproxy.cli.serving import import_lean
import_lean()
assert not {"ast", "attr", "email.message", "gettext", "idna", "locale", "typing_extensions"} & sys.modules.keys()
assert not {"aiohttp", "aiohttp.client"} & sys.modules.keys()
from aiohttp.streams import StreamReader
from yarl import URL
assert URL("http://stra\u00dfe.example").raw_host == "xn--strae-oqa.example"
import msgspec.inspect
assert msgspec.json.schema(dict[str, int])["additionalProperties"] == {"type": "integer"}
assert msgspec.inspect.type_info(int) == msgspec.inspect.IntType()
import inspect
assert inspect.getsource(StreamReader.read_nowait).startswith("    def read_nowait(")
from aiohttp import web
import aiohttp
assert aiohttp.streams.StreamReader is aiohttp.StreamReader is StreamReader
assert aiohttp.helpers.parse_content_type("text/plain; charset=utf-16") == ("text/plain", {"charset": "utf-16"})
assert aiohttp.helpers.parse_http_date("Thu, 01 Jan 1970 00:00:09 GMT").second == 9
assert aiohttp.helpers.proxies_from_env()["http"].proxy.port == 3128
assert aiohttp.helpers.parse_mimetype("text/html") == aiohttp.helpers.parse_mimetype("text/html;")
print(*sorted(vars(aiohttp)))
"""


def test_all_of_aiohttp_is_there() -> None:
    """Its client, its web framework and every name that it has, once somebody asks."""
    lean, plain = (
        subprocess.run(
            (sys.executable, "-c", code), capture_output=True, text=True, check=True, env=PROXIED
        ).stdout
        for code in (_LEAN, "import aiohttp.web; print(*sorted(vars(aiohttp)))")
    )
    assert {*lean.split()} == {*plain.split()} > {"ClientSession", "web"}
