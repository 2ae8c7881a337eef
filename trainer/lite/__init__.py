"""Building and measuring Lite, the backbone that ships with the app.

Lite is a small image-text dual encoder in open_clip's own format; it is not CLIP. The build is one
command, ``python -m trainer.lite build``; ``docs/lite.md`` tells how it works and what was tried.

The steps, one module each:

``ingredients``  reads image features, texts and pretrained weights
``texts``        the texts to learn from: captions, names, definitions, sentences
``minilm``       sentence embeddings of those texts (the teacher's eyes)
``teacher``      maps images and MiniLM's sentences into one space
``distil``       teaches that space to a causal CLIP text tower
``image_tower``  EfficientNet-Lite2 in timm's clothes
``calibrate``    turns cosines into probabilities
``export``       writes what open_clip and the app read
``evaluate``     measures it, through plain open_clip
"""
