"""The trainer's command line.

Heavy imports wait until a subcommand needs them, so that ``--help`` is instant and a request to
stop is noticed while torch is still loading.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from trainer import crash_files
from trainer.cancel import CancelToken
from trainer.events import FitFailed, FitFailure, FitFinished, RunEvent, to_line
from trainer.job import CANCEL_NAME, JobError
from trainer.printable import LogFormatter, one_line
from trainer.priority import ENCODER_NICE, lower_priority
from trainer.process_io import add_priority_arguments, wanted_niceness
from trainer.prompt_set import PromptSetError
from trainer.remote.command import REMOTE, carry, carry_with_events, run_remote
from trainer.remote.command import add_arguments as add_remote_arguments
from trainer.remote.trouble import MachineError
from trainer.usage import EVALUATE, EXIT_CODES, FIT, INSPECT, Usage

if TYPE_CHECKING:
    from trainer.ranks import Ranks

EXIT_DONE, EXIT_FAILED, EXIT_CANCELLED = 0, 1, 3  # 2 is argparse's


_WITH_IMAGE_TOWERS = frozenset({"encode-folder", "encode-rate", "caption"})


def build_parser(command: str = "") -> argparse.ArgumentParser:
    """Build the parser.  Arguments of modules that import torch are added only for ``command``, the
    subcommand about to run.
    """
    if command in _WITH_IMAGE_TOWERS:
        _share_cores()
        from trainer.without_compiler import import_models  # noqa: PLC0415

        import_models()
    parser = argparse.ArgumentParser(
        prog="lmpt-trainer",
        description="Trains prompts for multi-label tagging of long-tailed photo libraries.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_fit(_command(commands, "fit", FIT))
    _add_evaluate(_command(commands, "evaluate", EVALUATE))
    _add_inspect(_command(commands, "inspect", INSPECT))
    encode = commands.add_parser(
        "encode",
        help="turn photos and texts into features",
        description="Turns photos and texts into features; requests as JSON lines on stdin.",
    )
    if command == "encode":
        from trainer.encode import add_arguments  # noqa: PLC0415

        add_arguments(encode)
    folder = _command(commands, "encode-folder", _FOLDER)
    if command == "encode-folder":
        from trainer import encode_folder  # noqa: PLC0415

        encode_folder.add_arguments(folder)
        folder.epilog = encode_folder.EPILOG
    rate = _command(commands, "encode-rate", _RATE)
    if command == "encode-rate":
        from trainer.encode_rate import add_arguments  # noqa: PLC0415

        add_arguments(rate)
    caption = _command(commands, "caption", _CAPTION)
    if command == "caption":
        from trainer import caption_command  # noqa: PLC0415

        caption_command.add_arguments(caption)
        caption.epilog = caption_command.EPILOG
    _add_reproduce(commands, command)
    remote = _command(commands, "remote", REMOTE)
    if command == "remote":
        add_remote_arguments(remote)
    return parser


_FOLDER = Usage(
    "turn a folder of photos into a folder of features",
    """Encodes all photos of a folder or a list, without a library: on a machine with a GPU, say, or
for more photos than one library holds. "lmpt-desktop import FEATURES" brings the features into a
library that has the same photos.""",
)

_RATE = Usage(
    "how fast backbones would be on this computer",
    """Encodes a few photos with the image towers of backbones and random weights, so that nothing
is downloaded. Writes a JSON line for each.""",
)

_CAPTION = Usage(
    "describe photos with a captioner (CoCa)",
    """Writes a caption for each photo with one of open_clip's CoCa models. Captions help
training: the class-specific embedding loss compares prompts with them. Nothing is downloaded
unless --download is given.""",
)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, usage: Usage
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=usage.summary,
        description=usage.text,
        epilog=usage.epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", type=Path, metavar="JOB", help="the job folder")
    parser.add_argument(
        "--events",
        action="store_true",
        help="for programs: write events as JSON lines to stdout, and obey a Stop line on stdin",
    )
    parser.add_argument(
        "--wait",
        action="store_true",
        help="for programs: JOB holds jobs; wait for a line on stdin that names one",
    )


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prompt_set", type=Path, metavar="PROMPT_SET", help="the prompt set's folder"
    )
    parser.add_argument("job", type=Path, metavar="JOB", help="the job folder with the annotations")
    parser.add_argument(
        "--part",
        choices=("held-out", "train", "all"),
        default="held-out",
        help="which images to evaluate on (default: those held out from training)",
    )
    _add_json(parser)


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prompt_set", type=Path, metavar="PROMPT_SET", help="the prompt set's folder"
    )
    parser.add_argument(
        "--nearest",
        type=_positive,
        default=3,
        metavar="N",
        help="words per learned token (default 3)",
    )
    parser.add_argument(
        "--no-words", action="store_true", help="do not load the backbone to look up words"
    )
    _add_json(parser)


def _add_reproduce(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], command: str
) -> None:
    from trainer.benchmarks.arguments import EXAMPLES, HELP, add_arguments  # noqa: PLC0415

    parser = _command(commands, "reproduce", Usage(*HELP))
    parser.epilog = EXAMPLES
    if command == "reproduce":
        add_arguments(parser)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", metavar="FILE", help="write JSON to FILE (- for stdout) instead of tables"
    )


# ------------------------------------------------------------------------------------ fit


def _run_fit(arguments: argparse.Namespace) -> int:
    _share_cores()
    from trainer.launched import launched_rank  # noqa: PLC0415

    if launched_rank() > 0:
        return _fit_quietly(arguments.job)
    if arguments.wait:
        from trainer.waiting import await_job  # noqa: PLC0415

        return _fit_with_events(await_job())
    if arguments.events:
        return _fit_with_events(arguments.job)
    return _show_run(arguments.job, _fit)


def _run_remote(arguments: argparse.Namespace) -> int:
    return run_remote(arguments, _fit_there)


def _fit_there(arguments: argparse.Namespace) -> int:
    if arguments.events:
        return _exit_code(carry_with_events(arguments.job, arguments.machine, _claim_stdout()))

    def fit(folder: Path, emit: Callable[[RunEvent], None], cancel: CancelToken) -> RunEvent:
        _cancel_on_interrupt(cancel)
        return carry(folder, arguments.machine, emit, cancel)

    return _show_run(arguments.job, fit)


def _show_run(
    folder: Path, fit: Callable[[Path, Callable[[RunEvent], None], CancelToken], RunEvent]
) -> int:
    from rich.console import Console  # noqa: PLC0415

    from trainer.display import FitDisplay, notes, score_table  # noqa: PLC0415
    from trainer.launched import launched_ranks  # noqa: PLC0415
    from trainer.terminal import say  # noqa: PLC0415

    console = Console(stderr=True)
    cancel = CancelToken(_cancel_file(folder))
    # In the log of several processes a bar would be redrawn in every line.
    if launched_ranks() > 1:
        console = Console(stderr=True, force_terminal=False)
    with FitDisplay(console) as show:
        outcome = fit(folder, show, cancel)
    if isinstance(outcome, FitFinished):
        from trainer import prompt_set  # noqa: PLC0415

        made = prompt_set.load(Path(outcome.prompt_set))
        if made.baseline is not None and made.evaluation is not None:
            console.print(score_table({"before": made.baseline, "after": made.evaluation}))
        for note in notes(made):
            say(console, one_line(note))
    return _exit_code(outcome)


def _fit_quietly(folder: Path) -> int:
    """As one of several ranks, of which the first one says what happens."""
    outcome = _fit(folder, lambda event: None, CancelToken(_cancel_file(folder)))
    if isinstance(outcome, FitFailed):
        sys.stderr.write(f"{one_line(outcome.message)}\n")
    return _exit_code(outcome)


def _fit_with_events(folder: Path) -> int:
    stream = _claim_stdout()

    def emit(event: RunEvent) -> None:
        stream.write(to_line(event))
        stream.flush()

    def abandon() -> None:
        # torch or a backbone is still loading and will not react for seconds.
        emit(FitFailed(FitFailure.CANCELLED, FitFailure.CANCELLED.sentence))
        os._exit(EXIT_CANCELLED)

    cancel = CancelToken(_cancel_file(folder), read_stdin=True, abandon=abandon)
    return _exit_code(_fit(folder, emit, cancel))


def _niceness(given: Sequence[str]) -> int:
    """What an encoder's arguments say of its priority, the rest unread."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    add_priority_arguments(parser)
    try:
        return wanted_niceness(parser.parse_known_args(given)[0])
    except argparse.ArgumentError:
        return ENCODER_NICE  # what is wrong is said when all is read


def _share_cores() -> None:
    """Let OpenMP threads sleep while they wait, unless the user has set this differently.

    By default they spin; beside a running app every step then waits for a core that another process
    is using.  OpenMP reads the variable when torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _fit(folder: Path, emit: Callable[[RunEvent], None], cancel: CancelToken) -> RunEvent:
    from trainer.fit import fit, lost_rank  # noqa: PLC0415
    from trainer.launched import FIT_SECONDS, join_ranks  # noqa: PLC0415
    from trainer.ranks import LostRankError  # noqa: PLC0415

    try:
        ranks = join_ranks(FIT_SECONDS)
    except LostRankError as error:
        outcome = lost_rank(error)
        emit(outcome)
        return outcome
    _cancel_on_interrupt(cancel, ranks)
    outcome = fit(folder, emit, cancel, ranks=ranks)
    cancel.close()
    ranks.close()
    return outcome


def _cancel_on_interrupt(cancel: CancelToken, ranks: Ranks | None = None) -> None:
    import signal  # noqa: PLC0415

    def on_signal(*_: object) -> None:
        if cancel.requested:
            raise KeyboardInterrupt
        cancel.request()

    signal.signal(signal.SIGINT, on_signal)
    # torchrun ends the other processes by it when one has ended: that is no wish of the user's.
    if ranks is None or ranks.count == 1:
        signal.signal(signal.SIGTERM, on_signal)
    else:
        signal.signal(signal.SIGTERM, lambda *_: ranks.end())


def _claim_stdout() -> TextIO:
    """Reserve stdout for events; what libraries print goes to stderr."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


def _cancel_file(folder: Path) -> Path:
    return folder / CANCEL_NAME


def _exit_code(outcome: RunEvent) -> int:
    if isinstance(outcome, FitFinished):
        return EXIT_DONE
    cancelled = isinstance(outcome, FitFailed) and outcome.kind == FitFailure.CANCELLED
    return EXIT_CANCELLED if cancelled else EXIT_FAILED


def _run_encode(arguments: argparse.Namespace) -> int:
    from trainer.encode import run  # noqa: PLC0415

    return run(arguments)


def _run_encode_folder(arguments: argparse.Namespace) -> int:
    _share_cores()
    from trainer.encode_folder import run  # noqa: PLC0415

    return run(arguments)


def _run_encode_rate(arguments: argparse.Namespace) -> int:
    _share_cores()
    from trainer.encode_rate import run  # noqa: PLC0415

    return run(arguments)


def _run_caption(arguments: argparse.Namespace) -> int:
    _share_cores()
    from trainer.caption_command import run  # noqa: PLC0415

    return run(arguments)


def _run_evaluate(arguments: argparse.Namespace) -> int:
    from trainer.reports import run_evaluate  # noqa: PLC0415

    return run_evaluate(arguments)


def _run_inspect(arguments: argparse.Namespace) -> int:
    from trainer.reports import run_inspect  # noqa: PLC0415

    return run_inspect(arguments)


def _run_reproduce(arguments: argparse.Namespace) -> int:
    _share_cores()
    from trainer.benchmarks.reproduce import run_reproduce  # noqa: PLC0415

    return run_reproduce(arguments)


_RUNNERS: dict[str, Callable[[argparse.Namespace], int]] = {
    "caption": _run_caption,
    "encode": _run_encode,
    "encode-folder": _run_encode_folder,
    "encode-rate": _run_encode_rate,
    "fit": _run_fit,
    "evaluate": _run_evaluate,
    "inspect": _run_inspect,
    "remote": _run_remote,
    "reproduce": _run_reproduce,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = next((item for item in given if item in _RUNNERS), "")
    if command == "encode":
        # Before torch is loaded, which keeps a processor busy for seconds while the app shows the
        # first photos.
        lower_priority(_niceness(given))
    parser = build_parser(command)
    parsed = parser.parse_args(given)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    crash_files.watch_as_told(parsed.command)
    try:
        return _RUNNERS[parsed.command](parsed)
    except (JobError, PromptSetError, MachineError, OSError) as error:
        sys.stderr.write(f"{one_line(str(error))}\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_CANCELLED
    except Exception as error:
        # From a backbone or a device, whose modules are not imported for every command.
        if not hasattr(error, "kind"):
            raise
        sys.stderr.write(f"{one_line(str(error))}\n")
        return EXIT_FAILED
    finally:
        crash_files.end()


def run_as_program() -> NoReturn:
    """Run as the program that was started."""
    code = main()
    if "torch" in sys.modules:
        # Python takes most of a second to take torch apart, for which somebody waits; and threads
        # between ranks abort a process that is taken apart while another one goes.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run_as_program()
