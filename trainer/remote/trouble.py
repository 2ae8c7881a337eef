"""What can go wrong with another computer, and the sentence for each (imports no torch)."""

from __future__ import annotations

from enum import StrEnum

from trainer.texts import N_


class Trouble(StrEnum):
    """Why something on another computer did not work."""

    BAD_NAME = "bad-name"
    NO_SSH = "no-ssh"
    UNKNOWN_HOST = "unknown-host"
    UNREACHABLE = "unreachable"
    HOST_KEY = "host-key"
    DENIED = "denied"
    NO_TRAINER = "no-trainer"
    NO_PYTHON = "no-python"
    OLD_PYTHON = "old-python"
    NO_VENV = "no-venv"
    NO_SPACE = "no-space"
    """Known before anything was installed."""
    NO_INDEX = "no-index"
    NOT_INSTALLED = "not-installed"
    NO_WHEEL = "no-wheel"
    TOO_OLD = "too-old"
    TOO_NEW = "too-new"
    SILENT = "silent"
    """It was reached, and then nothing came for too long."""
    CUT = "cut"
    """It was reached, and then the connection ended."""
    FULL = "full"
    BAD_JOB = "bad-job"
    NO_JOB = "no-job"
    NO_RESULT = "no-result"
    BAD_RESULT = "bad-result"
    FLOOD = "flood"
    NO_BACKBONE = "no-backbone"
    OTHER_BACKBONE = "other-backbone"
    OWN_WEIGHTS = "own-weights"
    NO_PIXELS = "no-pixels"
    BAD_FEATURES = "bad-features"
    KEEPS_ENDING = "keeps-ending"
    OTHER = "other"

    @property
    def sentence(self) -> str:
        """For the user, marked for translation."""
        return _SENTENCES[self]

    @staticmethod
    def of(name: str) -> Trouble:
        """The trouble called ``name``; ``OTHER`` for one of a newer version."""
        return Trouble(name) if name in tuple(Trouble) else Trouble.OTHER


_SENTENCES = {
    Trouble.BAD_NAME: N_(
        "This is not the name of a computer. Write it as for ssh: user@host, or a name from your "
        "ssh configuration."
    ),
    Trouble.NO_SSH: N_("The program ssh is not on this computer. Install OpenSSH's client."),
    Trouble.UNKNOWN_HOST: N_("The network knows no computer of this name. Check its spelling."),
    Trouble.UNREACHABLE: N_(
        "The other computer cannot be reached. Check that it is switched on, and that ssh works "
        "in a terminal."
    ),
    Trouble.HOST_KEY: N_(
        "ssh does not trust the other computer's key yet, or it has changed. Connect once with ssh "
        "in a terminal and answer its question."
    ),
    Trouble.DENIED: N_(
        "The other computer lets nobody in without a password. Set up a key for ssh, and check "
        "that your key agent is running."
    ),
    Trouble.NO_TRAINER: N_("LMPT Desktop is not installed on the other computer."),
    Trouble.NO_PYTHON: N_(
        "Python is not on the other computer. Install Python 3.11 or newer there, so that python3 "
        "starts it."
    ),
    Trouble.OLD_PYTHON: N_(
        "Python on the other computer is too old. Install Python 3.11 or newer there."
    ),
    Trouble.NO_VENV: N_(
        "Python on the other computer cannot make virtual environments. On Debian or Ubuntu, "
        "install python3-venv there."
    ),
    Trouble.NO_SPACE: N_(
        "The other computer has too little disk space. PyTorch alone takes several gigabytes."
    ),
    Trouble.NO_INDEX: N_(
        "The other computer cannot download packages: it has no network, or pip there knows no "
        "index that it can reach."
    ),
    Trouble.NOT_INSTALLED: N_("The installation on the other computer failed."),
    Trouble.NO_WHEEL: N_(
        "The program on this computer cannot be sent, as its own files are not all there."
    ),
    Trouble.TOO_OLD: N_(
        "LMPT Desktop on the other computer is too old to work with this one. Update it there."
    ),
    Trouble.TOO_NEW: N_(
        "LMPT Desktop on the other computer is newer than this one. Update this one."
    ),
    Trouble.SILENT: N_("The other computer does not answer any more."),
    Trouble.CUT: N_("The connection to the other computer was cut."),
    Trouble.FULL: N_("The disk of the other computer is full. Free some space there."),
    Trouble.BAD_JOB: N_("The other computer did not get all of the training data."),
    Trouble.NO_JOB: N_("The training is not on the other computer any more."),
    Trouble.NO_RESULT: N_(
        "The training on the other computer ended without a result, or was ended there."
    ),
    Trouble.BAD_RESULT: N_(
        "What the other computer sent is not a result of this training. It was thrown away."
    ),
    Trouble.FLOOD: N_("The other computer sends more than it has to say."),
    Trouble.NO_BACKBONE: N_("The other computer cannot load this backbone."),
    Trouble.OTHER_BACKBONE: N_(
        "The other computer has another version of this backbone, whose features do not go "
        "together with those of this computer. Update LMPT Desktop there, or here."
    ),
    Trouble.OWN_WEIGHTS: N_(
        "This backbone is from a file or folder of this computer, which the other one does not "
        "have."
    ),
    Trouble.NO_PIXELS: N_("This backbone takes photos in a form that is not sent."),
    Trouble.BAD_FEATURES: N_(
        "What the other computer sent are not features of these photos. It was thrown away."
    ),
    Trouble.KEEPS_ENDING: N_("The program on the other computer stops at these photos every time."),
    Trouble.OTHER: N_("The program on the other computer stopped unexpectedly."),
}


class MachineError(Exception):
    """Something on another computer did not work; the message is its sentence, in English.

    ``detail``: what ssh or the other side wrote about it, "" if nothing.
    """

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(trouble.sentence)
        self.trouble = trouble
        self.detail = detail
