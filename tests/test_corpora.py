"""Every row of the registry: terms, counts, names, labels and folders; then the known spellings of each corpus."""

import csv
import re
import unicodedata

import pytest

from emolabs import corpora as registry
from emolabs.corpora import REGISTRY, harmonize, index

#: Clips and speakers as the corpora's publications state them; the embedded ones as this repository does.
PUBLISHED = {
    "ravdess": (1440, 24),
    "cremad": (7442, 91),
    "tess": (2800, 2),
    "savee": (480, 4),
    "emodb": (535, 10),
    "emosynth-en": (840, 10),
    "emosynth-de": (720, 10),
}

#: For every label of a corpus one file in the folder layout of its public copies: project path without the key,
#: speaker, sex, emotion.
TREES = {
    "ravdess": {
        f"Actor_{actor}/03-01-{code}-01-02-01-{actor}.wav": (f"03-01-{code}-01-02-01-{actor}", actor, sex, emotion)
        for code, actor, sex, emotion in [
            ("01", "01", "male", "neutral"),
            ("02", "02", "female", "calm"),
            ("03", "03", "male", "happiness"),
            ("04", "04", "female", "sadness"),
            ("05", "12", "female", "anger"),
            ("06", "23", "male", "fear"),
            ("07", "24", "female", "disgust"),
            ("08", "19", "male", "surprise"),
        ]
    },
    "cremad": {
        f"AudioWAV/{name}.wav": (name, name[:4], sex, emotion)
        for name, sex, emotion in [
            ("1001_DFA_ANG_XX", "male", "anger"),
            ("1002_IEO_DIS_LO", "female", "disgust"),
            ("1003_IEO_FEA_MD", "female", "fear"),
            ("1005_IEO_HAP_HI", "male", "happiness"),
            ("1091_WSI_NEU_XX", "female", "neutral"),
            ("1090_TSI_SAD_XX", "male", "sadness"),
        ]
    },
    "tess": {
        f"{folder}/{name}.wav": (name, name[:3], "female", emotion)
        for folder, name, emotion in [
            ("OAF_angry", "OAF_back_angry", "anger"),
            ("YAF_disgust", "YAF_back_disgust", "disgust"),
            ("OAF_Fear", "OAF_back_fear", "fear"),
            ("YAF_happy", "YAF_back_happy", "happiness"),
            ("OAF_neutral", "OAF_back_neutral", "neutral"),
            ("OAF_Pleasant_surprise", "OAF_back_ps", "surprise"),
            ("OAF_Sad", "OAF_back_sad", "sadness"),
        ]
    },
    "savee": {
        f"AudioData/{speaker}/{name}.wav": (f"{speaker}_{name}", speaker, "male", emotion)
        for speaker, name, emotion in [
            ("DC", "a01", "anger"),
            ("DC", "d15", "disgust"),
            ("JE", "f01", "fear"),
            ("JE", "h01", "happiness"),
            ("JK", "n30", "neutral"),
            ("KL", "sa01", "sadness"),
            ("KL", "su01", "surprise"),
        ]
    },
    "emodb": {
        f"wav/{name}.wav": (name, name[:2], sex, emotion)
        for name, sex, emotion in [
            ("03a01Wa", "male", "anger"),
            ("08a02La", "female", "boredom"),
            ("09a04Ea", "female", "disgust"),
            ("10b01Aa", "male", "fear"),
            ("16b10Fb", "female", "happiness"),
            ("11a05Ta", "male", "sadness"),
            ("14a07Nc", "female", "neutral"),
        ]
    },
    "emosynth-en": {
        f"en{i}_s1_{emotion}_1.wav": (f"en{i}_s1_{emotion}_1", f"en{i}", "female" if i % 2 else "male", emotion)
        for i, emotion in enumerate(["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"], 1)
    },
    "emosynth-de": {
        f"de{i}_s6_{emotion}_2.wav": (f"de{i}_s6_{emotion}_2", f"de{i}", "female" if i % 2 else "male", emotion)
        for i, emotion in enumerate(["anger", "disgust", "fear", "happiness", "neutral", "sadness"], 1)
    },
}
#: A name of each corpus that its rule must refuse.
FOREIGN = {
    "ravdess": ["03-02-01-01-01-01-01", "03-01-09-01-01-01-01", "03-01-01-02-01-01-01", "03-01-01-01-01-01-25"],
    "cremad": ["1092_DFA_ANG_XX", "1000_DFA_ANG_XX", "1001_ABC_ANG_XX", "1001_DFA_SUR_XX", "1001_DFA_ANG_XXX"],
    "tess": ["XAF_back_angry", "OAF_back_calm", "OAFA_back_angry", "OAF_angry"],
    "savee": ["a01", "XX/a01", "DC/s01", "DC/a16", "DC/n31", "DC/a00", "DC/a1"],
    "emodb": ["03a03Wa", "04a01Wa", "03a01Xa", "03a01W", "03a01WaX"],
    "emosynth-en": ["en11_s1_anger_1", "de1_s1_anger_1", "en1_s7_anger_1", "en1_s1_anger_3"],
    "emosynth-de": ["de11_s1_anger_1", "de1_s1_surprise_1", "en1_s1_anger_1"],
}


def test_every_corpus_of_the_registry_has_its_cases():
    assert set(REGISTRY) == set(PUBLISHED) == set(TREES) == set(FOREIGN)


@pytest.mark.parametrize("key", REGISTRY)
def test_a_corpus_says_what_it_is_and_on_which_terms(key):
    corpus = REGISTRY[key]
    assert corpus.key == key and corpus.language in ("en", "de")
    assert corpus.licence and corpus.obtain.endswith(".")
    assert re.search(r"\b(19|20)\d\d\b|this repository", corpus.citation)
    assert corpus.source.startswith(("https://", "http://", "python -m emolabs"))
    for archive in corpus.archives:
        assert archive.url.startswith("https://") and re.search(r"\.(zip|tar|tar\.\w+|tgz)$", archive.name)
        assert re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}|", archive.checksum)
    assert (sum(corpus.counts.values()), corpus.speakers) == PUBLISHED[key]
    assert corpus.clips == PUBLISHED[key][0]
    assert corpus.parse(corpus.layout.rsplit(".", 1)[0])


@pytest.mark.parametrize(("key", "terms"), [("tess", "ND"), ("savee", "registration")])
def test_a_corpus_whose_licence_does_not_let_clips_be_passed_on_is_not_for_listeners(key, terms):
    assert terms in REGISTRY[key].licence and not REGISTRY[key].may_share


@pytest.mark.parametrize("key", REGISTRY)
def test_a_corpus_in_its_public_layout_is_indexed_completely(raw, key):
    corpus = REGISTRY[key]
    for file in TREES[key]:
        raw.write(f"{key}/{file}")
    table, rejected = index.build([corpus], workers=1)
    assert rejected.empty and list(table.columns) == index.COLUMNS
    found = {
        row.file: (row.path, row.speaker, row.sex, row.emotion, row.corpus, row.language) for row in table.itertuples()
    }
    assert found == {
        f"{key}/{file}": (f"{key}/{name}", f"{key}/{speaker}", sex, emotion, key, corpus.language)
        for file, (name, speaker, sex, emotion) in TREES[key].items()
    }
    assert set(table.emotion) == set(corpus.counts)
    assert (table.text != "").all() and (table.source_emotion.map(harmonize) == table.emotion).all()


@pytest.mark.parametrize("key", REGISTRY)
def test_a_name_that_is_not_of_the_corpus_is_refused_by_name(key):
    for name in FOREIGN[key]:
        with pytest.raises(ValueError, match=f"unknown name: .*{re.escape(repr(name))}"):
            REGISTRY[key].parse(name)


@pytest.mark.parametrize(
    ("key", "folder"),
    [
        ("cremad", "CREMA-D"),
        ("cremad", "crema_d"),
        ("cremad", "Crema D"),
        ("ravdess", "Ravdess"),
        ("tess", "TESS"),
        ("savee", "Savee"),
        ("emodb", "Emo-DB"),
        ("emosynth-en", "emosynth_EN"),
    ],
)
def test_a_folder_is_found_in_other_spellings_and_the_project_path_stays(raw, key, folder):
    file, (name, *_) = next(iter(TREES[key].items()))
    raw.write(f"{folder}/{file}")
    table, _ = index.build([REGISTRY[key]], workers=1)
    assert list(table.path) == [f"{key}/{name}"]
    assert list(table.file) == [f"{folder}/{file}"]


def test_an_empty_folder_does_not_hide_another_spelling(raw):
    (raw.root / "CREMA-D").mkdir()
    raw.write("cremad/AudioWAV/1001_DFA_ANG_XX.wav")
    table, _ = index.build([REGISTRY["cremad"]], workers=1)
    assert list(table.path) == ["cremad/1001_DFA_ANG_XX"]


@pytest.mark.parametrize(
    ("key", "found", "canonical"),
    [
        ("tess", "OAF_neutral/OA_bite_neutral", "OAF_bite_neutral"),
        ("tess", "TESS Toronto emotional speech set data/oaf_Pleasant_surprise/OAF_back_ps", "OAF_back_ps"),
        ("tess", "YAF_pleasant_surprised/yaf_Back_PS", "YAF_back_ps"),
        ("cremad", "AudioWAV/1040_ITH_SAD_X", "1040_ITH_SAD_XX"),
        ("cremad", "1040_ITH_SAD_XX", "1040_ITH_SAD_XX"),
        ("ravdess", "audio_speech_actors_01-24/Actor_12/03-01-05-01-02-01-12", "03-01-05-01-02-01-12"),
        ("savee", "AudioData/DC/a01", "DC_a01"),
        ("savee", "ALL/DC_a01", "DC_a01"),
        ("savee", "DC_a01", "DC_a01"),
        ("emodb", "03a01Wa", "03a01Wa"),
    ],
)
def test_mirrors_and_misspellings_have_one_canonical_name(key, found, canonical):
    assert REGISTRY[key].parse(found).name == canonical


def test_a_misspelled_prefix_is_no_third_speaker():
    assert REGISTRY["tess"].parse("OA_bite_neutral").speaker == "OAF"


@pytest.mark.parametrize(
    ("name", "emotion"),
    [("DC/sa01", "sadness"), ("DC/su01", "surprise"), ("KL_sa15", "sadness"), ("KL_su15", "surprise")],
)
def test_savee_tells_sadness_from_surprise(name, emotion):
    assert harmonize(REGISTRY["savee"].parse(name).source_emotion) == emotion


def test_savee_keeps_speakers_apart_whose_file_names_are_equal():
    assert {REGISTRY["savee"].parse(f"{speaker}/a01").name for speaker in ("DC", "JE", "JK", "KL")} == {
        *("DC_a01", "JE_a01", "JK_a01", "KL_a01")
    }


def test_crema_d_has_43_women_and_48_men():
    sexes = [REGISTRY["cremad"].parse(f"{actor}_DFA_ANG_XX").sex for actor in range(1001, 1092)]
    assert (sexes.count("female"), sexes.count("male")) == (43, 48)


def test_calm_and_boredom_stay_labels_of_their_own():
    assert (harmonize("calm"), harmonize("boredom"), harmonize("ps"), harmonize("joy")) == (
        *("calm", "boredom", "surprise", "happiness"),
    )
    assert registry.labels() == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]


def test_a_label_without_a_row_is_a_sentence():
    with pytest.raises(ValueError, match=r"'awe' is in no row of params/emotions.yaml; add it to the emotion"):
        harmonize("awe")


def test_an_unknown_key_names_the_known_ones():
    with pytest.raises(ValueError, match="unknown corpus iemocap: expected keys out of ravdess, cremad, tess"):
        registry.get(["ravdess", "iemocap"])


@pytest.mark.parametrize("key", ["ravdess", "cremad", "tess", "emodb"])
def test_every_name_of_the_real_corpora_is_understood(corpora, key):
    corpus = REGISTRY[key]
    files = index.files(corpus)
    names = [unicodedata.normalize("NFC", file.split("/", 1)[1]).rsplit(".", 1)[0] for file in files]
    recordings = [corpus.parse(name) for name in names]
    emotions = [harmonize(recording.source_emotion) for recording in recordings]
    assert len(files) == PUBLISHED[key][0] == len({recording.name for recording in recordings})
    assert {emotion: emotions.count(emotion) for emotion in set(emotions)} == corpus.counts
    assert len({recording.speaker for recording in recordings}) == corpus.speakers


def test_sexes_agree_with_the_demographics_of_crema_d(corpora):
    with open(REGISTRY["cremad"].folder() / "VideoDemographics.csv", encoding="utf-8") as stream:
        published = {row["ActorID"]: row["Sex"].lower() for row in csv.DictReader(stream)}
    assert len(published) == 91
    assert {actor: REGISTRY["cremad"].parse(f"{actor}_DFA_ANG_XX").sex for actor in published} == published
