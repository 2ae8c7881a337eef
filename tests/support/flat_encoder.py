"""The encoder's process with :class:`flat_model.FlatModel` for a backbone."""

from __future__ import annotations

from flat_model import FlatModel

from trainer import encode

encode.load_encoder = lambda *_arguments, **_options: FlatModel()
encode.main()
