"""Texts of the trainer that the window shows, marked for translation.

The trainer knows nothing of the app, and its texts are in English; they are translated where they
are shown.  A test checks that this list is complete.
"""

from __future__ import annotations

from lmpt_desktop.translation import N_

TRAINER_WORDS: tuple[str, ...] = (
    # trainer/suggested.py
    N_(
        "A small image-text model trained for this app; not CLIP. Works with no network; "
        "choose a CLIP backbone for best results."
    ),
    N_("The backbone of the LMPT paper. Slow without a GPU."),
    N_("The paper's convolutional backbone."),
    N_("Fast on a CPU and about as good as ViT-B/16. Apple's weights are for research use."),
    N_("Four times as fast as ViT-B/16 and better at most things."),
    # trainer/photo.py
    N_("This is not a photo in a format that can be opened, or its beginning is damaged."),
    N_("The file is damaged."),
    N_("The file's name cannot be used."),
    N_("This is not a file."),
    N_("The file is empty."),
    N_("The file is no longer there."),
    N_("There is not enough memory to open this photo."),
    N_("You do not have permission to read this file."),
    N_(
        "The photo is kept online only and was not fetched. Make it available on this computer, "
        "and it is looked at with the next scan."
    ),
    N_("The disk did not give the file back: it may be failing or unplugged."),
    N_("The file is a link that leads back to itself."),
    N_("The file's name is too long."),
    N_("The file is cut short: part of the photo is missing."),
    # trainer/event_texts.py
    N_("Training"),
    N_(
        "{classes:count} classes, {train_images:count} photos to learn from, "
        "{held_out_images:count} held out; {backbone:backbone} on {device}"
    ),
    N_("Step {step:count} of {steps:count}, {seconds_left:duration} left"),
    N_(
        "Step {step:count} of {steps:count}, {seconds_left:duration} left; second pass, on all "
        "photos"
    ),
    N_("Validation mAP {scores.total:percent}"),
    N_("Finished"),
    N_("Finished early: it no longer got better"),
    N_("Cancelled"),
    N_("It took {seconds:duration}."),
    N_("The training failed"),
    N_(
        "There is not enough memory for this training. Nothing was changed. Close other programs, "
        "train on the CPU, or choose a smaller backbone."
    ),
    N_("The device is no longer available."),
    N_(
        "The disk is full, so the trained prompts could not be saved. Nothing was changed; free "
        "some space and train again."
    ),
    N_("The training data could not be read."),
    N_("The backbone's weights could not be read."),
    N_("The training became unstable."),
    N_("The training was cancelled before it had a result."),
    N_("The training stopped unexpectedly."),
)
