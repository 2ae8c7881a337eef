"""The texts Lite is trained on, and the templates the app uses with it.

The teacher needs ImageNet's class names in varying templates; the distillation needs as many texts
of the kinds used in the app as are available offline.
"""

import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from open_clip.tokenizer import SimpleTokenizer
from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES

from trainer.lite.ingredients import Ingredients
from trainer.lite.wordings import AMBIGUOUS, CAPTION_REWRITES, EVERYDAY, Group
from trainer.templates import article, fill

# The app puts every class name into these; a class embedding is the mean over them.
TEMPLATES: tuple[str, ...] = (
    "{}",
    "a photo of a {}.",
    "a photo of the {}.",
    "a photo of {}.",
    "a picture of a {} in a scene.",
    "there is a {} in the photo.",
    "a close-up photo of a {}.",
)

# Class names of the bundled vocabularies; names only, no photos of these data sets.
COCO_NAMES: tuple[str, ...] = tuple(
    """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire
    hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear,
    zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports
    ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine
    glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot
    dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
    vase, scissors, teddy bear, hair drier, toothbrush""".replace("\n    ", " ").split(", ")
)
VOC_NAMES: tuple[str, ...] = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip

# Words for scenes and materials, of which ImageNet has few.
SCENE_WORDS: tuple[str, ...] = tuple(
    """sky, clouds, sun, moon, stars, rainbow, sunset, sunrise, night, day, fog, mist, rain, snow,
    ice, storm, lightning, water, sea, ocean, lake, river, stream, waterfall, pond, pool, wave,
    beach, coast, shore, island, cliff, rock, rocks, stone, sand, desert, dunes, mountain,
    mountains, hill, hills, valley, canyon, cave, volcano, field, meadow, grass, lawn, garden,
    park, forest, woods, jungle, tree, trees, leaf, leaves, branch, flower, flowers, petals,
    bush, plants, moss, mushroom, swamp, glacier, horizon, landscape, countryside, farm, barn,
    village, town, city, skyline, street, road, highway, path, trail, bridge, tunnel, railroad,
    tracks, harbor, port, pier, lighthouse, airport, runway, station, parking lot, building,
    buildings, house, houses, home, cabin, castle, palace, church, temple, mosque, monastery,
    tower, skyscraper, ruins, pyramid, monument, statue, sculpture, fountain, arch, column,
    pillar, wall, fence, gate, door, window, roof, stairs, balcony, courtyard, square, market,
    shop, store, restaurant, cafe, bar, hotel, office, school, classroom, library, museum,
    theater, stadium, arena, court, playground, zoo, room, kitchen, bathroom, bedroom, living
    room, dining room, hallway, floor, ceiling, carpet, curtain, furniture, people, man, woman,
    men, women, boy, girl, child, children, baby, crowd, family, couple, friends, face, hand,
    hands, eye, eyes, hair, smile, foot, animal, animals, pet, wildlife, herd, flock, insect,
    butterfly, bee, spider, fish, shark, whale, dolphin, coral, reef, turtle, snake, lizard,
    frog, tiger, lion, leopard, wolf, fox, deer, elk, moose, caribou, goat, pig, rabbit,
    squirrel, monkey, camel, duck, goose, swan, eagle, owl, parrot, penguin, chicken, food,
    fruit, vegetable, vegetables, bread, cheese, meat, salad, soup, dessert, chocolate, ice
    cream, coffee, tea, wine, beer, drink, breakfast, dinner, plate, glass, table, clothes,
    dress, shirt, shoes, hat, jacket, uniform, jewelry, toy, doll, balloon, flag, sign, poster,
    painting, art, drawing, graffiti, map, text, book, newspaper, computer, screen, phone,
    camera, machine, engine, wheel, tool, lamp, light, candle, fire, smoke, fireworks, music,
    guitar, piano, drum, dance, concert, party, wedding, festival, parade, sport, football,
    soccer, basketball, baseball, tennis, golf, swimming, surfing, skiing, snowboarding, skating,
    running, hiking, climbing, fishing, cycling, race, game, vehicle, vehicles, van, taxi,
    ambulance, tractor, scooter, ship, sailboat, canoe, helicopter, jet, plane, rocket, formula,
    racing car, prototype, pattern, texture, shadow, reflection, close-up, portrait, selfie,
    black and white, indoors, outdoors, architecture, nature""".replace("\n    ", " ").split(", ")
)

_WORD = re.compile(r"[a-z]+")
_WORDS = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True)
class TextGroup:
    """Texts of one kind. ``share`` is the fraction of them that each epoch draws."""

    name: str
    texts: list[str]
    share: float = 1.0


def read_synsets(folder: Path) -> dict[str, tuple[tuple[str, ...], str]]:
    """timm's lists: synset -> (lemmas, definition)."""

    def pairs(name: str) -> list[list[str]]:
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        return [line.split("\t", 1) for line in lines if "\t" in line]

    definitions = dict(pairs("imagenet_synset_to_definition.txt"))
    return {
        synset: (tuple(x.strip() for x in lemmas.split(",")), definitions.get(synset, ""))
        for synset, lemmas in pairs("imagenet_synset_to_lemma.txt")
    }


def noun_lemmas(folder: Path) -> set[str]:
    """Every noun of timm's lists, in lower case."""
    return {lemma.lower() for lemmas, _ in read_synsets(folder).values() for lemma in lemmas}


def imagenet_names(folder: Path, plain: list[str]) -> list[tuple[str, ...]]:
    """For each of the 1,000 classes in the classifier's order: its plain name, then its lemmas."""
    synsets = (folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
    known = read_synsets(folder)
    return [
        tuple(dict.fromkeys((name.replace("_", " "), *known[synset][0])))
        for synset, name in zip(synsets, plain, strict=True)
    ]


def everyday_names(folder: Path) -> list[tuple[str, ...]]:
    """Names of each of the 1,000 classes, in the classifier's order.

    First the name that OpenAI chose for CLIP ("kite (bird of prey)"), then everyday names, then
    WordNet's lemmas. Ambiguous lemmas ("kite", "crane") would teach another thing's name.
    """
    synsets = (folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
    known = read_synsets(folder)
    senses = Counter(lemma.lower() for lemmas, _ in known.values() for lemma in lemmas)
    return [
        tuple(
            dict.fromkeys(
                (
                    name,
                    *EVERYDAY.get(index, ()),
                    *(
                        lemma
                        for lemma in known[synset][0]
                        if senses[lemma.lower()] == 1 and lemma.lower() not in AMBIGUOUS
                    ),
                )
            )
        )
        for index, (synset, name) in enumerate(zip(synsets, IMAGENET_CLASSNAMES, strict=True))
    ]


def level_names(
    groups: tuple[Group, ...], names: list[tuple[str, ...]]
) -> tuple[list[int], list[tuple[str, ...]]]:
    """(the group number of each class, names of each group); other classes stay on their own."""
    numbers = [-1] * len(names)
    merged: list[tuple[str, ...]] = []
    for group in groups:
        for index in group.indices:
            numbers[index] = len(merged)
        merged.append(group.names)
    for index, own in enumerate(names):
        if numbers[index] < 0:
            numbers[index] = len(merged)
            merged.append(own)
    return numbers, merged


def rewritten(caption: str) -> str:
    """``caption`` in the words of vocabularies: "man" is "person", "puppy" is "dog"."""
    return _WORDS.sub(lambda m: CAPTION_REWRITES.get(m[0].lower(), m[0]), caption)


def frequent_words(captions: list[str], at_least: int) -> list[str]:
    """Words in at least ``at_least`` captions, most frequent first."""
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(set(_WORD.findall(caption.lower())))
    return [w for w, n in sorted(counts.items(), key=lambda x: (-x[1], x[0])) if n >= at_least]


def everyday_nouns(captions: list[str], lemmas: set[str], at_least: int = 8) -> list[str]:
    """About 1,500 things in photos: WordNet nouns in captions, and our own lists."""
    nouns = [w for w in frequent_words(captions, at_least) if w in lemmas and len(w) > 2]
    return list(dict.fromkeys((*COCO_NAMES, *SCENE_WORDS, *nouns)))


def clip_words(limit: int) -> list[str]:
    """Whole words of the CLIP tokenizer, most common first, so that each token gets a meaning."""
    tokens = sorted(SimpleTokenizer().encoder.items(), key=lambda item: item[1])
    words = (t.removesuffix("</w>") for t, _ in tokens if t.endswith("</w>"))
    return [w for w in words if len(w) > 2 and _WORD.fullmatch(w)][:limit]


def scene_sentences(nouns: list[str], count: int, rng: random.Random) -> list[str]:
    """Sentences about several things: 'a photo of a dog, a person and a kite'."""
    openings = ("a photo of {}", "a photo of {}.", "{}", "there is {}", "a picture with {}.")
    sentences = []
    for _ in range(count):
        chosen = rng.sample(nouns, rng.choice((2, 2, 3, 3, 4, 5)))
        things = [f"{article(n)} {n}" for n in chosen] if rng.random() < 0.75 else chosen
        listing = f"{', '.join(things[:-1])} and {things[-1]}"
        sentences.append(rng.choice(openings).format(listing))
    return sentences


def collect_texts(found: Ingredients, synsets: Path, seed: int = 0) -> list[TextGroup]:
    """All texts for the distillation, in groups; deterministic for given ingredients and seed."""
    rng = random.Random(seed)
    flickr = [c for photo in found.flickr8k.captions for c in photo]
    captions = [*flickr, *found.coco_captions]
    known = read_synsets(synsets)
    common = set((synsets / "imagenet12k_synsets.txt").read_text(encoding="utf-8").split())
    lemmas = [lemma for names, _ in known.values() for lemma in names]
    nouns = everyday_nouns(captions, {lemma.lower() for lemma in lemmas})
    imagenet = imagenet_names(synsets, found.imagenet.names)
    named = list(dict.fromkeys((*COCO_NAMES, *VOC_NAMES, *in_order(found.clothing.names), *nouns)))
    return [
        TextGroup("captions", _unique(captions), 0.75),
        TextGroup("imagenet", _templated([n for names in imagenet for n in names[:1]])),
        TextGroup("imagenet synonyms", _unique([n for names in imagenet for n in names[1:]])),
        TextGroup("nouns", _templated(named)),
        TextGroup("scenes", _unique(scene_sentences(nouns, 12_000, rng))),
        TextGroup("words", _unique([*frequent_words(captions, 4), *clip_words(14_000)]), 0.7),
        TextGroup(
            "lemmas",
            _unique([n for s, (names, _) in known.items() if s in common for n in names[:2]]),
            0.7,
        ),
        TextGroup("definitions", _unique([d for s, (_, d) in known.items() if s in common]), 0.3),
    ]


def in_order(names: list[str]) -> tuple[str, ...]:
    """Distinct names, in order of first occurrence."""
    return tuple(dict.fromkeys(names))


def _unique(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _templated(names: list[str]) -> list[str]:
    return _unique([fill(template, name) for name in names for template in TEMPLATES])
