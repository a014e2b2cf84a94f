"""The custom resource has a path and rules for each operation of the proxy."""

import pytest
from pydantic import BaseModel, ValidationError

from tenantproxy.operations import OPERATIONS
from tenantproxy_operator.api.mapping import Mapping
from tenantproxy_operator.api.operations import Operations, OrderEndpoint


@pytest.mark.parametrize("model", [Operations, Mapping])
def test_the_resource_has_each(model: type[BaseModel]) -> None:
    """A manifest may say of each operation where the OMS serves it and how its answer is mapped."""
    fields = {name: field.alias for name, field in model.model_fields.items()}
    assert fields == {operation.attribute: operation.name for operation in OPERATIONS}


@pytest.mark.parametrize(("written", "read"), [("off", "off"), (False, "off"), ("ignoreCase", "ignoreCase")])
def test_off_without_quotes(written: object, read: str) -> None:
    """What YAML 1.1 makes of `off` is understood."""
    assert OrderEndpoint.model_validate({"idMatch": written}).id_match == read
    with pytest.raises(ValidationError, match="idMatch"):
        OrderEndpoint.model_validate({"idMatch": True})


def test_default_paths() -> None:
    """What a manifest leaves out is as the table has it."""
    defaults = Operations()
    assert [getattr(defaults, operation.attribute).path for operation in OPERATIONS] == [
        operation.path for operation in OPERATIONS
    ]
