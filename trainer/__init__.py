"""Everything that needs torch, and its command line.

It runs on machines without display, Qt or catalogue.  The app imports only modules that import no
torch, because they describe what crosses the process boundary: :mod:`trainer.events`,
:mod:`trainer.texts`, :mod:`trainer.prompt_set`, :mod:`trainer.job`, :mod:`trainer.options`,
:mod:`trainer.bands`, :mod:`trainer.suggested`, :mod:`trainer.photo` and :mod:`trainer.decoding`;
and :mod:`trainer.instant`, arithmetic that both use.
"""
