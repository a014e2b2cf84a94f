"""Print the directory that holds prometheus and promtool; fetch them if need be (see `hack.build.unpacked`)."""

import sys

from hack.build.unpacked import Package, main

if __name__ == "__main__":
    sys.exit(main(Package("Prometheus", "prometheus", ("prometheus", "promtool"), "--version", "PROMETHEUS")))
