"""The models of `outcomes` permit what the proxy's compiler does."""

from typing import get_args

import pytest
from pydantic import ValidationError

from tenantproxy import config
from tenantproxy.oms.outcomes import NO_ORDERS_FOUND, OutcomeError, compile_outcomes
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS, Operation
from tenantproxy.problems import PROBLEM_TYPES
from tenantproxy_operator.api.outcomes import OrderOutcome, SearchOutcome

MEANINGS: tuple[str, ...] = get_args(config.Outcome.__annotations__["means"])


@pytest.mark.parametrize(("operation", "model"), [(GET_ORDER, OrderOutcome), (SEARCH_ORDERS, SearchOutcome)])
@pytest.mark.parametrize("means", MEANINGS)
def test_meanings(operation: Operation, model: type[OrderOutcome | SearchOutcome], means: str) -> None:
    """Each operation can have the same meanings in a manifest and in the proxy."""
    try:
        compile_outcomes(operation, [config.Outcome(status=(404,), means=means)])  # type: ignore[arg-type]
        permitted = True
    except OutcomeError:
        permitted = False
    try:
        model.model_validate({"status": [404], "means": means})
    except ValidationError:
        assert not permitted
    else:
        assert permitted


def test_meanings_are_problems() -> None:
    """Each is the code of a problem, but for the search that finds nothing."""
    assert set(MEANINGS) - set(PROBLEM_TYPES) == {NO_ORDERS_FOUND}
