"""Print the directory that holds tsc, the compiler of TypeScript (see `hack.build.npm`)."""

import sys

from hack.build.npm import Package, main

if __name__ == "__main__":
    sys.exit(main(Package("typescript", "typescript", "TYPESCRIPT")))
