"""`python -m tenantproxy`, the same as the command `tenantproxy`."""

from tenantproxy.cli import main

main(prog_name="tenantproxy")
