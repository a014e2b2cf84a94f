"""Print the directory that holds wiremock-standalone.jar, a server that answers what files say."""

import sys
from typing import Final

from hack.build.maven import Artifact, main

_WIREMOCK: Final = Artifact(
    group="org.wiremock",
    name="wiremock-standalone",
    version="3.13.2",
    sha256="d097b19bd483c5038479b13a5c71e9faf8f2f5106584f0c120a7770ab0bdb367",
)

if __name__ == "__main__":
    sys.exit(main(_WIREMOCK))
