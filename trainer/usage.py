"""Help texts of ``fit``, ``evaluate`` and ``inspect`` (imports no torch)."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from trainer.job import INSTANT, LMPT, LMPT_PAPER, LMPT_PLUS
from trainer.options import LOSSES, METHODS, FitOptions

EXIT_CODES = """\
exit codes: 0 done (also if cancelled with a result kept), 1 failed, 2 wrong arguments,
3 cancelled before there was a result
"""


@dataclass(frozen=True)
class Usage:
    """Help of one command.

    summary: a line in the list of commands.
    text: what the command does.
    after: shown below the arguments.
    """

    summary: str
    text: str
    after: str = ""

    @property
    def epilog(self) -> str:
        return f"{self.after}\n{EXIT_CODES}" if self.after else EXIT_CODES


def option_list(values: Mapping[str, Any]) -> str:
    """``name=value, ...``, wrapped."""
    each = [f"{name}={value!r}" for name, value in values.items()]
    # A default may contain spaces, where lines must not be broken.
    joined = ", ".join(item.replace(" ", "\0") for item in each)
    return textwrap.fill(
        joined, 90, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    ).replace("\0", " ")


FIT = Usage(
    "train prompts on a job folder",
    """Learns prompts for the classes of a job folder and writes them to JOB/prompt_set.

A job folder holds job.json (backbone, classes, captions, settings) and job.safetensors (photo
features, annotations). The LMPT Desktop app makes one for each retraining and keeps it under
jobs/ in the library's folder; trainer.job.save writes one from Python. Photos are not needed,
because the job has their features.

Part of the annotated photos is held out: it only calibrates the scores and evaluates the result
beside the prompts in use. A run that was killed resumes from its checkpoint when started again.
To cancel, press Ctrl+C or create a file named "cancel" in the job folder; the best prompts so
far are kept.""",
    f"""\
examples:
  lmpt-trainer fit ~/photos-library/jobs/7
  lmpt-trainer fit ~/photos-library/jobs/7 --events > events.jsonl

settings in job.json: "method" is "lmpt+" (the best one here), "lmpt" (the paper's losses, trained
in few large steps), "lmpt-paper" (trained as published, slow, to compare with its figures) or
"instant" (no learned prompt, in closed form); "options" override single values of it (described
at FitOptions in trainer/options.py).
"loss" is one of: {", ".join(LOSSES)}.
The default values:
{option_list({item.name: item.default for item in fields(FitOptions)})}
lmpt sets:
{option_list(METHODS[LMPT])}
lmpt-paper sets:
{option_list(METHODS[LMPT_PAPER])}
lmpt+ sets:
{option_list(METHODS[LMPT_PLUS])}
instant sets:
{option_list(METHODS[INSTANT])}
""",
)

EVALUATE = Usage(
    "evaluate a prompt set on a job's annotations",
    """Prints how well a prompt set predicts the annotations of a job: mean average precision in
total and for head, medium and tail classes; precision, recall and F1 at its thresholds, as the
mean over classes (CP, CR, CF1) and over all annotations (OP, OR, OF1); calibration error; and
average precision per class, beside the threshold and what it rests on (see "inspect"). Classes
are matched by name.

Unknown annotations are ignored. Classes without a present or without an absent annotation cannot
be evaluated; they are left out of the means and listed.

Thresholds and calibration were fitted on the held-out photos, so figures on those are slightly
too good; "inspect" shows the cross-fitted figures of the run itself.""",
    """\
examples:
  lmpt-trainer evaluate JOB/prompt_set JOB
  lmpt-trainer evaluate JOB/prompt_set ANOTHER_JOB --part all --json scores.json
""",
)

INSPECT = Usage(
    "show what a prompt set has learned",
    """Shows, for each class, its learned words (the vocabulary words nearest to each learned
token), its weight and margin in the embedding loss, and its threshold; then the scores of the
run before and after, and the calibration error.

A threshold rests on the class's own held-out annotations (present / absent), with its range in
90 % of random draws of as many photos; or, with too few of them, on those of all classes
("shared"); or, where most are unknown, on the scores alone ("expected"), which is no measurement.
Older prompt sets do not say. Looking up words loads the backbone; --no-words skips that.""",
    """\
examples:
  lmpt-trainer inspect JOB/prompt_set
  lmpt-trainer inspect JOB/prompt_set --nearest 5 --json -
""",
)
