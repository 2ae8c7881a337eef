"""Everything that touches torch, and its command line.

Runs on a machine with no display, no Qt and no catalogue.  Five modules import no torch
and are shared with the app, because they describe what crosses the process boundary:
:mod:`trainer.events`, :mod:`trainer.prompt_set`, :mod:`trainer.job`, :mod:`trainer.bands`
and :mod:`trainer.photo`.
"""
