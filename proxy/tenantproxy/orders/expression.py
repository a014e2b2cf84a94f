"""Compile a function from an expression that calls what it is made of, without the cost of a loop over that.

Python runs a call that is always of the same function several times as fast as one of whatever function comes. The
text is the program's own: what a manifest says is never in it, but among the values that its names stand for.
"""

from collections.abc import Callable
from typing import Any, Final

FILE: Final = "<expression>"
"""Where tracebacks and profiles say that such a function is."""


class Expression:
    """An expression in the making: the values that it names; `arguments` are the function's."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = ", ".join(arguments)
        self._values: dict[str, Any] = {}
        self._variables = 0

    def name(self, value: Any) -> str:  # noqa: ANN401 - whatever an expression uses
        """Return the name by which an expression has a value."""
        name = f"value{len(self._values)}"
        self._values[name] = value
        return name

    def variable(self) -> str:
        """Return another name for a variable of a comprehension."""
        self._variables += 1
        return f"each{self._variables}"

    def compiled(self, text: str) -> Callable[..., Any]:
        """Return the function of an expression, which has its arguments and values, and nothing else."""
        code = compile(f"lambda {self._arguments}: {text}", FILE, "eval")
        function: Callable[..., Any] = eval(code, {"__builtins__": {}, **self._values})  # noqa: S307 - see above
        return function
