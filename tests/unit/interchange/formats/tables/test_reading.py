"""Tables as other programs write them."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from interchange_files import shared_file
from read_tables import read_table

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.formats.tables import dialect
from lmpt_desktop.interchange.formats.tables.formats import CSV, CSV_LONG
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin
from lmpt_desktop.interchange.registry import detect

PRESENT, ABSENT, UNKNOWN = Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN
Said = dict[str, list[tuple[str, Verdict | None, str]]]


def table(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def said(records: list[ImageRecord]) -> Said:
    """Class, verdict and value by path."""
    found: Said = {}
    for record in records:
        cells = found.setdefault(record.path, [])
        cells.extend((item.name, item.verdict, item.value) for item in record.classes)
    return found


def read(path: Path, /, **options: str) -> Said:
    _facts, records, bad = read_table(CSV, path, {key.rstrip("_"): options[key] for key in options})
    assert bad == []
    return said(records)


def found_as_found(path: Path) -> dict[str, str]:
    """What the options propose."""
    return {
        item.name: item.choices[0].label.removeprefix("As found: ")
        for item in CSV.options(path)
        if item.choices
    }


# --- real files ---------------------------------------------------------------------------------


def test_chexpert_reports() -> None:
    path = shared_file("csv/chexpert_labeled_reports.csv")
    assert [item.format.name for item in detect(path)] == ["csv"]
    facts, records, bad = read_table(CSV, path)

    assert bad == []
    assert [spec.name for spec in facts.classes] == [
        *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Lesion"),
        *("Lung Opacity", "Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax"),
        *("Pleural Effusion", "Pleural Other", "Fracture", "Support Devices"),
    ]
    assert len(facts.notes) == 1
    assert [record.line for record in records] == [2, 3, 6, 7]
    assert records[0].path.startswith("Heart size normal and lungs are clear.")
    assert records[1].path.endswith("present.\n\n2. Cardiomegaly without overt edema.")
    assert list(said(records).values()) == [
        [
            ("No Finding", PRESENT, "1.0"),
            ("Cardiomegaly", ABSENT, "0.0"),
            ("Edema", ABSENT, "0.0"),
            ("Pneumonia", ABSENT, "0.0"),
            ("Pleural Effusion", ABSENT, "0.0"),
        ],
        [
            ("Cardiomegaly", PRESENT, "1.0"),
            ("Edema", ABSENT, "0.0"),
            ("Atelectasis", PRESENT, "1.0"),
            ("Pleural Effusion", PRESENT, "1.0"),
        ],
        [
            ("Lung Opacity", PRESENT, "1.0"),
            ("Consolidation", UNKNOWN, "-1.0"),
            ("Atelectasis", UNKNOWN, "-1.0"),
        ],
        [("Cardiomegaly", PRESENT, "1.0")],
    ]


def test_names_of_classes_do_not_hide_what_minus_one_means(tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("Edema,oedema\n", encoding="utf-8")
    path = shared_file("csv/chexpert_labeled_reports.csv")
    facts, _records, _bad = read_table(CSV, path, {"names": str(names)})
    assert any("-1 is uncertain" in note for note in facts.notes)


def test_without_its_preset_minus_one_is_the_users_to_map() -> None:
    path = shared_file("csv/chexpert_labeled_reports.csv")
    cells = read(path, preset="-", path="Reports")
    third = list(cells.values())[2]
    assert third[1:] == [("Consolidation", None, "-1.0"), ("Atelectasis", None, "-1.0")]


def test_wildlife_insights_images() -> None:
    path = shared_file("wildlife-insights/camtraptor_images.csv")
    assert [item.format.name for item in detect(path)] == ["csv"]
    _facts, records, bad = read_table(CSV, path)

    assert bad == []
    assert len(records) == 49
    assert records[0] == ImageRecord(
        "IMG_0195.JPG",
        (ClassRecord("Crested Francolin", origin=Origin.HUMAN, annotator="Observer 1"),),
        line=2,
    )
    names = [item.name for record in records for item in record.classes]
    assert {name: names.count(name) for name in names} == {
        "Suni": 16,
        "Golden-rumped Sengi": 12,
        "Large-spotted Genet": 9,
        "Crested Francolin": 3,
        "Vervet Monkey": 3,
        "Crested Porcupine": 2,
        "Porcupine": 1,
        "Old World porcupines": 1,
        "Rodents": 1,
        "Mammals": 1,
    }
    assert {item.origin for record in records for item in record.classes} == {Origin.HUMAN}
    by_genus = read(path, class_="genus", path="location")
    assert [cell[0] for cells in by_genus.values() for cell in cells].count("Nesotragus") == 16
    assert all(name.startswith("gs://my_first_project") for name in by_genus)


@pytest.mark.parametrize(
    "name",
    [
        "wildlife-insights/camtraptor_cameras.csv",
        "wildlife-insights/camtraptor_deployments.csv",
        "camtrap-dp/deployments.csv",
        "darwincore/dwc_audubon.csv",
    ],
)
def test_tables_of_other_things_are_not_taken_for_annotations(name: str) -> None:
    assert [item for item in detect(shared_file(name)) if item.format is CSV] == []


# --- presets ------------------------------------------------------------------------------------


def test_open_images(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "ImageID,Source,LabelName,Confidence\n"
        "000002b66c9c498e,verification,/m/014j1m,0\n"
        "000002b66c9c498e,crowdsource-verification,/m/01g317,1\n"
        "000002b97e5471a0,machine,/m/01g317,0.7\n",
    )
    facts, records, bad = read_table(CSV, path)
    assert bad == []
    assert len(facts.notes) == 1
    assert records == [
        ImageRecord(
            "000002b66c9c498e",
            (
                ClassRecord("/m/014j1m", ABSENT, "0", Origin.HUMAN, annotator="verification"),
                ClassRecord(
                    "/m/01g317", PRESENT, "1", Origin.HUMAN, annotator="crowdsource-verification"
                ),
            ),
            line=2,
        ),
        ImageRecord(
            "000002b97e5471a0",
            (ClassRecord("/m/01g317", PRESENT, "", Origin.MACHINE, 0.7, "machine"),),
            line=4,
        ),
    ]

    names = table(tmp_path, '/m/014j1m,Apple\n/m/01g317,"Person, any"\n', "codes.csv")
    assert [cell[0] for cell in read(path, names=str(names))["000002b66c9c498e"]] == [
        "Apple",
        "Person, any",
    ]
    # Class descriptions that lie beside the table are taken unasked.
    names.rename(tmp_path / "oidv7-class-descriptions.csv")
    assert read(path)["000002b97e5471a0"][0][0] == "Person, any"
    assert read(path, names="")["000002b97e5471a0"][0][0] == "/m/01g317"
    proposed = {item.name: item.default for item in CSV.options(path)}
    assert proposed["names"].endswith("oidv7-class-descriptions.csv")


def test_roboflow_begins_every_cell_with_a_space(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "filename, cat, big dog\na_jpg.rf.0123.jpg, 1, 0\nb_jpg.rf.4567.jpg, 0, 1\n",
        "_classes.csv",
    )
    facts, _records, _bad = read_table(CSV, path)
    assert [spec.name for spec in facts.classes] == ["cat", "big dog"]
    assert read(path) == {
        "a_jpg.rf.0123.jpg": [("cat", PRESENT, "1"), ("big dog", ABSENT, "0")],
        "b_jpg.rf.4567.jpg": [("cat", ABSENT, "0"), ("big dog", PRESENT, "1")],
    }
    assert "Roboflow" in detect(path)[0].reason


def test_kaggle_separates_by_spaces(tmp_path: Path) -> None:
    path = table(tmp_path, "image_name,tags\ntrain_0,haze primary\ntrain_1,clear\ntrain_2,\n")
    assert read(path) == {
        "train_0": [("haze", PRESENT, ""), ("primary", PRESENT, "")],
        "train_1": [("clear", PRESENT, "")],
        "train_2": [],
    }
    assert found_as_found(path)["preset"] == "Kaggle (multi-label)"


def test_museum(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "Accession Number;Title;Keywords\n"
        '1987.12.3;Vase;"vase | blue glaze"\n'
        "1987.12.4;Bowl;bowl\n",
    )
    assert read(path) == {
        "1987.12.3": [("vase", PRESENT, ""), ("blue glaze", PRESENT, "")],
        "1987.12.4": [("bowl", PRESENT, "")],
    }


def test_wildlife_insights_blank_machine_and_unnamed(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "filename,is_blank,identified_by,class,genus,species,common_name,cv_confidence\n"
        "a.jpg,1,Jane,,,,Blank,\n"
        "b.jpg,0,Computer vision,Mammalia,Vulpes,vulpes,Red Fox,0.91\n"
        "c.jpg,0,Jane,Mammalia,Vulpes,vulpes,,\n"
        "d.jpg,0,Computer vision,,,,No CV Result,\n"
        "e.jpg,0,Jane,Aves,,,,\n",
    )
    _facts, records, bad = read_table(CSV, path)
    assert bad == []
    assert [record.classes for record in records] == [
        (),
        (ClassRecord("Red Fox", origin=Origin.MACHINE, score=0.91),),
        (ClassRecord("Vulpes vulpes", origin=Origin.HUMAN, annotator="Jane"),),
        (),
        (ClassRecord("Aves", origin=Origin.HUMAN, annotator="Jane"),),
    ]


def test_tags_of_our_own_command(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "path,class,score,band,source\n"
        "/p/a.jpg,cat,1.0000,head,user\n"
        "/p/a.jpg,dog,0.0000,tail,user\n"
        "/p/a.jpg,fox,0.8123,tail,prediction\n",
    )
    _facts, records, _bad = read_table(CSV, path)
    assert records[0].classes == (
        ClassRecord("cat", PRESENT, "1.0000", Origin.HUMAN, source="user"),
        ClassRecord("dog", ABSENT, "0.0000", Origin.HUMAN, source="user"),
        ClassRecord("fox", PRESENT, "", Origin.MACHINE, 0.8123, source="prediction"),
    )
    old = table(tmp_path, "path,class,score,band\n/p/a.jpg,cat,1.0000,head\n", "old.csv")
    _facts, records, _bad = read_table(CSV, old)
    assert records[0].classes == (ClassRecord("cat", PRESENT, "", Origin.MACHINE, 1.0),)


# --- layouts ------------------------------------------------------------------------------------


def test_a_wide_table_leaves_columns_of_other_things_out(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "nr,file,width,photographer,cat,dog,fox\n"
        "17,a.jpg,640,Ann,yes,,?\n"
        "18,b.jpg,480,Bob,no,x,2\n",
    )
    assert read(path) == {
        "a.jpg": [("cat", PRESENT, "yes"), ("fox", UNKNOWN, "?")],
        "b.jpg": [("cat", ABSENT, "no"), ("dog", PRESENT, "x"), ("fox", None, "2")],
    }


def test_a_column_of_many_fractions_is_scores(tmp_path: Path) -> None:
    path = table(tmp_path, "path,cat,dog\na.jpg,0.25,0.5\nb.jpg,0.75,1\nc.jpg,0.5,0\nd.jpg,,\n")
    facts, records, bad = read_table(CSV, path)
    assert bad == []
    assert len(facts.notes) == 1
    assert records[0].classes == (
        ClassRecord("cat", PRESENT, "", Origin.MACHINE, 0.25),
        ClassRecord("dog", None, "0.5"),
    )


def test_a_long_table_with_verdict_score_and_who(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "class\tpath\tverdict\tconfidence\tannotator\n"
        "cat\ta.jpg\tpresent\t\tAnn\n"
        "dog\ta.jpg\tabsent\t\thuman\n"
        "fox\tb.jpg\tmaybe\t\tAnn\n"
        "cat\ta.jpg\tpresent\t0.5\tmodel\n"
        "cat\tc.jpg\t\t1.5\tmodel\n",
        "table.tsv",
    )
    _facts, records, bad = read_table(CSV, path)
    assert [record.path for record in records] == ["a.jpg", "b.jpg", "a.jpg"]
    assert records[0].classes == (
        ClassRecord("cat", PRESENT, "present", annotator="Ann"),
        ClassRecord("dog", ABSENT, "absent", Origin.HUMAN),
    )
    assert records[1].classes == (ClassRecord("fox", None, "maybe", annotator="Ann"),)
    assert records[2].classes == (ClassRecord("cat", PRESENT, "present", Origin.MACHINE, 0.5),)
    assert [item.line for item in bad] == [6]
    assert "1.5" in bad[0].reason


@pytest.mark.parametrize(
    ("cell", "separator"),
    [
        ("cat; big dog ;", "Semicolon"),
        ("cat|big dog", "Vertical bar"),
        ('"cat, big dog"', "Comma"),
        ("cat\tbig dog", "Tab"),
        ('"cat\nbig dog"', "New line"),
        ('"[""cat"", ""big dog""]"', "List in brackets"),
        ("\"['cat', 'big dog']\"", "List in brackets"),
    ],
)
def test_classes_of_one_cell(tmp_path: Path, cell: str, separator: str) -> None:
    path = table(tmp_path, f"photo,keywords,comment\na.jpg,{cell},x\nb.jpg,,y\n")
    assert found_as_found(path)["separator"] == separator
    assert read(path) == {"a.jpg": [("cat", PRESENT, ""), ("big dog", PRESENT, "")], "b.jpg": []}


def test_what_is_no_list_is_a_bad_row(tmp_path: Path) -> None:
    cells = ("[1, 2]", "[[[]]]", "[" * 500, "{'a': 1}", "[9" + "9" * 5000 + "]", "[cat]", '"x"')
    text = "photo,keywords\n" + "".join(
        f'{i}.jpg,"{cell.replace(chr(34), chr(34) * 2)}"\n' for i, cell in enumerate(cells)
    )
    _facts, records, bad = read_table(CSV, table(tmp_path, text), {"separator": "json"})
    assert said(records) == {
        "0.jpg": [("1", PRESENT, ""), ("2", PRESENT, "")],
        "6.jpg": [("x", PRESENT, "")],
    }
    assert [item.line for item in bad] == [3, 4, 5, 6, 7]


def test_everything_that_is_found_can_be_changed(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "a.jpg;cat, dog;1;x.png\nb.jpg;fox;0;y.png\n",
    )
    assert found_as_found(path)["header"] == "A photo"
    assert [
        choice.value for item in CSV.options(path) if item.name == "path" for choice in item.choices
    ] == [
        *("", "#1", "#2", "#3", "#4"),
    ]
    assert read(path, layout="long", path="#4", class_="#2", verdict="#3") == {
        "x.png": [("cat, dog", PRESENT, "1")],
        "y.png": [("fox", ABSENT, "0")],
    }
    assert read(path, layout="separated", class_="#2", separator="comma", verdict="-") == {
        "a.jpg": [("cat", PRESENT, ""), ("dog", PRESENT, "")],
        "b.jpg": [("fox", PRESENT, "")],
    }
    assert read(path, header="yes", layout="long", class_="#2", path="#1") == {
        "b.jpg": [("fox", PRESENT, "")]
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "nowhere"),
        ("class", "#99"),
        ("class", "#²"),
        ("verdict", "nowhere"),
        ("names", "/nowhere/names.csv"),
    ],
)
def test_options_that_name_what_there_is_not(tmp_path: Path, name: str, value: str) -> None:
    path = table(tmp_path, "path,class\na.jpg,cat\n")
    with pytest.raises(InterchangeError, match=r"\.$"):
        read_table(CSV, path, {name: value})


@pytest.mark.parametrize("preset", ["open-images", "chexpert", "roboflow", "kaggle", "museum"])
def test_a_preset_for_another_table_reads_what_it_can(tmp_path: Path, preset: str) -> None:
    path = table(tmp_path, "a,b\n1,2\n3,4\n")
    _facts, records, _bad = read_table(CSV, path, {"preset": preset})
    assert len(records) == 2


# --- encodings and delimiters -------------------------------------------------------------------

TEXT = "path;Vögel;„Straße“\r\nBär.jpg;1;0\r\nb.jpg;0;1\r\n"
EXPECTED = {
    "Bär.jpg": [("Vögel", PRESENT, "1"), ("„Straße“", ABSENT, "0")],
    "b.jpg": [("Vögel", ABSENT, "0"), ("„Straße“", PRESENT, "1")],
}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (TEXT.encode(), ""),
        (codecs.BOM_UTF8 + TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-16-le"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (TEXT.encode("cp1252"), "Windows-1252"),
    ],
)
def test_encodings_are_found_and_said(tmp_path: Path, data: bytes, says: str) -> None:
    path = table(tmp_path, data)
    facts, records, bad = read_table(CSV, path, {"layout": "wide"})
    assert said(records) == EXPECTED
    assert bad == []
    assert [says in note for note in facts.notes] == ([True] if says else [])


def test_an_encoding_can_be_chosen(tmp_path: Path) -> None:
    path = table(tmp_path, "path,class\nПёс.jpg,собака\n".encode("cp1251"))
    assert read(path, encoding="cp1251") == {"Пёс.jpg": [("собака", PRESENT, "")]}
    assert "Windows-1252" in read_table(CSV, path)[0].notes[0]


def test_a_few_bytes_that_are_not_utf_8_cost_their_rows_only(tmp_path: Path) -> None:
    good = "".join(f"Bär {i}.jpg,Vögel\n" for i in range(20))
    data = f"path,class\n{good}".encode() + b"\xe4.jpg,cat\nc.jpg,\xe4\n"
    _facts, records, bad = read_table(CSV, table(tmp_path, data))
    assert len(records) == 21
    assert records[-1].path == "\udce4.jpg"
    assert [item.line for item in bad] == [23]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, mark: str) -> None:
    text = (
        f'name{mark}label\n"a{mark}b.jpg"{mark}cat, big; or | not\nc.jpg{mark}dog\nd.jpg{mark}dog\n'
    )
    cells = "cat, big; or | not"
    path = table(tmp_path, text.replace(cells, f'"{cells}"'))
    assert read(path, layout="long") == {
        f"a{mark}b.jpg": [("cat, big; or | not", PRESENT, "")],
        "c.jpg": [("dog", PRESENT, "")],
        "d.jpg": [("dog", PRESENT, "")],
    }


def test_excel_says_its_delimiter_in_a_first_line(tmp_path: Path) -> None:
    path = table(tmp_path, "sep=;\r\npath;class\r\na, b.jpg;cat\r\n")
    _facts, records, _bad = read_table(CSV, path)
    assert records == [ImageRecord("a, b.jpg", (ClassRecord("cat"),), line=3)]


# --- bad rows -----------------------------------------------------------------------------------


def test_bad_rows_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "path,class,verdict\n"
        "a.jpg,cat,1\n"
        "b.jpg,cat\n"
        "c.jpg,cat,1,,\n"
        "d.jpg,cat,1,more\n"
        '"e.jpg"x,cat,1\n'
        "f.jpg,c\0at,1\n"
        ",cat,1\n"
        "\n"
        '"g.jpg,cat,1\n'
        "h.jpg,cat,1\n"
        'i.jpg,"two\nlines",0\n',
    )
    _facts, records, bad = read_table(CSV, path)
    assert [(record.path, record.line) for record in records] == [
        ("a.jpg", 2),
        ("c.jpg", 4),
        ("h.jpg", 11),
        ("i.jpg", 12),
    ]
    assert [item.line for item in bad] == [3, 5, 6, 7, 8, 10]
    assert all(item.reason.endswith(".") for item in bad)
    assert bad[0].text == "b.jpg,cat"


def test_lines_and_rows_that_never_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "MAX_LINE_CHARACTERS", 1000)
    monkeypatch.setattr(dialect, "MAX_ROW_CHARACTERS", 5000)
    endless = '"x\n",' * 3000
    path = table(
        tmp_path,
        f"path,class\na.jpg,{'c' * 5000}\nb.jpg,cat\n{endless}\nc.jpg,cat\n"
        f"{'d' * 2500}\ne.jpg,cat\n",
    )
    _facts, records, bad = read_table(CSV, path)
    assert [record.path for record in records if record.path.endswith(".jpg")] == [
        *("b.jpg", "c.jpg", "e.jpg"),
    ]
    assert bad[0].line == 2
    assert "1000" in bad[0].reason
    assert len(bad[0].text) == 200
    assert "5000" in bad[1].reason


def test_a_quote_that_is_never_closed_loses_no_other_row(tmp_path: Path) -> None:
    rows = "".join(f"{i}.jpg,cat\n" for i in range(20_000))
    _facts, records, bad = read_table(CSV, table(tmp_path, f'path,class\n"x.jpg,cat\n{rows}'))
    assert len(records) == 20_000
    assert [item.line for item in bad] == [2]
    assert records[0].line == 3


def test_what_quotes_swallow_is_read_again_only_so_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "MAX_REREAD_CHARACTERS", 10)
    path = table(tmp_path, 'path,class\n"x.jpg,cat\na.jpg,cat\nb.jpg,cat\n')
    _facts, records, bad = read_table(CSV, path)
    assert records == []
    assert len(bad) == 1


@pytest.mark.parametrize("data", [b"", b"\n\n\n", b"\0\0\0\0", codecs.BOM_UTF16_LE])
def test_nothing_at_all(tmp_path: Path, data: bytes) -> None:
    path = table(tmp_path, data)
    with pytest.raises(InterchangeError, match="rows"):
        read_table(CSV, path)
    with pytest.raises(InterchangeError):
        CSV.options(path)
    assert detect(path) == []


def test_progress_ends_at_the_size_of_the_file_and_reading_can_be_cancelled(
    tmp_path: Path,
) -> None:
    path = table(tmp_path, "path,class\n" + "a.jpg,cat\n" * 100_000)
    seen: list[tuple[int, int]] = []
    assert CSV.read is not None
    reading = CSV.read(SourceFile(path, progress=lambda done, total: seen.append((done, total))))
    assert sum(1 for _item in reading.items) == 10
    size = path.stat().st_size
    assert seen[-1] == (size, size)
    assert [done for done, _total in seen] == sorted(done for done, _total in seen)

    stop = False
    reading = CSV.read(SourceFile(path, cancelled=lambda: stop))
    next(reading.items)
    stop = True
    with pytest.raises(InterchangeError, match="cancelled"):
        list(reading.items)


def test_a_long_table_of_ours_keeps_who_said_so(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "path;class;verdict;score;source\n"
        "a.jpg;cat;present;;user\n"
        "a.jpg;dog;;;reviewed\n"
        "a.jpg;fox;present;0.5;prediction\n"
        "a.jpg;elk;present;much;prediction\n"
        "b.jpg;;;;\n",
    )
    assert detect(path)[0].format is CSV_LONG
    _facts, records, bad = read_table(CSV_LONG, path)
    assert [item.line for item in bad] == [5]
    assert records == [
        ImageRecord(
            "a.jpg",
            (
                ClassRecord("cat", PRESENT, "present", Origin.HUMAN, source="user"),
                ClassRecord("dog", UNKNOWN, "", Origin.HUMAN, source="reviewed"),
                ClassRecord("fox", PRESENT, "present", Origin.MACHINE, 0.5, source="prediction"),
            ),
            line=2,
        ),
        ImageRecord("b.jpg", line=6),
    ]
