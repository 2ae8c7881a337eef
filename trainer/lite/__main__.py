"""``python -m trainer.lite``: build, refine, evaluate and measure Lite, find misread names."""

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
    better = commands.add_parser("refine", help="refine Lite on everyday words, the last step")
    better.add_argument("--ingredients", type=Path, required=True, help="folder with the features")
    better.add_argument("--model", type=Path, required=True, help="folder of a built Lite")
    better.add_argument("--out", type=Path, required=True, help="folder to write")
    better.add_argument("--steps", type=int, default=300)
    better.add_argument("--seed", type=int, default=0)
    measure = commands.add_parser("evaluate", help="evaluate Lite on labelled photos")
    measure.add_argument("--photos", type=Path, required=True, help="folder with index.json")
    measure.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    measure.add_argument("--resamples", type=int, default=1000, help="for the bootstrap interval")
    measure.add_argument("--per-class", action="store_true", help="also print each class's AP")
    measure.add_argument(
        "--description",
        type=_description,
        action="append",
        default=[],
        metavar="NAME=TEXT",
        help="what the model reads for a COCO class; several texts separated by ;, repeatable",
    )
    offset = commands.add_parser(
        "window-offset", help="measure how far windows are above whole photos; needed after a build"
    )
    offset.add_argument("--photos", type=Path, required=True, help="folder with index.json")
    offset.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    offset.add_argument("--write", action="store_true", help="write it to the model's lmpt.json")
    misread = commands.add_parser("misread", help="find class names that Lite misreads")
    source = misread.add_mutually_exclusive_group(required=True)
    source.add_argument("--photos", type=Path, help="folder of labelled photos, with index.json")
    source.add_argument(
        "--ingredients", type=Path, help="use the things named in held-out captions of Flickr8k"
    )
    source.add_argument("--corel5k", type=Path, help="use Corel5k's training images")
    misread.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    names = commands.add_parser(
        "name-frequency", help="measure how often photos show what has a name; needed after a build"
    )
    names.add_argument("--ingredients", type=Path, required=True)
    names.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    known = commands.add_parser(
        "known-texts",
        help="write the embeddings of the bundled vocabularies; needed after a build, and after "
        "changing a vocabulary",
    )
    known.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    variants = commands.add_parser(
        "variants", help="measure what lmpt.json says of Lite and Lite+; needed after a build"
    )
    variants.add_argument("--photos", type=Path, required=True, help="folder with index.json")
    variants.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    variants.add_argument("--write", action="store_true", help="write it to the model's lmpt.json")
    return parser


def _description(text: str) -> tuple[str, str]:
    name, equals, description = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"“{text}” is not NAME=TEXT")
    return name, description


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 2 something the build needs is missing."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # Imported late: torch is slow to import, and --help does not need it.
    from trainer.lite.ingredients import MissingIngredientError  # noqa: PLC0415

    try:
        if options.command == "build":
            _build(options)
        elif options.command == "window-offset":
            _window_offset(options)
        elif options.command == "refine":
            _refine(options)
        elif options.command == "name-frequency":
            from trainer.lite.name_frequency import write_name_frequency  # noqa: PLC0415

            write_name_frequency(options.model, options.ingredients)
        elif options.command == "misread":
            from trainer.lite.misread import misread_names, table  # noqa: PLC0415

            found = misread_names(
                options.model, options.photos, options.ingredients, options.corel5k
            )
            sys.stdout.write(table(found) + "\n")
        elif options.command == "known-texts":
            from trainer.lite.known_texts import write_known_texts  # noqa: PLC0415

            sys.stdout.write(f"{write_known_texts(options.model)}\n")
        elif options.command == "variants":
            _variants(options)
        else:
            from trainer.lite.evaluate import evaluate  # noqa: PLC0415

            figures = evaluate(
                options.model,
                options.photos,
                options.resamples,
                per_class=options.per_class,
                descriptions=dict(options.description),
            )
            sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    except MissingIngredientError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _refine(options: argparse.Namespace) -> None:
    from trainer.lite.build import refine_folder  # noqa: PLC0415
    from trainer.lite.refine import RefineSettings  # noqa: PLC0415

    settings = RefineSettings(steps=options.steps, seed=options.seed)
    refine_folder(options.model, options.ingredients, options.out, settings)


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


def _window_offset(options: argparse.Namespace) -> None:
    from trainer.lite.export import set_defaults  # noqa: PLC0415
    from trainer.lite.window_offset import window_offset  # noqa: PLC0415

    offset = window_offset(options.model, options.photos)
    if options.write:
        set_defaults(options.model, {"window_offset": round(offset, 4)})
    sys.stdout.write(f"{offset:.4f}\n")


def _variants(options: argparse.Namespace) -> None:
    from trainer.lite.export import set_defaults  # noqa: PLC0415
    from trainer.lite.variants import measure_variants, table  # noqa: PLC0415

    measured = measure_variants(options.model, options.photos)
    if options.write:
        set_defaults(options.model, measured.defaults)
    sys.stdout.write(json.dumps(measured.defaults, indent=2) + "\n\n" + table(measured) + "\n")


if __name__ == "__main__":
    sys.exit(main())
