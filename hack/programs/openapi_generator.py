"""Print the directory that holds openapi-generator-cli.jar, which makes clients of an OpenAPI document."""

import sys
from typing import Final

from hack.build.maven import Artifact, main

_GENERATOR: Final = Artifact(
    group="org.openapitools",
    name="openapi-generator-cli",
    version="7.25.0",
    sha256="41ce4f6b07f196676439d710759fa1ced7a08066d06ff1bf314681470289efae",
)

if __name__ == "__main__":
    sys.exit(main(_GENERATOR))
