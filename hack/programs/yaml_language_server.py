"""Print the directory that holds yaml-language-server, by which editors know YAML (see `hack.build.npm`)."""

import sys

from hack.build.npm import Package, main

if __name__ == "__main__":
    sys.exit(main(Package("yaml-language-server", "yaml-language-server", "YAML_LANGUAGE_SERVER")))
