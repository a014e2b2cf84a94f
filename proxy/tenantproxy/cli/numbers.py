"""Numbers as options."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A number between bounds; click's own takes NaN for one, which is beyond no bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - its base's
        """Return the number; fail where it is none."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a number; write one in the range {self._describe_range()}", param, ctx)
        return number
