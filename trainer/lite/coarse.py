"""ImageNet's fine classes in the words people use: 118 breeds are one dog.

The classifier knows "yawl" and "trimaran"; nobody's vocabulary does. Adding the probabilities of a
group's members gives p(boat | photo), so the teacher can be told about boats as well as yawls.
Numbers are the classifier's outputs, in synset order.
"""

import torch
from torch import Tensor

# Every class is in one group at most, so that the groups and the rest still sum to one.
GROUPS: dict[tuple[str, ...], str] = {
    ("fish",): "0-6 389-397",
    ("chicken", "hen"): "7-8",
    ("bird",): "9-24 80-98 127-146",
    ("duck", "goose"): "99",
    ("swan",): "100",
    ("lizard",): "38-48",
    ("turtle",): "33-37",
    ("frog",): "30-32",
    ("snake",): "52-68",
    ("spider",): "72-77",
    ("insect", "bug"): "300-320",
    ("butterfly",): "321-326",
    ("crab", "lobster"): "118-124",
    ("dog", "puppy"): "151-268",
    ("wolf",): "269-272",
    ("fox",): "277-280",
    ("cat", "kitten"): "281-285",
    ("bear",): "294-297",
    ("rabbit",): "330-332",
    ("horse",): "339",
    ("pig",): "341-343",
    ("cow", "cattle"): "345-346",
    ("sheep",): "348-349",
    ("antelope", "deer"): "351-353",
    ("monkey", "ape"): "365-384",
    ("elephant",): "101 385-386",
    ("airplane", "plane", "aeroplane"): "404 895",
    ("boat", "ship"): "472 484 510 554 576 625 628 780 814 871 914",
    ("car", "automobile"): "436 468 511 609 627 656 661 751 817",
    ("truck", "lorry"): "555 569 675 717 864 867",
    ("bus",): "654 779 874",
    ("train", "railway train"): "466 547 565 705 820 829",
    ("bicycle", "bike"): "444 671",
    ("motorcycle", "motorbike", "scooter"): "665 670",
    ("street sign", "sign"): "919",
    ("chair",): "423 559 765",
    ("couch", "sofa"): "831",
    ("bed",): "516 520 564",
    ("dining table", "table"): "532",
    ("cabinet", "cupboard"): "493 495 894",
    ("bench",): "703",
    ("clock",): "409 530 892",
    ("watch",): "531 826",
    ("bottle",): "440 720 737 898 907",
    ("cup", "mug"): "504 968",
    ("glass", "wine glass"): "441 572 966",
    ("bowl",): "659 809",
    ("pan", "cooking pot"): "521 544 567 909",
    ("spoon",): "910",
    ("knife",): "499",
    ("laptop", "laptop computer"): "620 681",
    ("keyboard", "computer keyboard"): "508 810 878",
    ("computer mouse", "mouse"): "673",
    ("computer", "desktop computer"): "527 664 782",
    ("tv", "television", "tv monitor"): "598 851",
    ("remote", "remote control"): "761",
    ("cell phone", "phone", "mobile phone"): "487",
    ("telephone",): "528 707",
    ("camera",): "732 759",
    ("refrigerator", "fridge"): "760",
    ("oven", "stove"): "827",
    ("sink", "washbasin"): "896",
    ("toilet",): "861",
    ("hair drier", "hair dryer"): "589",
    ("book",): "921",
    ("teddy bear", "stuffed toy"): "850",
    ("vase",): "883",
    ("potted plant", "flowerpot"): "738",
    ("handbag", "purse", "bag"): "636 748",
    ("backpack", "rucksack"): "414",
    ("tie", "necktie"): "457 906",
    ("hat",): "439 452 515 808",
    ("helmet",): "518 560 715",
    ("dress", "gown"): "578 601",
    ("shoe", "shoes"): "502 514 630 770 774",
    ("suit",): "834",
    ("swimsuit", "bikini"): "445 638-639 842",
    ("sunglasses",): "836-837",
    ("racket", "tennis racket"): "752",
    ("ball", "sports ball"): "429 430 574 722 768 805 852 890",
    ("skis", "ski"): "795",
    ("guitar",): "402 546",
    ("piano",): "579 881",
    ("drum",): "541",
    ("church",): "497",
    ("tower", "monument"): "437 682 863 900",
    ("bridge",): "821 839 888",
    ("fence",): "489 716 912",
    ("shop", "store"): "415 454 467 509 582 788 860 865",
    ("sandwich", "hamburger"): "933",
    ("hot dog", "sausage"): "934",
    ("bread",): "930-932",
    ("apple",): "948",
    ("fruit",): "949 951-953 955-957",
    ("vegetable", "vegetables"): "936 938-945",
    ("mushroom",): "947 992-993 996-997",
    ("dessert", "ice cream"): "927-929",
    ("flower", "flowers"): "985-986",
    ("mountain", "mountains"): "970",
    ("beach", "seashore", "coast"): "977-978",
    ("lake", "lakeside"): "975",
    ("valley",): "979",
    ("baseball player", "baseball"): "981",
    ("groom", "wedding"): "982",
}


def members(ranges: str) -> list[int]:
    """'3 5-7' -> [3, 5, 6, 7]."""
    numbers: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def coarse_names(fine: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Names of the K' coarse classes: the groups, then the classes in none."""
    grouped = {number for ranges in GROUPS.values() for number in members(ranges)}
    return [*GROUPS, *(names for i, names in enumerate(fine) if i not in grouped)]


def coarsen(log_probabilities: Tensor) -> Tensor:
    """(N, K) log p over fine classes -> (N, K') log p over coarse ones, in their order."""
    grouped: set[int] = set()
    columns: list[Tensor] = []
    for ranges in GROUPS.values():
        rows = members(ranges)
        grouped.update(rows)
        columns.append(log_probabilities[:, rows].logsumexp(dim=1))
    rest = [i for i in range(log_probabilities.shape[1]) if i not in grouped]
    return torch.cat([torch.stack(columns, dim=1), log_probabilities[:, rest]], dim=1)
