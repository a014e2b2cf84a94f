"""Print the directory that holds prism, which plays a server of an OpenAPI document (see `hack.build.npm`)."""

import sys

from hack.build.npm import Package, main

if __name__ == "__main__":
    sys.exit(main(Package("@stoplight/prism-cli", "prism", "PRISM")))
