"""Runs in each program of the bundle before anything else."""

import os
import sys

# The bundle's libraries are for the bundle: a browser or a file manager that the app opens has its
# own.  PyInstaller keeps what the user had set.
if sys.platform == "linux":
    given = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if given is None:
        os.environ.pop("LD_LIBRARY_PATH", None)
    else:
        os.environ["LD_LIBRARY_PATH"] = given
