"""Read an order from every replica of a tenant all the time; say when a replica uses another credential.

Argument: `{"replicas": [base URLs], "headers": {...}, "changes": [{headers, json}]}`. Each change is PUT to the
first replica, then the others are waited for; without any it goes on until its input ends. Prints lines of JSON:
`{"ready": true}` after the first answer of each; `{"replica", "credential", "time"}` (seconds since 1970) for each
answer that shows another credential; `{"put", "time"}` for each PUT; at the end `{"requests", "failed": [...]}`.
"""

import asyncio
import json
import sys
import time
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

ORDER = "/api/v1/business-units/S-1/customer-orders/CO-1"
PAUSE = 0.01
BETWEEN = 0.2
AFTERWARDS = 0.5
PATIENCE = 10.0


def say(**what: Any) -> None:
    """Print a line."""
    print(json.dumps(what), flush=True)


class Watcher:
    """What the replicas answer."""

    def __init__(self, plan: dict[str, Any], session: ClientSession) -> None:
        self.plan = plan
        self.session = session
        self.credentials: dict[str, str] = {}
        self.requests = 0
        self.failed: list[str] = []

    async def read(self, replica: str) -> None:
        """Read from one replica all the time."""
        while True:
            self.requests += 1
            try:
                async with self.session.get(replica + ORDER, headers=self.plan["headers"]) as answer:
                    body = await answer.json(content_type=None)
                if answer.status != 200:
                    self.failed.append(f"{answer.status} {body.get('code')}")
                elif (credential := body["customerOrder"]["customerId"]) != self.credentials.get(replica):
                    self.credentials[replica] = credential
                    say(replica=replica, credential=credential, time=time.time())
            except (ClientError, TimeoutError) as error:
                self.failed.append(type(error).__name__)
            await asyncio.sleep(PAUSE)

    async def change(self) -> None:
        """Make the changes one after the other."""
        first = self.plan["replicas"][0]
        for change in self.plan["changes"]:
            async with self.session.put(f"{first}/api/v1/proxy-config", **change) as answer:
                say(put=change["json"]["config"]["username"], time=time.time())
                if answer.status != 204:
                    self.failed.append(f"PUT {answer.status}")
            end = time.monotonic() + PATIENCE
            while set(self.credentials.values()) != {change["json"]["config"]["username"]}:
                if time.monotonic() > end:
                    break  # the reader of our output sees it
                await asyncio.sleep(PAUSE)
            await asyncio.sleep(BETWEEN)
        await asyncio.sleep(AFTERWARDS)


async def main() -> None:
    """Read until all changes are made, or the input ends."""
    plan = json.loads(sys.argv[1])
    async with ClientSession(timeout=ClientTimeout(5)) as session:
        watcher = Watcher(plan, session)
        readers = [asyncio.create_task(watcher.read(replica)) for replica in plan["replicas"]]
        while len(watcher.credentials) < len(readers):
            await asyncio.sleep(PAUSE)
        say(ready=True)
        await (watcher.change() if plan["changes"] else asyncio.to_thread(sys.stdin.read))
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    say(requests=watcher.requests, failed=watcher.failed)


if __name__ == "__main__":
    asyncio.run(main())
