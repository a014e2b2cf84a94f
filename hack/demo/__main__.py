"""From manifests to a tenant's orders, step by step: run by `make demo`."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from hack.demo.checks import StepError
from hack.demo.exchange import NoAnswerError
from hack.demo.intro import print_introduction, print_overview
from hack.demo.next_steps import list_next_steps, suggest_commands
from hack.demo.processes import ProcessError, Processes, StoppedError
from hack.demo.setup import MAX_OFFSET, Environment, set_up
from hack.demo.steps import Walkthrough
from hack.demo.terminal import Terminal


def main() -> int:
    """Run the demo and return the exit status: 0 if every step went as it must."""
    options = _options()
    terminal = Terminal()
    directory = Path(tempfile.mkdtemp(prefix="tenantproxy-demo-"))
    try:
        status = _run(terminal, directory, offset=options.port_offset, keep=options.keep)
    except StoppedError as stopped:
        terminal.line(f"\nAll is stopped, by {signal.Signals(stopped.signum).name}.")
        status = 0 if stopped.expected else 128 + stopped.signum
    except BrokenPipeError:
        # Nobody reads any more; Python must not fail over it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + signal.SIGPIPE
    if status == 1 and any(directory.iterdir()):
        terminal.line(f"   All logs are kept in {directory}")
    else:
        shutil.rmtree(directory)
    return status


def _run(terminal: Terminal, directory: Path, *, offset: int, keep: bool) -> int:
    with Processes(directory) as processes:
        try:
            print_introduction(terminal)
            begin = time.monotonic()
            environment = set_up(processes, directory, offset)
            print_overview(environment, terminal, seconds=time.monotonic() - begin)
            _run_steps(environment, terminal, processes)
        except (ProcessError, StepError, NoAnswerError) as error:
            terminal.failed(str(error))
            for process in processes.started:
                terminal.excerpt(f"{process.name}, the end of its log:", process.tail())
            return 1
        if keep:
            suggest_commands(environment, terminal)
            processes.wait_for_signal()
    list_next_steps(terminal)
    return 0


def _run_steps(environment: Environment, terminal: Terminal, processes: Processes) -> None:
    walkthrough = Walkthrough(environment, terminal, processes)
    begin = time.monotonic()
    for number, step in enumerate(walkthrough.steps, start=1):
        terminal.step(number, step.title)
        try:
            shown = step.run()
        except (LookupError, TypeError, ValueError) as error:
            raise StepError(f"the answer is not as expected ({error!r})") from error
        terminal.passed(shown)
    terminal.line()
    seconds = time.monotonic() - begin
    terminal.title(f"All {len(walkthrough.steps)} steps went as they must, in {seconds:.1f} s.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hack.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave all running, and say what to try, until Ctrl-C")
    parser.add_argument(
        "--port-offset",
        type=_offset,
        metavar="N",
        # `make demo PORT_OFFSET=100` exports it.
        default=os.environ.get("PORT_OFFSET") or "0",
        help="add N to every port, where the usual ones (8600 to 8603, 8691, 8692) are taken; or $PORT_OFFSET",
    )
    return parser.parse_args()


def _offset(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_OFFSET:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {MAX_OFFSET}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
