"""`python -m tenantproxy`, the same as the command `tenantproxy`."""

from tenantproxy.cli.main import main

main(prog_name="tenantproxy")
