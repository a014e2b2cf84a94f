"""Whatever the rules and the answer: what comes out is what a slow mapping makes, or where it fails, too."""

import functools
from random import Random
from typing import Any

import msgspec
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from support.proxy.mappings import both_ways
from support.proxy.random_mapping import CRITERIA, RandomAnswer, RandomRules
from support.proxy.slow_mapping import SlowMapping, exact, parsed
from tenantproxy import config
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders.contract import CONTRACTS, SHAPES
from tenantproxy.orders.mapping import MappingError, compile_mapping
from tenantproxy.orders.transform import MAX_VIOLATIONS, ContractError, outward_type


@given(seed=st.integers(0, 2**64), operation=st.sampled_from(OPERATIONS))
@settings(max_examples=150)
def test_a_mapping_makes_what_a_slow_one_makes(seed: int, operation: Operation) -> None:
    """The same order by the contract, amounts as exact decimals; or the same violations. Never another error."""
    random, shape = Random(seed), SHAPES[operation.name]  # noqa: S311 - not for secrets
    of_rules = RandomRules(random, takes_criteria=operation.takes_criteria)
    rules: dict[str, Any] = {"fields": of_rules.fields(outward_type(shape)[1])}
    rules |= {"root": ""} if operation.reads_one_order else of_rules.of_list()
    answer = RandomAnswer(random).object(3).encode()
    note(f"{rules}\n{answer!r}")
    try:
        outward = compile_mapping(msgspec.convert({operation.name: rules}, config.Mapping))[operation.name]
    except MappingError:
        event("refused")
        return
    criteria = {name: f"the {name}" for name in random.sample(CRITERIA, random.randint(0, 2))}
    slow = SlowMapping(parsed(answer), shape, criteria)
    expected = slow.outward(rules, operation.root)
    made, violations = _outcome(operation, functools.partial(outward, criteria=criteria), answer)
    event("violations" if violations else "an order")
    if len(violations) == MAX_VIOLATIONS:
        assert violations <= slow.violations
    else:
        assert violations == slow.violations
    assert violations or made == {operation.root.removeprefix("/"): expected}


def _outcome(operation: Operation, outward: Any, answer: bytes) -> tuple[Any, set[str]]:
    try:
        made = both_ways(outward, answer)
    except ContractError as error:
        return None, {violation.field for violation in error.violations}
    assert CONTRACTS[operation.name].outward(made) == made
    return exact(made), set()
