"""A seeded campaign against the proxy from three sides: what clients send, servers answer, and who comes and goes.

    python tests/e2e/fuzz/campaign.py --side answers --requests 1000000 --seconds 3600 --seed 1

`--requests` are messages, answers or connections, `--seconds` the time for each side; both are bounds.
"""

import argparse
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop

from e2e.fuzz import answers, answers_proxied, interleavings, requests
from e2e.fuzz.outcome import Result

Campaign = Callable[..., Coroutine[Any, Any, Result]]
SIDES: dict[str, list[tuple[Campaign, int, float]]] = {
    "requests": [(requests.campaign, 10_000_000, 1.0)],
    "answers": [(answers.campaign, 1_000_000, 1.0), (answers_proxied.campaign, 1_000_000, 0.05)],
    "interleavings": [(interleavings.campaign, 100_000, 1.0)],
}
"""What each side consists of, how many it has by default, and its share of that."""


def main() -> None:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=SIDES, help="all in turn, if not given")
    parser.add_argument("--requests", type=int)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    failed = False
    for side in [arguments.side] if arguments.side else SIDES:
        for campaign, default, share in SIDES[side]:
            count = int((arguments.requests or default) * share)
            result = uvloop.run(campaign(requests=count, seconds=arguments.seconds, seed=arguments.seed))
            print(result, flush=True)  # noqa: T201 - the command's answer
            for violation in result.violations:
                print("VIOLATION:", violation)  # noqa: T201
            failed |= bool(result.violations)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
