"""Print the directory that holds tinyproxy, a forward proxy; fetch it if need be (see `hack.build.unpacked`)."""

import sys

from hack.build.unpacked import Package, main

if __name__ == "__main__":
    sys.exit(main(Package("Tinyproxy", "tinyproxy-bin", ("tinyproxy",), "-v", "TINYPROXY")))
