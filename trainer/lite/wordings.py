"""Everyday words for what ImageNet and captions name too finely, too oddly or ambiguously.

ImageNet's thousand names teach "Shih-Tzu" and never "dog", "studio couch" and never "sofa", and its
"kite" is a bird of prey. Captions say "man" where a vocabulary says "person". The tables here name
the same things as people and vocabularies do:

- :data:`EVERYDAY`: more names of single ImageNet classes, by the classifier's index;
- :data:`COMMON`: common names of groups of ImageNet classes (all dogs are "dog"), and
  :data:`BROAD`, their wider kinds ("animal");
- :data:`HYPERNYMS`: words of captions and the wider words that are also true of the photo.
"""

from dataclasses import dataclass

# Index of the class: its everyday names. Only names that mean nothing else in a photo.
EVERYDAY: dict[int, tuple[str, ...]] = {
    404: ("airplane", "aeroplane", "passenger plane"),
    412: ("trash can", "garbage bin"),
    414: ("backpack", "rucksack"),
    417: ("hot air balloon", "balloon"),
    429: ("baseball", "baseball ball"),
    430: ("basketball", "basketball ball"),
    440: ("beer bottle", "bottle of beer"),
    444: ("tandem bicycle", "bicycle"),
    453: ("bookcase", "bookshelf", "shelf of books"),
    462: ("broom",),
    463: ("bucket", "pail"),
    468: ("taxi", "cab"),
    470: ("candle", "candles"),
    487: ("cell phone", "mobile phone", "smartphone"),
    504: ("coffee mug", "mug", "cup of coffee"),
    508: ("keyboard", "computer keyboard"),
    517: ("construction crane",),
    526: ("desk", "writing desk"),
    527: ("desktop computer", "computer"),
    532: ("dining table", "kitchen table", "diningtable"),
    537: ("dog sled", "sled"),
    545: ("electric fan",),
    555: ("fire engine", "fire truck"),
    559: ("folding chair", "chair"),
    560: ("football helmet",),
    562: ("fountain",),
    564: ("bed", "four-poster bed"),
    567: ("frying pan", "skillet"),
    569: ("garbage truck",),
    589: ("hair dryer", "hair drier", "blow dryer"),
    608: ("jeans", "denim trousers"),
    610: ("t-shirt", "shirt"),
    620: ("laptop", "laptop computer"),
    629: ("lipstick",),
    650: ("microphone",),
    651: ("microwave", "microwave oven"),
    664: ("computer monitor", "monitor", "tv monitor"),
    665: ("moped", "motorbike"),
    670: ("motor scooter", "scooter", "motorcycle"),
    671: ("mountain bike", "bicycle", "bike"),
    672: ("tent", "camping tent"),
    673: ("computer mouse", "mouse"),
    681: ("notebook computer", "laptop"),
    701: ("parachute",),
    703: ("park bench", "bench"),
    704: ("parking meter",),
    717: ("pickup truck",),
    721: ("pillow", "cushion"),
    733: ("pole",),
    737: ("soda bottle", "bottle"),
    738: ("flower pot", "potted plant", "pottedplant", "houseplant"),
    748: ("handbag", "purse"),
    751: ("race car", "racing car"),
    752: ("tennis racket", "racket"),
    760: ("refrigerator", "fridge"),
    761: ("remote control", "remote", "tv remote"),
    762: ("restaurant",),
    765: ("rocking chair",),
    770: ("running shoe", "sneaker", "shoe"),
    778: ("weighing scale",),
    779: ("school bus",),
    782: ("computer screen", "crt monitor"),
    795: ("skis", "ski", "pair of skis"),
    801: ("snorkel",),
    805: ("soccer ball", "football"),
    809: ("soup bowl", "bowl of soup", "bowl"),
    817: ("sports car",),
    829: ("tram", "streetcar", "trolley"),
    831: ("couch", "sofa", "sofa bed"),
    837: ("sunglasses", "pair of sunglasses"),
    843: ("swing", "playground swing"),
    846: ("table lamp", "lamp"),
    850: ("teddy bear", "stuffed animal"),
    851: ("television", "tv", "tvmonitor", "tv set"),
    852: ("tennis ball",),
    859: ("toaster",),
    861: ("toilet", "toilet seat"),
    866: ("tractor",),
    867: ("semi truck", "trailer truck"),
    876: ("hot tub",),
    879: ("umbrella", "parasol"),
    882: ("vacuum cleaner",),
    883: ("vase", "flower vase"),
    890: ("volleyball", "volleyball ball"),
    892: ("wall clock", "clock"),
    895: ("military aircraft", "fighter jet"),
    896: ("sink", "bathroom sink", "washbasin"),
    897: ("washing machine",),
    898: ("water bottle", "bottle of water"),
    907: ("wine bottle", "bottle of wine"),
    910: ("wooden spoon", "spoon"),
    914: ("sailboat",),
    917: ("comic book",),
    920: ("traffic light", "traffic signal", "stoplight"),
    921: ("book", "book cover"),
    923: ("plate of food", "plate"),
    928: ("ice cream",),
    931: ("bagel",),
    933: ("cheeseburger", "hamburger", "sandwich"),
    934: ("hot dog", "hotdog"),
    937: ("broccoli",),
    948: ("green apple", "apple"),
    950: ("orange", "orange fruit"),
    954: ("banana", "bananas"),
    963: ("pizza",),
    966: ("red wine", "glass of wine", "wine glass"),
    968: ("tea cup", "cup", "cup of tea"),
    970: ("mountain", "snowy mountain", "mountains"),
    972: ("cliff",),
    975: ("lakeshore", "lake"),
    978: ("seashore", "beach", "coast"),
    981: ("baseball player",),
    982: ("groom", "bridegroom"),
    983: ("scuba diver",),
}

# WordNet's names of ImageNet's classes that mean another thing to most people.
AMBIGUOUS = frozenset((
    "admiral", "bonnet", "bow", "brass", "cap", "cardigan", "chime", "chow", "clog", "cock", "coil",
    "drake", "ear", "file", "hip", "iron", "jay", "kite", "liner", "monarch", "muzzle", "nail",
    "organ", "ounce", "patas", "pick", "plate", "pot", "puck", "racer", "reel", "ringlet", "rule",
    "safe", "scale", "screen", "slot", "stole", "switch", "tick", "tub", "vault", "wing",
))  # fmt: skip


@dataclass(frozen=True)
class Group:
    """``names`` of a group of ImageNet classes, given as "151-268, 273"."""

    names: tuple[str, ...]
    indices: frozenset[int]


def _groups(text: str) -> tuple[Group, ...]:
    found = []
    for line in text.strip().splitlines():
        names, _, ranges = line.partition(":")
        members: set[int] = set()
        for part in ranges.split(","):
            first, _, last = part.strip().partition("-")
            members.update(range(int(first), int(last or first) + 1))
        found.append(Group(tuple(n.strip() for n in names.split(",")), frozenset(members)))
    return tuple(found)


COMMON: tuple[Group, ...] = _groups("""
    fish: 0-1, 5-6, 389-397
    shark: 2-4
    chicken, hen: 7-8
    bird, birds: 9-21, 80-86, 91-96, 127-144, 146
    eagle, bird of prey: 22-23
    parrot: 87-90
    duck: 97-98
    salamander: 25-29
    frog: 30-32
    turtle: 33-37
    lizard: 38-48
    crocodile, alligator: 49-50
    snake: 52-68
    spider: 72-77
    crab: 118-121, 125
    lobster: 122-124
    snail, slug: 113-115
    coral: 109, 973
    whale: 147-148
    dog, dogs, puppy: 151-268
    wolf: 269-272
    wild dog: 273-275
    fox: 277-280
    cat, cats, kitten: 281-285
    big cat: 286-293
    bear, bears: 294-297
    beetle: 300-307
    butterfly: 321-326
    grasshopper, cricket: 311-312
    dragonfly: 319-320
    rabbit: 330-332
    horse: 339
    pig: 341-343
    cow, cattle, ox: 345-347
    sheep, goat: 348-350
    antelope: 351-353
    ferret, weasel: 356-359
    ape: 365-369
    monkey: 370-384
    elephant, elephants: 385-386
    panda: 387-388
    guitar: 402, 546
    boat, boats: 472, 554, 576, 625, 814
    ship, large ship: 403, 510, 628, 724
    sailboat: 484, 780, 871, 914
    car, cars, automobile: 436, 468, 511, 609, 627, 656, 661, 751, 817
    truck, trucks, lorry: 555, 569, 675, 717, 803, 864, 867
    bus, buses: 654, 779, 874
    van, ambulance: 407, 734
    train, trains: 466, 547, 565, 705, 820
    bicycle, bike, bicycles: 444, 671
    motorcycle, motorbike: 665, 670
    airplane, aeroplane, plane: 404, 895
    chair, chairs: 423, 559, 765, 857
    bed: 564, 750
    baby bed: 431, 516, 520
    sofa, couch: 831
    cabinet, cupboard: 493, 495, 648, 894
    clock, clocks: 409, 530, 892
    watch: 531, 826
    bottle, bottles: 440, 720, 737, 898, 899, 901, 907
    bowl: 659, 809
    cup, mug: 441, 504, 968
    pot, cooking pot: 469, 505, 521, 544, 567, 849, 909
    fence: 489, 716, 912
    bridge: 821, 839, 888
    hat, cap: 439, 452, 515, 667, 793, 808
    helmet: 518, 560
    shoe, shoes: 502, 514, 630, 770, 774
    swimsuit, bathing suit: 445, 638-639, 842
    tie, necktie: 451, 457, 906
    dress, gown: 578, 601
    coat, jacket: 568, 617, 869
    sweater: 474, 841
    skirt: 655, 689
    ball, balls: 429-430, 522, 574, 722, 768, 805, 852, 890
    drum: 541, 642, 822
    piano: 579, 881
    horn, trumpet: 513, 566, 875
    violin, cello: 486, 889
    flute: 558, 683, 699
    telephone, phone: 487, 528, 707
    computer: 527, 590, 620, 681
    tv, television, screen: 664, 782, 851
    camera: 732, 759
    knife: 499, 623
    gun: 413, 763-764
    basket: 588, 790
    bag, bags: 414, 636, 728, 748
    stroller, cart: 428, 791
    horse carriage: 603, 612, 690
    bench: 703
    lamp: 619, 846
    curtain: 794, 904-905
    towel: 434, 533, 700
    oven, stove: 766, 827
    church: 497, 663, 668, 832
    castle, palace: 483, 698
    shop, store: 415, 424, 454, 467, 509, 582, 788, 860, 865
    theater, stage: 498, 819, 854
    sports equipment: 416, 422, 543, 602, 702, 747
    bread: 930-932
    sandwich: 933-934
    ice cream: 928-929
    apple: 948
    squash: 939-942
    cabbage, cauliflower: 936, 938
    mushroom: 947, 991-997
    flower: 985-986
    corn: 987, 998
    mountain, mountains: 970, 980
    beach, shore: 975-978
    person, people: 981-983
""")

BROAD: tuple[Group, ...] = _groups("""
    fish: 0-6, 389-397
    bird: 7-24, 80-100, 127-146
    reptile: 33-68
    insect, bug: 300-326
    spider: 70-77
    sea creature: 107-111, 115-126, 327-329
    dog: 151-268
    cat: 281-293
    wild animal: 269-280, 294-299, 330-338, 344, 351-353, 356-364
    farm animal: 339-343, 345-350, 354-355
    monkey: 365-384
    elephant: 385-386
    boat, ship: 403, 472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 871, 914
    car, vehicle: 407, 436, 468, 511, 573, 575, 609, 627, 656, 661, 751, 817
    truck, large vehicle: 555, 569, 586, 595, 675, 717, 734, 803, 847, 864, 866-867
    train, tram: 466, 547, 565, 705, 820, 829
    bus: 654, 757, 779, 874
    bicycle, motorcycle: 444, 665, 670-671, 870, 880
    airplane, aircraft: 404-405, 417, 812, 895, 908
    furniture: 423, 431, 453, 493, 495, 516, 520, 526, 532, 548, 553, 559, 564, 703, 736, 765, \
831, 846, 857, 894
    clothes, clothing: 399-400, 411, 443, 445, 451, 457, 459, 465, 474, 496, 501, 529, 568, 578, \
601, 608, 610, 614, 617, 638-639, 652, 655, 658, 689, 697, 735, 775, 806, 824, 834, 841-842, 869, \
887, 906
    hat, headgear: 433, 439, 452, 515, 518, 560, 667, 793, 808
    shoe, footwear: 502, 514, 630, 770, 774
    musical instrument: 401-402, 420, 432, 486, 494, 513, 541, 546, 558, 566, 577, 579, 593-594, \
641-642, 683-684, 687, 699, 776, 822, 875, 881, 889
    ball: 429-430, 522, 574, 722, 768, 805, 852, 890
    bottle, drink: 440, 737, 898-899, 901, 907, 966-967, 969
    dishes, tableware: 438, 441, 504, 572, 618, 647, 659, 725, 809, 849, 868, 910, 923, 968
    kitchen appliance: 521, 534, 544, 550, 651, 760, 766, 827, 859, 891
    electronics, electronic device: 481-482, 485, 487, 508, 527-528, 590, 592, 605, 613, 620, \
632, 662, 664, 673, 681, 707, 713, 732, 742, 745, 754, 759, 761, 782, 848, 851
    building, buildings: 410, 415, 425, 437, 442, 449, 454, 467, 483, 497-498, 500, 580, 634, \
663, 668, 698, 743, 762, 788, 832, 860, 865, 873, 915
    bridge: 821, 839, 888
    fence, wall: 489, 716, 825, 912
    food: 924-926, 933-935, 959, 962-965
    bread, pastry: 930-932, 961
    ice cream, dessert: 927-929, 960
    fruit: 948-957
    vegetable, vegetables: 936-946
    mushroom: 947, 991-997
    nature, landscape: 970, 972-980
    person, people: 981-983
""")

# Texts to try for names of vocabularies that a small text tower may read badly.
DESCRIPTIONS: dict[str, tuple[str, ...]] = {
    "person": ("man, woman or child", "man or woman", "people", "a human being"),
    "child": ("boy or girl", "young child", "kid"),
    "baby": ("baby or toddler", "infant"),
    "crowd": ("crowd of people",),
    "dog": ("dog or puppy", "pet dog"),
    "cat": ("cat or kitten", "pet cat"),
    "bird": ("bird with feathers", "wild bird"),
    "ball": ("sports ball", "ball for games"),
    "sports ball": ("ball", "soccer ball, tennis ball or baseball"),
    "kite": ("kite flying in the sky", "toy kite on a string"),
    "mouse": ("computer mouse",),
    "tie": ("necktie",),
    "remote": ("remote control",),
    "frisbee": ("frisbee, a flying disc", "flying disc"),
    "scissors": ("pair of scissors",),
    "glasses": ("eyeglasses",),
    "suitcase": ("suitcase, luggage", "luggage"),
    "swing": ("playground swing",),
    "slide": ("playground slide",),
    "stage": ("stage of a concert", "stage with performers"),
    "sign": ("street sign", "sign with text"),
    "rock": ("rocks and boulders", "stone"),
    "fire": ("flames of a fire", "campfire"),
    "field": ("grassy field", "field of grass", "field of crops"),
    "flower": ("flowers",),
    "tree": ("trees",),
    "cloud": ("clouds in the sky", "clouds"),
    "ruins": ("ancient stone ruins", "ancient ruins"),
    "pool": ("swimming pool",),
    "stick": ("wooden stick", "tree branch"),
    "street": ("street in a city", "road"),
    "table": ("dining table", "wooden table"),
    "train": ("railway train", "train on tracks"),
    "snow": ("snow on the ground", "snowy landscape"),
    "food": ("food on a plate", "meal"),
}

_PEOPLE = [
    "man",
    "men",
    "woman",
    "women",
    "boy",
    "boys",
    "girl",
    "girls",
    "child",
    "children",
    "kid",
    "kids",
    "baby",
    "babies",
    "toddler",
    "guy",
    "guys",
    "lady",
    "ladies",
    "person",
    "people",
    "someone",
    "adult",
    "adults",
    "teenager",
    "couple",
    "family",
    "crowd",
    "player",
    "players",
    "rider",
    "skier",
    "surfer",
    "climber",
    "biker",
    "cyclist",
    "skateboarder",
    "snowboarder",
    "hiker",
    "swimmer",
    "dancer",
    "performer",
    "musician",
    "singer",
    "worker",
    "athlete",
    "runner",
    "racer",
    "gentleman",
    "teen",
    "male",
    "female",
    "audience",
    "friends",
    "group",
    "team",
    "officer",
    "soldier",
    "fisherman",
    "bride",
    "groom",
]

_CHILDREN = (
    "boy",
    "boys",
    "girl",
    "girls",
    "child",
    "children",
    "kid",
    "kids",
    "toddler",
    "baby",
    "babies",
)
_DOGS = (
    "dog",
    "dogs",
    "puppy",
    "puppies",
    "poodle",
    "terrier",
    "retriever",
    "labrador",
    "shepherd",
    "collie",
    "greyhound",
    "bulldog",
    "dalmatian",
    "beagle",
)
_ANIMALS = (
    "bird",
    "horse",
    "cow",
    "sheep",
    "goat",
    "elephant",
    "bear",
    "monkey",
    "duck",
    "fish",
    "birds",
    "horses",
    "cows",
    "goats",
)
# Word of a caption: wider words that are true of the photo too.
HYPERNYMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_PEOPLE, ("person", "people")),
    **dict.fromkeys(_CHILDREN, ("child", "person", "people")),
    **dict.fromkeys(_DOGS, ("dog", "animal", "pet")),
    **dict.fromkeys(_ANIMALS, ("animal",)),
    "cat": ("cat", "animal", "pet"), "kitten": ("cat", "animal", "pet"),
    "duck": ("bird", "animal"), "goose": ("bird", "animal"), "pigeon": ("bird", "animal"),
    "seagull": ("bird", "animal"), "pigeons": ("bird", "animal"), "pony": ("horse", "animal"),
    "bike": ("bicycle", "vehicle"), "bicycle": ("bicycle", "vehicle"),
    "bikes": ("bicycle", "vehicle"), "bicycles": ("bicycle", "vehicle"),
    "motorbike": ("motorcycle", "vehicle"), "motorcycle": ("motorcycle", "vehicle"),
    "dirtbike": ("motorcycle", "vehicle"), "motocross": ("motorcycle", "vehicle"),
    "car": ("car", "vehicle"), "cars": ("car", "vehicle"), "taxi": ("car", "vehicle"),
    "truck": ("truck", "vehicle"), "suv": ("car", "vehicle"), "jeep": ("car", "vehicle"),
    "bus": ("bus", "vehicle"), "train": ("train", "vehicle"), "van": ("vehicle",),
    "canoe": ("boat",), "kayak": ("boat",), "raft": ("boat",), "sailboat": ("boat",),
    "ship": ("boat",), "rowboat": ("boat",),
    "soccer": ("soccer ball", "sports ball", "sport"), "football": ("football", "sports ball"),
    "basketball": ("basketball", "sports ball"), "volleyball": ("volleyball", "sports ball"),
    "ball": ("sports ball",), "baseball": ("baseball", "sport"),
    "tennis": ("tennis racket", "sport"), "racket": ("tennis racket",),
    "surfer": ("surfboard", "wave"), "surfing": ("surfboard", "wave"),
    "skier": ("skis", "snow"), "skiing": ("skis", "snow"), "skiers": ("skis", "snow"),
    "snowboarder": ("snowboard", "snow"), "snowboarding": ("snowboard", "snow"),
    "skateboarder": ("skateboard",), "skateboarding": ("skateboard",),
    "cellphone": ("cell phone",), "phone": ("cell phone", "telephone"),
    "couch": ("couch", "sofa", "furniture"), "sofa": ("couch", "sofa", "furniture"),
    "chair": ("chair", "furniture"), "chairs": ("chair", "furniture"),
    "table": ("dining table", "furniture"), "bed": ("bed", "furniture"),
    "tv": ("television",), "television": ("tv",), "sunglasses": ("sunglasses", "glasses"),
    "jacket": ("clothes",), "shirt": ("clothes",), "pants": ("clothes",), "jeans": ("clothes",),
    "dress": ("clothes",), "coat": ("clothes",), "sweater": ("clothes",), "shorts": ("clothes",),
    "cap": ("hat",), "pizza": ("food",), "cake": ("food",), "sandwich": ("food",),
    "ocean": ("sea", "water"), "sea": ("ocean", "water"), "lake": ("water",), "river": ("water",),
    "pool": ("swimming pool", "water"), "creek": ("river", "water"), "stream": ("river", "water"),
    "wave": ("ocean", "water"), "waves": ("ocean", "water"), "shore": ("beach",),
    "cliff": ("rock",), "boulder": ("rock",), "woods": ("forest",), "tree": ("plant",),
    "trees": ("plant", "tree"), "lawn": ("grass",), "road": ("street",), "purse": ("handbag",),
    "puppies": ("dog", "animal", "pet"), "suitcase": ("luggage",), "kite": ("kite",),
}  # fmt: skip

_ONE = (
    "man",
    "woman",
    "boy",
    "girl",
    "guy",
    "lady",
    "gentleman",
    "child",
    "kid",
    "toddler",
    "adult",
)
_SEVERAL = ("men", "women", "boys", "girls", "guys", "ladies", "children", "kids", "adults")
# Words as in HYPERNYMS whose replacement in a caption leaves a grammatical sentence.
CAPTION_REWRITES: dict[str, str] = {
    **dict.fromkeys(_ONE, "person"),
    **dict.fromkeys(_SEVERAL, "people"),
    "puppy": "dog", "puppies": "dogs", "kitten": "cat", "bike": "bicycle", "bikes": "bicycles",
    "motorbike": "motorcycle", "sofa": "couch", "television": "tv", "canoe": "boat",
    "kayak": "boat", "racket": "tennis racket", "cellphone": "cell phone", "purse": "handbag",
    "duck": "bird", "pony": "horse", "sailboat": "boat", "taxi": "car", "woods": "forest",
}  # fmt: skip
