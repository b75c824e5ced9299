"""A corpus of one's own, without code: what it becomes, and every sentence that says what is wrong with it."""

import unicodedata

import pytest
import yaml

from emolabs import corpora, paths, reporting
from emolabs.corpora import index

FACTS = {
    "key": "mine",
    "name": "My corpus",
    "language": "en",
    "licence": "CC BY 4.0",
    "citation": "Me 2024",
    "source": "https://example.org/mine",
    "may_share": False,
}
HEADER = "file,speaker,emotion,sex,text,intensity,language"
ROWS = [
    "anna/01.wav,anna,furious,female,It is raining.,high,",
    "anna/02.wav,anna,Happy,female,,,",
    "ben/01.flac,ben,awe,male,Es regnet.,,de",
]
EMOTIONS = {"Furious": "anger", "awe": "other"}
DESCRIBED = FACTS | {"emotions": EMOTIONS}
TABLE = "\n".join([HEADER, *ROWS])


@pytest.fixture
def mine(raw):
    """Writes the corpus `mine`: its recordings, its description and its table, whole or changed."""

    def write(*, facts=DESCRIBED, table=TABLE, folder="mine", name="clips.csv"):
        for file in ("anna/01.wav", "anna/02.wav"):
            raw.write(f"{folder}/{file}")
        raw.write(f"{folder}/ben/01.flac", format="FLAC")
        text = facts if isinstance(facts, str) else yaml.safe_dump(facts, allow_unicode=True)
        (raw.root / folder / "corpus.yaml").write_text(text, encoding="utf-8")
        (raw.root / folder / name).write_text(table, encoding="utf-8")
        return raw.root / folder

    return write


def problems(*, of: str = "mine") -> list[str]:
    """The lines of the message that the corpus is answered with, below the first."""
    with pytest.raises(ValueError) as error:
        corpora.get([of])
    first, *lines = str(error.value).splitlines()
    assert first == f"the corpus in {paths.raw(of) / of} is not described well:"
    return [line.strip() for line in lines]


def test_a_folder_with_a_description_is_a_corpus_like_any_other(mine):
    mine()
    (corpus,) = corpora.get(["mine"])
    assert (corpus.name, corpus.licence, corpus.may_share, corpus.speakers) == ("My corpus", "CC BY 4.0", False, 2)
    assert corpus.counts == {"anger": 1, "happiness": 1, "other": 1} and corpus.clips == 3
    table, rejected = index.build([corpus], workers=1)
    assert rejected.empty
    columns = ["path", "file", "corpus", "speaker", "sex", "language", "text", "intensity", "emotion", "source_emotion"]
    assert table[columns].to_numpy().tolist() == [
        [
            *("mine/anna/01", "mine/anna/01.wav", "mine", "mine/anna", "female", "en"),
            *("It is raining.", "high", "anger", "furious"),
        ],
        [
            *("mine/anna/02", "mine/anna/02.wav", "mine", "mine/anna", "female", "en"),
            *("anna/02", "", "happiness", "Happy"),
        ],
        [
            *("mine/ben/01", "mine/ben/01.flac", "mine", "mine/ben", "male", "de"),
            *("Es regnet.", "", "other", "awe"),
        ],
    ]
    assert reporting.describe(["mine"], opus=False) == "mine"


def test_it_goes_with_published_corpora_and_its_folder_may_be_spelled_otherwise(mine, raw):
    mine(folder="Mine")
    raw.write("savee/DC_a01.wav")
    table, _ = index.build(corpora.get(["savee", "mine"]), workers=1)
    assert table.corpus.value_counts().to_dict() == {"mine": 3, "savee": 1}


def test_three_columns_are_enough_and_another_name_of_the_table_will_do(mine):
    rows = "file,speaker,emotion\nanna/01.wav,anna,angry\nanna/02.wav,anna,sad\nben/01.flac,ben,sad\n\n"
    mine(facts=FACTS | {"table": "list.csv"}, table=rows, name="list.csv")
    table, _ = index.build(corpora.get(["mine"]), workers=1)
    assert list(table.sex) == ["", "", ""] and list(table.text) == ["anna/01", "anna/02", "ben/01"]


def test_files_and_rows_are_matched_in_either_form_of_unicode_and_with_either_slash(mine, raw):
    mine(table=f"{HEADER}\nJürgen\\01.wav,j,sad,,,,\n")
    raw.write(unicodedata.normalize("NFD", "mine/Jürgen/01.wav"))
    table, rejected = index.build(corpora.get(["mine"]), workers=1)
    assert list(table.path) == ["mine/Jürgen/01"] and len(rejected) == 3


def test_a_recording_that_the_table_lacks_is_rejected_with_a_reason(mine):
    mine(table="\n".join([HEADER, *ROWS[:2]]))
    table, rejected = index.build(corpora.get(["mine"]), workers=1)
    assert list(table.path) == ["mine/anna/01", "mine/anna/02"] and list(rejected.file) == ["mine/ben/01.flac"]
    assert rejected.reason[0] == "no row: expected one for 'ben/01' in clips.csv; add it, or remove the file"


def test_everything_that_is_wrong_is_said_at_once_by_row_and_column(mine, raw):
    raw.write("mine/anna/01.flac", format="FLAC")
    rows = [
        "anna/01.wav,anna,rage,f,,,",  # 2
        "anna/02.wav,,happy,female,,,english",  # 3
        "../ravdess/03.wav,ben,sad,male,,,",  # 4
        "anna/03.wav,ben,,male,,,",  # 5
        "anna/01.flac,ben,sad,female,,,",  # 6
        "notes.txt,ben,sad,male,,,",  # 7
        "ben/01.flac,ben,sad",  # 8
        ",ben,sad,male,,,",  # 9
        "C:\\clips\\01.wav,ben,sad,male,,,",  # 10
        "/clips/01.wav,ben,sad,male,,,",  # 11
        "anna/02.wav,anna,happy,f,,,",  # 12
    ]
    mine(facts=FACTS | {"language": "English", "licence": ""}, table="\n".join([HEADER, *rows]))
    out = "leads out of the folder; expected a path from the folder of the corpus"
    same = "has the same project path as"
    assert problems() == [
        "corpus.yaml, licence: it is missing",
        "corpus.yaml, language: expected two or three letters of ISO 639 such as en, found 'English'",
        "clips.csv, row 8: expected 7 fields as in the header, found 3",
        "clips.csv, row 2, emotion: rage is not known; say under emotions in corpus.yaml what it means",
        "clips.csv, row 2, sex: expected female, male or nothing, found f",
        "clips.csv, row 3, speaker: it is empty",
        "clips.csv, row 3, language: expected two or three letters of ISO 639 such as en, found english",
        f"clips.csv, row 4, file: ../ravdess/03.wav {out}",
        "clips.csv, row 5, emotion: it is empty",
        "clips.csv, row 5, file: there is no anna/03.wav in the folder",
        f"clips.csv, row 6, file: anna/01.flac {same} anna/01.wav in row 2; keep one of the two rows",
        "clips.csv, row 6, sex: ben is female, but male in row 4",
        "clips.csv, row 7, file: expected an ending out of .aif .aiff .flac .mp3 .ogg .opus .wav, found notes.txt",
        "clips.csv, row 9, file: it is empty",
        f"clips.csv, row 10, file: C:/clips/01.wav {out}",
        f"clips.csv, row 11, file: /clips/01.wav {out}",
        "clips.csv, row 12, sex: expected female, male or nothing, found f",
        f"clips.csv, row 12, file: anna/02.wav {same} anna/02.wav in row 3; keep one of the two rows",
    ]


@pytest.mark.parametrize(
    ("changed", "sentences"),
    [
        (
            {"key": "tess", "name": "TESS"},
            [
                "corpus.yaml, key: expected the name of the folder, mine, found tess",
                "corpus.yaml, key: tess belongs to TESS; choose another, and name the folder like the key",
                "corpus.yaml, name: TESS belongs to TESS; choose another, and name the folder like the key",
            ],
        ),
        (
            {"name": "Emosynth"},
            [
                "corpus.yaml, name: Emosynth belongs to the embedded corpora; choose another, and name the folder like "
                "the key"
            ],
        ),
        (
            {"key": "Mine/1"},
            ["corpus.yaml, key: expected small letters, digits and single hyphens, found 'Mine/1'"],
        ),
        ({"key": 7}, ["corpus.yaml, key: expected str, found the int 7; put it in quotes"]),
        ({"language": False}, ["corpus.yaml, language: expected str, found the truth value False; put it in quotes"]),
        ({"may_share": "no"}, ["corpus.yaml, may_share: expected bool, found the text 'no'"]),
        ({"may_share": None}, ["corpus.yaml, may_share: it is missing"]),
        ({"license": "MIT"}, ["corpus.yaml, license: there is no such field; did you mean licence?"]),
        (
            {"table": "../clips.csv"},
            ["corpus.yaml, table: expected the name of a file in the folder, found '../clips.csv'"],
        ),
        ({"emotions": ["anger"]}, ["corpus.yaml, emotions: expected lines such as «furious: anger», found ['anger']"]),
        (
            {"emotions": EMOTIONS | {"awe": "wonder"}},
            [
                "corpus.yaml, emotions: awe cannot mean wonder; expected one of anger, anxiety, apology, "
                "assertiveness, boredom, calm, concern, disgust, encouragement, excitement, fear, frustration, "
                "happiness, neutral, other, sadness, surprise, undecided",
            ],
        ),
    ],
)
def test_a_description_that_does_not_fit_is_answered_by_field(mine, changed, sentences):
    mine(facts=DESCRIBED | changed)
    found = problems()
    assert [sentence for sentence in found if sentence.startswith("corpus.yaml")] == sentences


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- key: mine\n", "corpus.yaml: expected lines such as «key: mine», found [{'key': 'mine'}]"),
        ("", "corpus.yaml: expected lines such as «key: mine», found None"),
        ("key: [mine\n", "corpus.yaml: expected YAML; while parsing a flow sequence"),
    ],
)
def test_a_description_that_is_no_mapping_is_a_sentence(mine, text, sentence):
    mine(facts=text)
    assert problems()[0].startswith(sentence)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            "file;speaker;emotion\nanna/01.wav;anna;sad",
            "row 1: expected the columns file, speaker, emotion; found file;speaker;emotion without file, speaker, "
            "emotion",
        ),
        (
            "file,emotion\nanna/01.wav,sad",
            "row 1: expected the columns file, speaker, emotion; found file, emotion without speaker",
        ),
        ("", "row 1: expected the columns file, speaker, emotion; found nothing without file, speaker, emotion"),
        (HEADER, "row 2: expected a recording, found no more rows"),
        ("file,speaker,emotion,sex,sex\nanna/01.wav,anna,sad,,", "row 1: the column sex is there twice"),
        ("file,speaker,emotion,sexe\nanna/01.wav,anna,sad,", "row 1: sexe: there is no such column; did you mean sex?"),
    ],
)
def test_a_table_that_does_not_fit_is_answered_by_row(mine, table, sentence):
    mine(table=table)
    assert problems() == [f"clips.csv, {sentence}"]


def test_a_table_that_is_not_there_is_a_sentence(mine):
    (mine() / "clips.csv").unlink()
    assert problems() == [
        "clips.csv, row 1: expected the columns file, speaker, emotion, found no such file in the folder"
    ]


@pytest.mark.parametrize("file", ["corpus.yaml", "clips.csv"])
def test_bytes_that_are_no_text_are_a_sentence(mine, file):
    path = mine() / file
    path.write_bytes("Jürgen".encode("latin-1"))
    with pytest.raises(ValueError) as error:
        corpora.get(["mine"])
    assert (
        str(error.value) == f"{path} is damaged: expected text in UTF-8, found other bytes; save it so, or copy it anew"
    )


def test_a_thousand_problems_are_not_a_thousand_lines(mine):
    mine(table="\n".join([HEADER, *(f"anna/{i}.wav,anna,sad,female,,," for i in range(1000))]))
    found = problems()
    assert len(found) == 51 and found[-1] == "and 950 more"


def test_a_published_corpus_is_not_replaced_in_silence(mine):
    mine(folder="tess", facts=DESCRIBED | {"key": "tess"})
    assert problems(of="tess") == [
        "corpus.yaml, key: tess belongs to TESS; choose another, and name the folder like the key"
    ]


def test_a_key_is_asked_for_as_it_is_written(mine, raw):
    mine(folder="My-corpus", facts=DESCRIBED | {"key": "my-corpus", "name": "Ours"})
    assert corpora.get(["my-corpus"])[0].key == "my-corpus"
    with pytest.raises(ValueError) as error:
        corpora.get(["mycorpus"])
    assert (
        str(error.value) == f"the corpus in {raw.root / 'My-corpus'} has the key my-corpus, not mycorpus: ask for it so"
    )


def test_two_folders_of_one_key_are_not_mixed(mine, raw):
    mine()
    mine(folder="MINE")
    with pytest.raises(ValueError) as error:
        corpora.get(["mine"])
    assert str(error.value) == (
        f"expected one folder with a corpus.yaml for mine, found {raw.root / 'MINE'}, {raw.root / 'mine'}"
    )


def test_an_unknown_key_says_where_a_description_would_be_looked_for(raw):
    with pytest.raises(
        ValueError, match="unknown corpus mine: expected keys out of .*, or of a folder with a corpus.yaml"
    ):
        corpora.get(["mine"])


def test_the_example_of_the_page_about_raw_recordings_works(raw):
    page = (paths.ROOT / "data/raw/README.md").read_text(encoding="utf-8")
    for file in ("anna/01.wav", "ben/01.wav"):
        raw.write(f"mine/{file}")
    for kind, name in (("yaml", "corpus.yaml"), ("csv", "clips.csv")):
        (raw.root / "mine" / name).write_text(page.split(f"```{kind}\n")[1].split("```")[0], encoding="utf-8")
    table, rejected = index.build(corpora.get(["mine"]), workers=1)
    assert list(table.emotion) == ["anger", "neutral"] and rejected.empty
