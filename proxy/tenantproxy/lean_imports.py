"""Import a few modules of a package without the package's own `__init__`, which would import all the others.

Of aiohttp the proxy uses what reads requests. But Python runs a package's `__init__` before any of its modules,
and aiohttp's imports the client with its cookies, traces and connections, and makes a TLS context with all of
the system's CAs. In Python 3.13 that is 6 of 46 MiB, and a seventh of the CPU time until the first answer, in
each pod of a fleet, for what is never called.

`import_alone("aiohttp", "streams")`, before anything of it is imported, loads that module and what it imports.
The package is then not in `sys.modules`: `from aiohttp.streams import StreamReader` finds the module, which is,
and whoever writes `import aiohttp`, or imports another of its modules, has Python import the package as ever,
with its `__init__`, into an object that already has the modules loaded before. So whatever else is in the
process sees no difference but when it happens. Where the modules can't do without the `__init__`, it is run at
once.

`without` names modules that those import for what serving never calls, such as the HTTP client of `urllib.request`
and `email`: stand-ins are imported, which import the real one when something of it is called. That is another 4 %.
`instead` has what is imported in the place of others: an object with the names that are asked for, or None for a
module that is to be missing. `import_without` has both for a whole module. That saves 2 MiB, a quarter of it in
Python's table of names, which doubles in size at 21,846.

`importlib.util.LazyLoader` doesn't do: it runs the `__init__` at the first look at any attribute, and the
import of a module looks at its package's `__path__`. To be dropped when aiohttp's modules can be had one by
one; `tests/e2e/processes/test_imports.py` names what a proxy loads.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from importlib.abc import Loader  # which imports tempfile, and more

_NOTHING: Final[Mapping[str, object]] = {}


def import_alone(
    name: str, *modules: str, without: Sequence[str] = (), instead: Mapping[str, object] = _NOTHING
) -> None:
    """Import modules of a package without its `__init__`, unless it is imported already, or missing.

    Of `without` they must take the module itself, or functions and classes that they only call or pass to others.
    """
    if name in sys.modules or (spec := PathFinder.find_spec(name)) is None:
        return
    package = sys.modules[name] = module_from_spec(spec)
    try:
        with _others(without, instead):
            for needed in modules:
                import_module(f"{name}.{needed}")
    except ImportError:
        modules = ()
    finally:
        del sys.modules[name]
    sys.meta_path.insert(0, _Later(name, package))
    if not modules:
        import_module(name)


def import_without(name: str, *without: str, instead: Mapping[str, object] = _NOTHING) -> None:
    """Import a module without some that it imports, unless it is imported already; see `import_alone`."""
    if name not in sys.modules:
        with _others(without, instead):
            import_module(name)


@contextmanager
def _others(without: Sequence[str], instead: Mapping[str, object]) -> Iterator[None]:
    """Have others imported in the place of modules, but of those that are imported already."""
    deferred = {name: _Deferred(name) for name in without}
    others = {name: other for name, other in {**deferred, **instead}.items() if name not in sys.modules}
    sys.modules.update(cast("dict[str, ModuleType]", others))
    try:
        yield
    finally:
        for name in others:
            del sys.modules[name]
        for module in deferred.values():
            module.ready = True


class _Deferred(ModuleType):
    """Stands for a module until something of it is called."""

    ready = False
    """Whether the modules that ask for it are loaded."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a module has anything
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name) if self.ready else _stand_in(self.__name__, name)


class _StandIn:
    """Calls a function or class of a module, and stands for it in arguments and annotations."""

    real: Callable[[], Any]

    def __new__(cls, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - the real one's
        return cls.real()(*map(_real, args), **{key: _real(value) for key, value in named.items()})


def _stand_in(module: str, name: str) -> type[_StandIn]:
    return type(name, (_StandIn,), {"real": staticmethod(lambda: getattr(import_module(module), name))})


def _real(value: Any) -> Any:  # noqa: ANN401 - an argument
    return value.real() if isinstance(value, type) and issubclass(value, _StandIn) else value


class _Later:
    """Has a package imported into the object that its modules were imported into."""

    def __init__(self, name: str, package: ModuleType) -> None:
        self._name = name
        self._package = package

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 - the finders' signature
    ) -> ModuleSpec | None:
        """Find the package, and nothing else."""
        if fullname != self._name or (spec := PathFinder.find_spec(fullname, path)) is None:
            return None
        self._loader, spec.loader = spec.loader, cast("Loader", self)
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - the loaders' signature
        """Return the object that there is."""
        return self._package

    def exec_module(self, module: ModuleType) -> None:
        """Run the `__init__`, by the package's own loader, which is the only one from now on."""
        assert self._loader is not None  # noqa: S101 - found above
        assert module.__spec__ is not None  # noqa: S101 - the import system has just set it
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        sys.meta_path.remove(self)
