"""Build and evaluate Lite, the backbone bundled with the app.

Lite is a small image-text dual encoder in open_clip's own format; it is not CLIP. The build is one
command, ``python -m trainer.lite build``; ``docs/lite.md`` explains how it works and what was
tried.

The steps, one module each:

``ingredients``  reads image features, texts and pretrained weights
``texts``        the texts to learn from: captions, names, definitions, sentences
``minilm``       sentence embeddings of those texts, the input of the teacher
``teacher``      maps image features and MiniLM's sentence embeddings into one space
``distil``       distils that space into a causal CLIP text tower
``image_tower``  EfficientNet-Lite2 with timm's parameter names
``refine``       teaches everyday words to the ends of both towers; last step
``calibrate``    turns cosines into probabilities
``export``       writes the files that open_clip and the app read
``evaluate``     evaluates it with plain open_clip
``misread``      finds class names that it misreads

``wordings`` and ``tags`` hold everyday words for things, and find them in captions.
"""
