"""Every row of the registry: terms, counts, names, labels and folders; then the known spellings of each corpus."""

import csv
import itertools
import re
import unicodedata

import pytest

from emolabs import corpora as registry
from emolabs import paths
from emolabs.corpora import REGISTRY, emotions, harmonize, index

#: Clips and speakers as the corpora's publications state them; the embedded ones as this repository does.
PUBLISHED = {
    "ravdess": (1440, 24),
    "cremad": (7442, 91),
    "tess": (2800, 2),
    "savee": (480, 4),
    "emodb": (535, 10),
    "emovo": (588, 6),
    "iemocap": (10039, 10),
    "meld": (13706, 304),
    "esd": (35000, 20),
    "shemo": (3000, 87),
    "subesco": (7000, 20),
    "aesdd": (604, 6),
    "urdu": (400, 29),
    "nemo": (4481, 9),
    "cafe": (936, 12),
    "jl": (2400, 4),
    "emosynth-en": (840, 10),
    "emosynth-de": (720, 10),
}
#: Whose licence lets a listener be given the audio.
SHARED = {"ravdess", "cremad", "emodb", "subesco", "nemo", "cafe", "jl", "emosynth-en", "emosynth-de"}
#: Whose publication has no DOI.
WITHOUT_DOI = {"savee", "emovo", "emosynth-en", "emosynth-de"}

#: IEMOCAP: utterance, speaker, sex, emotion, label in the files beside the audio.
UTTERANCES = [
    ("Ses01F_impro01_F000", "Ses01F", "female", "neutral", "neu"),
    ("Ses01F_impro01_M000", "Ses01M", "male", "anger", "ang"),
    ("Ses02M_script01_1_F001", "Ses02F", "female", "sadness", "sad"),
    ("Ses03F_impro05b_M010", "Ses03M", "male", "happiness", "hap"),
    ("Ses03F_impro05b_M011", "Ses03M", "male", "excitement", "exc"),
    ("Ses04M_script02_2_M004", "Ses04M", "male", "frustration", "fru"),
    ("Ses04M_script02_2_F004", "Ses04F", "female", "surprise", "sur"),
    ("Ses05F_script01_1b_F020", "Ses05F", "female", "fear", "fea"),
    ("Ses05F_script01_1b_F021", "Ses05F", "female", "disgust", "dis"),
    ("Ses05F_script01_1b_M022", "Ses05M", "male", "other", "oth"),
    ("Ses05F_script01_1b_M023", "Ses05M", "male", "undecided", "xxx"),
]
#: MELD: folder, split, utterance, speaker, sex, emotion, label in the table of the split.
LINES = [
    ("train_splits", "train", "dia0_utt0", "Chandler", "male", "neutral", "neutral"),
    ("train_splits", "train", "dia0_utt1", "The Interviewer", "", "anger", "anger"),
    ("train_splits", "train", "dia3_utt0", "Phoebe", "female", "surprise", "surprise"),
    ("dev_splits_complete", "dev", "dia0_utt0", "Joey", "male", "happiness", "joy"),
    ("dev_splits_complete", "dev", "dia0_utt1", "Monica", "female", "disgust", "disgust"),
    ("output_repeated_splits_test", "test", "dia0_utt0", "Ross", "male", "fear", "fear"),
    ("output_repeated_splits_test", "test", "dia279_utt14", "Rachel", "female", "sadness", "sadness"),
]
SPLITS = ("train", "dev", "test")
#: The files beside the audio, for the recordings of `TREES`.
ANNOTATIONS = {
    "iemocap": {
        **{
            f"Session{dialogue[4]}/dialog/EmoEvaluation/{dialogue}.txt": "% [START_TIME - END_TIME] TURN_NAME\n\n"
            + "".join(
                f"[6.2901 - 8.2357]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]\nC-E2:\tNeutral;\t()\n\n"
                for name, *_, label in UTTERANCES
                if name[:-5] == dialogue
            )
            for dialogue in {name[:-5] for name, *_ in UTTERANCES}
        },
        **{
            f"Session{name[4]}/dialog/transcriptions/{name[:-5]}.txt": f"{name} [006.2901-008.2357]: Said in {name}.\n"
            for name, *_ in reversed(UTTERANCES)
        },
    },
    "meld": {
        f"{split}_sent_emo.csv": "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
        + "".join(
            f'{i},"Well, that is line {i}.",{speaker},{label},neutral,{name[3:].replace("_utt", ",")}\n'
            for i, (_, of, name, speaker, _, _, label) in enumerate(LINES)
            if of == split
        )
        for split in SPLITS
    },
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
    "emovo": {
        f"{name[4:6]}/{name}.wav": (name, name[4:6], "female" if name[4] == "f" else "male", emotion)
        for name, emotion in [
            ("dis-f1-b1", "disgust"),
            ("gio-f2-l4", "happiness"),
            ("neu-f3-n5", "neutral"),
            ("pau-m1-d2", "fear"),
            ("rab-m2-b3", "anger"),
            ("sor-m3-l1", "surprise"),
            ("tri-f1-n1", "sadness"),
        ]
    },
    "iemocap": {
        f"Session{name[4]}/sentences/wav/{name[:-5]}/{name}.wav": (name, speaker, sex, emotion)
        for name, speaker, sex, emotion, _ in UTTERANCES
    },
    "meld": {
        f"{folder}/{name}.wav": (f"{split}_{name}", speaker, sex, emotion)
        for folder, split, name, speaker, sex, emotion, _ in LINES
    },
    "esd": {
        f"{speaker}/{folder}/{speaker}_{number}.wav": (f"{speaker}_{number}", speaker, sex, emotion)
        for speaker, folder, number, sex, emotion in [
            ("0001", "Neutral", "000350", "female", "neutral"),
            ("0004", "Angry", "000351", "male", "anger"),
            ("0011", "Happy/train", "000701", "male", "happiness"),
            ("0015", "Sad/test", "001051", "female", "sadness"),
            ("0020", "Surprise/evaluation", "001750", "male", "surprise"),
        ]
    },
    "shemo": {
        f"{'female' if name[0] == 'F' else 'male'}/{name}.wav": (name, name[:3], sex, emotion)
        for name, sex, emotion in [
            ("F01A01", "female", "anger"),
            ("M56F02", "male", "fear"),
            ("F24H15", "female", "happiness"),
            ("M04N76", "male", "neutral"),
            ("F07S36", "female", "sadness"),
            ("F31W09", "female", "surprise"),
        ]
    },
    "subesco": {
        f"SUBESCO/{name}.wav": (name, name[:4], "female" if name[0] == "F" else "male", emotion)
        for name, emotion in [
            ("F_01_OISHI_S_10_ANGRY_1", "anger"),
            ("M_01_BASHIR_S_5_DISGUST_2", "disgust"),
            ("F_10_FAHMEE_S_1_FEAR_5", "fear"),
            ("M_10_EVAN_S_7_HAPPY_3", "happiness"),
            ("F_02_MONIKA_S_1_NEUTRAL_5", "neutral"),
            ("M_02_NIPUN_S_4_SAD_1", "sadness"),
            ("F_03_SMITA_S_5_SURPRISE_2", "surprise"),
        ]
    },
    "aesdd": {
        f"{emotion}/{file}.wav": (name, speaker, "", emotion)
        for file, name, speaker, emotion in [
            ("a06 (5)", "a06_5", "5", "anger"),
            ("a06 (5)b", "a06_5b", "5", "anger"),
            ("d03 (01)", "d03_1", "1", "disgust"),
            ("f20 (6)", "f20_6", "6", "fear"),
            ("h01 (2)", "h01_2", "2", "happiness"),
            ("s01 (5)a", "s01_5a", "5", "sadness"),
        ]
    },
    "urdu": {
        f"{folder}/{name}.wav": (name, speaker, sex, emotion)
        for folder, name, speaker, sex, emotion in [
            ("Angry", "SM4_F48_A0100", "SM4", "male", "anger"),
            ("Happy", "SF1_F10_H010", "SF1", "female", "happiness"),
            ("Neutral", "SM20_F1_N05", "SM20", "male", "neutral"),
            ("Sad", "SF11_F1_S03", "SF11", "female", "sadness"),
        ]
    },
    "nemo": {
        f"samples/{name}.wav": (name, name[:3], sex, emotion)
        for name, sex, emotion in [
            ("EB0_anger_1", "female", "anger"),
            ("WR0_fear_58", "male", "fear"),
            ("IC0_happiness_42", "female", "happiness"),
            ("SM0_neutral_86", "male", "neutral"),
            ("KD0_sadness_65", "female", "sadness"),
            ("KS0_surprised_90", "male", "surprise"),
        ]
    },
    "cafe": {
        f"CaFE_48k/{folder}/{name}.wav": (name, name[:2], sex, emotion)
        for folder, name, sex, emotion in [
            ("Colère/Faible", "01-C-1-1", "male", "anger"),
            ("Dégoût/Fort", "02-D-2-2", "female", "disgust"),
            ("Joie/Faible", "03-J-1-3", "male", "happiness"),
            ("Neutre", "12-N-1-6", "female", "neutral"),
            ("Peur/Fort", "05-P-2-4", "male", "fear"),
            ("Surprise/Fort", "10-S-2-5", "female", "surprise"),
            ("Tristesse/Faible", "11-T-1-6", "male", "sadness"),
        ]
    },
    "jl": {
        f"Raw JL corpus (unchecked and unannotated)/JL(wav+txt)/{name}.wav": (name, name.split("_")[0], sex, emotion)
        for name, sex, emotion in [
            ("male1_angry_1a_1", "male", "anger"),
            ("female1_excited_14b_1", "female", "excitement"),
            ("male2_happy_7b_2", "male", "happiness"),
            ("female2_neutral_15b_2", "female", "neutral"),
            ("male1_sad_10a_1", "male", "sadness"),
            ("female1_anxious_4b_1", "female", "anxiety"),
            ("female1_apologetic_8a_2", "female", "apology"),
            ("male2_assertive_7a_1", "male", "assertiveness"),
            ("female2_concerned_3a_1", "female", "concern"),
            ("male1_encouraging_12b_2", "male", "encouragement"),
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
    "emovo": ["dis-f4-b1", "dis-f1-b4", "dis-f1-d3", "fea-f1-b1", "dis_f1_b1", "dis-f1-b1b"],
    "iemocap": ["Ses06F_impro01_F000", "Ses01F_impro01_FXX0", "Ses01F_impro01", "Ses01F_talk01_F000"],
    "meld": ["dia0_utt0", "latest/dia0_utt0", "train_splits/final_videos_testdia0_utt0", "train_splits/dia0"],
    "esd": ["0021_000001", "0000_000001", "0011_001751", "0011_000000", "0011_1"],
    "shemo": ["F32A01", "M57A01", "F01B01", "X01A01", "F01A1"],
    "subesco": ["F_11_OISHI_S_1_SAD_1", "F_01_OISHI_S_11_SAD_1", "F_01_OISHI_S_1_CALM_1", "F_01_OISHI_S_1_SAD_6"],
    "aesdd": ["n01 (1)", "a21 (1)", "a01 (7)", "a01", "a01 (1)c"],
    "urdu": ["SX1_F1_A01", "SM1_F1_D01", "SM1_A01", "SM1_F1_A1"],
    "nemo": ["XX0_anger_1", "EB0_disgust_1", "EB0_anger_91", "EB0_anger_0"],
    "cafe": ["13-C-1-1", "01-X-1-1", "01-C-3-1", "01-C-1-7", "01-N-2-1"],
    "jl": ["male3_angry_1a_1", "male1_bored_1a_1", "male1_angry_16a_1", "male1_angry_1c_1", "male1_angry_1a_3"],
    "emosynth-en": ["en11_s1_anger_1", "de1_s1_anger_1", "en1_s7_anger_1", "en1_s1_anger_3"],
    "emosynth-de": ["de11_s1_anger_1", "de1_s1_surprise_1", "en1_s1_anger_1"],
}


def mirror(key: str, file: str) -> str:
    """The file where a copy without the publisher's folders has it."""
    *folders, name = file.split("/")
    if key == "savee":
        return f"ALL/{folders[-1]}_{name}"
    if key == "meld":
        return "wav/" + next(f"{split}_{name}" for split in SPLITS if split in folders[-1])
    return f"A copy, 2nd edition/{name}"


def annotate(raw, key: str, *, under: str = "") -> None:
    """Write the files beside the audio."""
    for file, text in ANNOTATIONS.get(key, {}).items():
        path = raw.root / key / under / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_every_corpus_of_the_registry_has_its_cases():
    assert set(REGISTRY) == set(PUBLISHED) == set(TREES) == set(FOREIGN)
    assert {key for key, corpus in REGISTRY.items() if corpus.annotate} == set(ANNOTATIONS)


@pytest.mark.parametrize("key", REGISTRY)
def test_a_corpus_says_what_it_is_and_on_which_terms(key):
    corpus = REGISTRY[key]
    assert corpus.key == key and all(re.fullmatch("[a-z]{2}", language) for language in corpus.language.split(", "))
    assert corpus.licence and corpus.obtain.endswith(".")
    assert re.search(r"\b(19|20)\d\d\b|this repository", corpus.citation)
    assert ("doi 10." in corpus.citation) == (key not in WITHOUT_DOI)
    assert corpus.source.startswith(("https://", "http://", "python -m emolabs"))
    for archive in corpus.archives:
        assert archive.url.startswith("https://") and re.search(r"\.(zip|tar|tar\.\w+|tgz)$", archive.name)
        assert re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}|", archive.checksum)
    embedded = key.startswith("emosynth")
    assert bool(corpus.by_hand) == (not corpus.archives and not embedded) and not corpus.by_hand.endswith(".")
    assert f"fetches it: {corpus.by_hand}. Source" in corpus.instructions() or not corpus.by_hand
    assert (sum(corpus.counts.values()), corpus.speakers) == PUBLISHED[key]
    assert corpus.clips == PUBLISHED[key][0] and set(corpus.counts) <= set(emotions())
    assert corpus.may_share == (key in SHARED)
    assert corpus.layout in TREES[key] if corpus.annotate else corpus.parse(corpus.layout.rsplit(".", 1)[0])


@pytest.mark.parametrize("key", REGISTRY)
def test_the_page_about_raw_recordings_has_the_row_of_the_corpus(key):
    corpus = REGISTRY[key]
    where = f"[{corpus.source}]({corpus.source})" if corpus.source.startswith("http") else f"`{corpus.source}`"
    row = f"| {corpus.name} | `{key}/{corpus.layout}` | {corpus.clips:,} | {corpus.licence} | {where} |"
    assert row in (paths.ROOT / "data/raw/README.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("layout", ["published", "mirror"])
@pytest.mark.parametrize("key", REGISTRY)
def test_a_corpus_is_indexed_completely_in_the_publishers_layout_and_in_a_mirrors(raw, key, layout):
    corpus = REGISTRY[key]
    files = {file if layout == "published" else mirror(key, file): said for file, said in TREES[key].items()}
    for file in files:
        raw.write(f"{key}/{file}")
    annotate(raw, key, under="" if layout == "published" else "labels")
    table, rejected = index.build([corpus], workers=1)
    assert rejected.empty and list(table.columns) == index.COLUMNS
    found = {row.file: (row.path, row.speaker, row.sex, row.emotion, row.corpus) for row in table.itertuples()}
    assert found == {
        f"{key}/{file}": (f"{key}/{name}", f"{key}/{speaker}", sex, emotion, key)
        for file, (name, speaker, sex, emotion) in files.items()
    }
    assert set(table.emotion) == set(corpus.counts) and set(table.language) == set(corpus.language.split(", "))
    assert set(table.source_emotion) == set(corpus.own_labels)
    assert (table.text != "").all() and (table.source_emotion.map(harmonize) == table.emotion).all()


@pytest.mark.parametrize("key", REGISTRY)
def test_a_name_that_is_not_of_the_corpus_is_refused_by_name(key):
    annotations = {"annotations": {}} if REGISTRY[key].annotate else {}
    for name in FOREIGN[key]:
        with pytest.raises(ValueError, match=f"unknown name: .*{re.escape(repr(name))}"):
            REGISTRY[key].parse(name, **annotations)


#: Every name that a published rule makes, for corpora that are complete in all combinations.
RULES = {
    "emovo": [
        f"{emotion}-{sex}{actor}-{sentence}"
        for emotion in ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
        for sex, actor in itertools.product("fm", "123")
        for sentence in ["b1", "b2", "b3", "d1", "d2", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5"]
    ],
    "esd": [f"{speaker:04d}_{number:06d}" for speaker in range(1, 21) for number in range(1, 1751)],
    "subesco": [
        f"{sex}_{actor:02d}_NAME_S_{sentence}_{emotion}_{take}"
        for sex, actor, sentence in itertools.product("FM", range(1, 11), range(1, 11))
        for emotion in ("ANGRY", "DISGUST", "FEAR", "HAPPY", "NEUTRAL", "SAD", "SURPRISE")
        for take in range(1, 6)
    ],
    "cafe": [
        f"{actor:02d}-{emotion}-{intensity}-{sentence}"
        for actor, emotion, sentence in itertools.product(range(1, 13), "CDJNPST", range(1, 7))
        for intensity in ("1" if emotion == "N" else "12")
    ],
    "jl": [
        f"{sex}{number}_{emotion}_{sentence}{half}_{take}"
        for sex, number, half, take in itertools.product(("female", "male"), "12", "ab", "12")
        for emotion in [
            *("angry", "excited", "happy", "neutral", "sad"),
            *("anxious", "apologetic", "assertive", "concerned", "encouraging"),
        ]
        for sentence in range(1, 16)
    ],
}


@pytest.mark.parametrize("key", RULES)
def test_the_published_rule_makes_as_many_names_as_are_published(key):
    recordings = [REGISTRY[key].parse(name) for name in RULES[key]]
    found = [harmonize(recording.source_emotion) for recording in recordings]
    assert len({recording.name for recording in recordings}) == len(RULES[key]) == PUBLISHED[key][0]
    assert {emotion: found.count(emotion) for emotion in set(found)} == REGISTRY[key].counts
    speakers = {(recording.speaker, recording.sex) for recording in recordings}
    assert len(speakers) == len({speaker for speaker, _ in speakers}) == PUBLISHED[key][1]
    assert sum(sex == "female" for _, sex in speakers) == PUBLISHED[key][1] / 2


def test_esd_has_ten_speakers_of_either_language_who_say_the_same_sentences_in_every_emotion():
    recordings = [REGISTRY["esd"].parse(name) for name in RULES["esd"]]
    for language in ("zh", "en"):
        spoken = [r for r in recordings if r.language == language]
        assert len({r.speaker for r in spoken}) == 10 and len({r.speaker for r in spoken if r.sex == "male"}) == 5
        assert (
            len({(r.speaker, r.text, r.source_emotion) for r in spoken}) == 17_500 == 50 * len({r.text for r in spoken})
        )


def test_a_folder_that_contradicts_the_number_is_refused_and_not_believed():
    with pytest.raises(
        ValueError, match="contradictory name: expected Angry by its number, found '0011/Happy/0011_00035"
    ):
        REGISTRY["esd"].parse("0011/Happy/0011_000351")


def test_an_improvised_sentence_is_the_same_for_nobody_else():
    texts = [REGISTRY["aesdd"].parse(name).text for name in ("a20 (1)", "f20 (1)", "a20 (2)", "a19 (1)", "a19 (2)")]
    assert texts == ["20_1", "20_1", "20_2", "19", "19"]


def test_wording_and_labels_come_from_the_files_beside_the_audio(raw):
    for key in ANNOTATIONS:
        annotate(raw, key)
        for file in TREES[key]:
            raw.write(f"{key}/{file}")
    table, _ = index.build([REGISTRY["iemocap"], REGISTRY["meld"]], workers=1)
    rows = table.set_index("path")
    assert rows.text["meld/train_dia0_utt0"] == "Well, that is line 0."
    assert rows.text["iemocap/Ses01F_impro01_F000"] == "Said in Ses01F_impro01_F000."
    assert rows.text["iemocap/Ses01F_impro01_M000"] == "Ses01F_impro01_M000"  # whose wording is missing
    assert rows.source_emotion["iemocap/Ses05F_script01_1b_M023"] == "no agreement"
    assert rows.emotion["iemocap/Ses03F_impro05b_M011"] == "excitement" not in registry.labels()


def test_a_recording_without_a_label_is_rejected_by_name_and_the_others_stay(raw):
    annotate(raw, "iemocap")
    annotate(raw, "meld")
    for file in ("iemocap/Ses01F_impro01_F000.wav", "iemocap/Ses01F_impro01_F001.wav", "meld/test/dia0_utt0.wav"):
        raw.write(file)
    raw.write("meld/test/dia0_utt9.wav")
    table, rejected = index.build([REGISTRY["iemocap"], REGISTRY["meld"]], workers=1)
    assert list(table.path) == ["iemocap/Ses01F_impro01_F000", "meld/test_dia0_utt0"]
    assert list(rejected.reason) == [
        "no label: expected a line for 'Ses01F_impro01_F001' in EmoEvaluation/Ses01F_impro01.txt, found none",
        "no label: expected a row for 'test_dia0_utt9' in test_sent_emo.csv, found none",
    ]


@pytest.mark.parametrize(
    ("key", "file", "content", "sentence"),
    [
        (
            *("iemocap", "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", b"\x00\xff\xfe"),
            "{file} is damaged: expected text in UTF-8, found other bytes; save it so, or copy it anew",
        ),
        (
            *("iemocap", "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", b"<html>Not found</html>"),
            "{file} is damaged: expected lines such as «[6.29 - 8.24] <utterance> neu [2.5, 2.5, 2.5]», found none; "
            "copy the file anew",
        ),
        (
            *("iemocap", "Session1/dialog/transcriptions/Ses01F_impro01.txt", b""),
            "{file} is damaged: expected lines such as «<utterance> [006.29-008.24]: …», found none; copy the file "
            "anew",
        ),
        (
            *("meld", "dev_sent_emo.csv", b"Utterance,Speaker,Dialogue_ID,Utterance_ID\nHi,Joey,0,0\n"),
            "{file} is damaged, copy it anew:\n  row 1: expected the columns Utterance, Speaker, Emotion, Dialogue_ID, "
            "Utterance_ID; found Utterance, Speaker, Dialogue_ID, Utterance_ID without Emotion",
        ),
        (
            *(
                "meld",
                "dev_sent_emo.csv",
                b"Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\nHi,Joey,joy,0,0\nHi,Jo\n",
            ),
            "{file} is damaged, copy it anew:\n  row 3: expected 5 fields as in the header, found 2",
        ),
        (
            *("meld", "dev_sent_emo.csv", b""),
            "{file} is damaged, copy it anew:\n  row 1: expected the columns Utterance, Speaker, Emotion, Dialogue_ID, "
            "Utterance_ID; found nothing without Utterance, Speaker, Emotion, Dialogue_ID, Utterance_ID",
        ),
    ],
)
def test_damaged_annotations_are_a_sentence_that_names_the_file(raw, key, file, content, sentence):
    annotate(raw, key)
    raw.write(f"{key}/{next(iter(TREES[key]))}")
    damaged = raw.root / key / file
    damaged.write_bytes(content)
    with pytest.raises(ValueError) as error:
        index.build([REGISTRY[key]], workers=1)
    assert str(error.value) == sentence.format(file=damaged)


def test_missing_annotations_are_a_sentence_that_says_what_and_where(raw):
    annotate(raw, "meld")
    raw.write("meld/train_splits/dia0_utt0.wav")
    (raw.root / "meld" / "dev_sent_emo.csv").unlink()
    (raw.root / "meld" / "test_sent_emo.csv").unlink()
    with pytest.raises(FileNotFoundError) as error:
        index.build([REGISTRY["meld"]], workers=1)
    assert str(error.value) == (
        "MELD lacks its annotations: expected dev_sent_emo.csv and test_sent_emo.csv beside the audio, found none "
        f"under {raw.root}/meld. Download the raw data, unpack them there and save the sound of each .mp4 as .wav "
        "beside it. No command fetches it: it is published as video, whose sound you have to save. "
        "Source: https://affective-meld.github.io/."
    )


def test_an_unknown_label_beside_the_audio_rejects_its_recording(raw):
    annotate(raw, "meld")
    raw.write("meld/train_splits/dia0_utt0.wav")
    table = raw.root / "meld" / "train_sent_emo.csv"
    table.write_text(table.read_text().replace(",neutral,neutral", ",bored,neutral"))
    _, rejected = index.build([REGISTRY["meld"]], workers=1)
    assert rejected.reason[0].startswith("the label 'bored' is in no row of params/emotions.yaml")


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
        ("jl", "JL-Corpus"),
        ("nemo", "nEMO"),
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
        ("aesdd", "Acted Emotional Speech Dynamic Database/fear/f10 (01)", "f10_1"),
        ("aesdd", "f10_(1)", "f10_1"),
        ("esd", "Emotion Speech Dataset/0011/Angry/evaluation/0011_000351", "0011_000351"),
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


def test_calm_boredom_and_excitement_stay_labels_of_their_own():
    assert (harmonize("calm"), harmonize("boredom"), harmonize("ps"), harmonize("joy")) == (
        *("calm", "boredom", "surprise", "happiness"),
    )
    assert harmonize("excited") == "excitement" and harmonize("no agreement") == "undecided"
    assert len(emotions()) == 18 and set(registry.labels()) < set(emotions())
    assert registry.labels() == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]


def test_a_label_without_a_row_is_a_sentence():
    with pytest.raises(ValueError, match=r"'awe' is in no row of params/emotions.yaml; add it to the emotion"):
        harmonize("awe")


def test_an_unknown_key_names_the_known_ones():
    with pytest.raises(
        ValueError, match="unknown corpus mosei: expected keys out of ravdess, cremad, .*, or of a folder"
    ):
        registry.get(["ravdess", "mosei"])


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
    with open(REGISTRY["cremad"].folders()[0] / "VideoDemographics.csv", encoding="utf-8") as stream:
        published = {row["ActorID"]: row["Sex"].lower() for row in csv.DictReader(stream)}
    assert len(published) == 91
    assert {actor: REGISTRY["cremad"].parse(f"{actor}_DFA_ANG_XX").sex for actor in published} == published
