"""Send the requests of the first argument, `[{method, url, headers, json}]`; print `[{status, headers, body}]`.

The status is 0 where there was no answer, and the body says why.
"""

import asyncio
import json
import sys

from aiohttp import ClientError, ClientSession, ClientTimeout


async def main() -> None:
    """Do it, one after the other."""
    answers = []
    async with ClientSession(timeout=ClientTimeout(15)) as session:
        for wanted in json.loads(sys.argv[1]):
            try:
                async with session.request(**wanted) as answer:
                    body = await answer.text()
                    answers.append({"status": answer.status, "headers": dict(answer.headers), "body": body})
            except (ClientError, TimeoutError) as error:
                answers.append({"status": 0, "headers": {}, "body": repr(error)})
    print(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main())
