"""Runs one attack of `attacks` in this process: `python -m support.bounds.attack MODULE:FUNCTION ARGUMENTS`."""

import asyncio
import json
import sys
from importlib import import_module


async def _run(name: str, arguments: str) -> None:
    module, _, function = name.partition(":")
    attack = getattr(import_module(module), function)
    print("attacking", flush=True)  # noqa: T201 - who started us waits for it
    await attack(*json.loads(arguments))


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:3]))
