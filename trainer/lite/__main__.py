"""``python -m trainer.lite build`` and ``python -m trainer.lite evaluate``."""

import argparse
import json
import logging
import sys
from pathlib import Path

DEFAULT_MODEL = Path(__file__).parents[2] / "resources" / "models" / "lite"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer.lite", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="build Lite from its ingredients")
    make.add_argument("--ingredients", type=Path, required=True, help="folder with the features")
    make.add_argument("--out", type=Path, default=DEFAULT_MODEL, help="folder to write")
    make.add_argument("--cache", type=Path, help="folder to cache MiniLM's embeddings in")
    make.add_argument("--teacher-steps", type=int, default=400)
    make.add_argument("--epochs", type=int, default=3, help="of the distillation")
    make.add_argument("--seed", type=int, default=0)
    measure = commands.add_parser("evaluate", help="evaluate Lite on labelled photos")
    measure.add_argument("--photos", type=Path, required=True, help="folder with index.json")
    measure.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    measure.add_argument("--resamples", type=int, default=1000, help="for the bootstrap interval")
    measure.add_argument("--per-class", action="store_true", help="also print each class's AP")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 2 something the build needs is missing."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # Imported late: torch is slow to import, and --help does not need it.
    from trainer.lite.ingredients import MissingIngredientError  # noqa: PLC0415

    try:
        if options.command == "build":
            _build(options)
        else:
            from trainer.lite.evaluate import evaluate  # noqa: PLC0415

            figures = evaluate(
                options.model, options.photos, options.resamples, per_class=options.per_class
            )
            sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    except MissingIngredientError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _build(options: argparse.Namespace) -> None:
    from trainer.lite.build import BuildSettings, build  # noqa: PLC0415
    from trainer.lite.distil import DistilSettings  # noqa: PLC0415
    from trainer.lite.teacher import TeacherSettings  # noqa: PLC0415

    build(
        BuildSettings(
            ingredients=options.ingredients,
            out=options.out,
            cache=options.cache,
            seed=options.seed,
            teacher=TeacherSettings(steps=options.teacher_steps, seed=options.seed),
            distil=DistilSettings(epochs=options.epochs, seed=options.seed),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
