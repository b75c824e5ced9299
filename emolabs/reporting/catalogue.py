"""The catalogue of figures, tables and numbers: what is not a row here is not written.

The tens digit of an id is the stage of the framework and the number is that of the notebook which makes the item. A
figure and a table may share an id, since their files end differently.
"""

import re
from dataclasses import dataclass

#: What a row can be, and what `save` expects for it.
KINDS = {
    "figure": "a matplotlib Figure",
    "table": "a pandas DataFrame",
    "data": "a pandas DataFrame that is written as CSV alone",
    "numbers": "a dictionary for save_numbers",
}


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue: file name without its ending, kind (a key of `KINDS`) and one-line title."""

    id: str
    kind: str
    title: str


#: Adding a figure or a table is adding a row.
CATALOGUE = (
    Entry("10_counts", "figure", "Clips per corpus and emotion"),
    Entry("10_durations", "figure", "Durations of the clips per corpus"),
    Entry("10_corpora", "table", "The corpora: clips, speakers, labels and formats"),
    Entry("10_rejected", "table", "Files that the index refuses, by reason"),
    Entry("11_partition", "figure", "Clips per fold and side of a partition"),
    Entry("11_overlap", "figure", "Speakers and texts on both sides of each partition"),
    Entry("11_overlap", "table", "Speakers, texts and recordings on both sides of each partition"),
    Entry("11_composition", "figure", "Emotions, corpora and sexes that each fold trains on and evaluates"),
    Entry("11_composition", "table", "Clips per protocol, side, corpus, sex and emotion"),
    Entry("11_conflicts", "table", "Recordings that exist with different labels"),
    Entry("12_normalization", "figure", "One utterance before and after normalization"),
    Entry("12_loudness", "figure", "Loudness of the corpora before and after normalization"),
    Entry("12_loudness", "table", "Loudness, peaks, trimming and cropping per corpus"),
    Entry("12_measures", "figure", "Loudness, peak, silence and bandwidth before and after normalization"),
    Entry("12_measures", "table", "Loudness, peak, silence and bandwidth before and after normalization"),
    Entry("12_ablation", "table", "What each step of the normalization does to the signal"),
    Entry("13_near_duplicates", "figure", "Similarity of copies and of other recordings, and the threshold"),
    Entry("13_near_duplicates", "table", "Recordings that are there twice: labels, lag and sides"),
    Entry("13_recall", "table", "How many known copies the search finds"),
    Entry("13_pair", "figure", "The two most similar clips, one over the other"),
    Entry("20_lengths", "table", "Length of the clips, and what a fixed length crops and pads"),
    Entry("20_emotions", "figure", "Envelope of one sentence in each emotion"),
    Entry("20_periods", "figure", "The loudest stretch of one sentence in each emotion"),
    Entry("21_emotions", "figure", "One sentence in each emotion, as an encoder hears it"),
    Entry("21_segments", "figure", "One utterance from layer to layer of an encoder"),
    Entry("21_layers", "figure", "Variance between emotions, speakers and corpora per layer of an encoder"),
    Entry("22_emotions", "figure", "Log-mel spectrograms of one sentence in each emotion"),
    Entry("23_variance", "figure", "Variance of functionals between emotions, speakers and corpora"),
    Entry("24_identity", "figure", "How well a linear model names corpus, speaker and emotion"),
    Entry("24_identity", "table", "How well a linear model names corpus, speaker and emotion"),
    Entry("30_architecture", "figure", "The parts of a classic CNN"),
    Entry("30_curves", "figure", "Training and validation curves of a classic CNN"),
    Entry("30_confusion", "figure", "Confusion matrix of a classic CNN"),
    Entry("30_attention", "figure", "Where the aggregation of a classic CNN looks in an utterance"),
    Entry("31_architecture", "figure", "The parts of a CNN with an LSTM"),
    Entry("31_curves", "figure", "Training and validation curves of a CNN with an LSTM"),
    Entry("31_confusion", "figure", "Confusion matrix of a CNN with an LSTM"),
    Entry("31_attention", "figure", "Where the aggregation of a CNN with an LSTM looks in an utterance"),
    Entry("32_architecture", "figure", "The parts of a residual or plain network"),
    Entry("32_curves", "figure", "Training and validation curves of a residual or plain network"),
    Entry("32_confusion", "figure", "Confusion matrix of a residual or plain network"),
    Entry("32_gradients", "figure", "Norm of the gradient by layer"),
    Entry("33_architecture", "figure", "The parts of an encoder"),
    Entry("33_curves", "figure", "Training and validation curves of an encoder"),
    Entry("33_confusion", "figure", "Confusion matrix of an encoder"),
    Entry("33_attention", "figure", "Where the aggregation of an encoder looks in an utterance"),
    Entry("33_layers", "figure", "What each layer of an encoder counts"),
    Entry("34_confusion", "figure", "Confusion matrix of a classical row"),
    Entry("40_comparison", "figure", "Unweighted average recall of the pipelines"),
    Entry("40_published", "table", "Results under published protocols beside published numbers"),
    Entry("40_not_run", "table", "Rows of the table of pipelines without a result"),
    Entry("40_scopes", "figure", "Unweighted average recall under the other protocols and on single corpora"),
    Entry("40_coverage", "table", "What has been run, and unweighted average recall there"),
    Entry("40_aims", "table", "What the study was to reach, and what it has reached"),
    Entry("40_claims", "table", "What the thesis claims, and what the results say"),
    Entry("40_costs", "figure", "Accuracy against parameters, operations and training time"),
    Entry("40_costs", "table", "Parameters, operations and training time of the pipelines"),
    Entry("40_leakage", "figure", "What shared speakers add to the scores"),
    Entry("40_corpora", "figure", "Unweighted average recall per corpus"),
    Entry("40_results", "table", "Accuracy, unweighted average recall and F1 of the pipelines"),
    Entry("40_corpora", "table", "Unweighted average recall per pipeline and corpus"),
    Entry("41_effects", "figure", "What one part of a pipeline changes, on the same clips"),
    Entry("41_effects", "table", "Paired comparisons of pipelines, as declared"),
    Entry("41_contrasts", "figure", "Whether what a part changes depends on what a pipeline hears"),
    Entry("41_contrasts", "table", "Differences in differences, as declared"),
    Entry("41_parts", "figure", "What one part of a pipeline changes, over all pairs that differ in it alone"),
    Entry("41_parts", "table", "All pairs of results that differ in one part alone"),
    Entry("41_representations", "figure", "Low-level descriptors and encoder embeddings, corpus by corpus"),
    Entry("41_gradients", "figure", "Gradients that reach the layers of plain and residual networks"),
    Entry("41_gradients", "table", "Plain and residual networks: recall, and the gradient of the first layer"),
    Entry("41_layers", "figure", "Which layer of a frozen encoder carries emotion"),
    Entry("41_layers", "table", "Unweighted average recall of a linear model on each layer of a frozen encoder"),
    Entry("42_premium", "figure", "What known speakers are worth, corpus by corpus"),
    Entry("42_premium", "table", "What known speakers are worth, corpus by corpus"),
    Entry("42_protocols", "figure", "Known speakers, new speakers, new corpora"),
    Entry("42_confusion", "figure", "Confusion per corpus of the pipeline that validation chooses"),
    Entry("42_variance", "figure", "Accuracy against the variance within emotions, corpus by corpus"),
    Entry("42_variance", "table", "Variance within emotions, speakers and texts of the corpora"),
    Entry("42_hardest", "table", "Clips that all pipelines get wrong"),
    Entry("43_checks", "table", "What speaks for and against the saliency maps"),
    Entry("43_randomized", "figure", "Saliency maps beside those of networks with random weights"),
    Entry("43_bands", "figure", "Which frequencies a network listens to, emotion by emotion"),
    Entry("43_time", "figure", "Saliency and attention over a clip's length, emotion by emotion"),
    Entry("43_saliency", "data", "Saliency and attention by band and over time, emotion by emotion"),
    Entry("43_clips", "figure", "Spectrogram, saliency and attention of single clips"),
    Entry("43_map", "figure", "Clips as a network places them, by emotion, sex and corpus"),
    Entry("43_neighbours", "table", "What a clip's nearest neighbours share with it"),
    Entry("44_seeds", "figure", "Random starts of a row beside its interval"),
    Entry("44_seeds", "table", "Random starts of a row beside its interval"),
    Entry("44_again", "table", "Rows trained a second time"),
    Entry("44_learning_curves", "figure", "Learning curves in clips and in speakers"),
    Entry("44_learning_curves", "table", "Learning curves in clips and in speakers"),
    Entry("44_contrasts", "table", "Few speakers with many clips or many with few, on equally many clips"),
    Entry("44_corpora", "figure", "Learning curves corpus by corpus"),
    Entry("44_ablations", "figure", "What a step of the normalization changes"),
    Entry("44_ablations", "table", "What a step of the normalization changes"),
    Entry("50_balance", "table", "Clips of a listening study by emotion, source and part"),
    Entry("50_sources", "table", "Speakers and sentences of a listening study"),
    Entry("50_left_out", "table", "Clips that a listening study does not draw, by reason"),
    Entry("50_orders", "figure", "Orders in which participants hear a listening study"),
    Entry("50_guessing", "table", "What counting instead of listening would bring"),
    Entry("50_loudness", "figure", "Loudness of a listening study's clips as recorded and as played"),
    Entry("51_flags", "table", "How many participants each rule of plausibility flags"),
    Entry("51_overall", "table", "Accuracy and unweighted average recall of listeners"),
    Entry("51_recall", "figure", "Recall of listeners per emotion"),
    Entry("51_recall", "table", "Recall of listeners per emotion"),
    Entry("51_conditions", "figure", "Unweighted average recall of listeners by what is known of the clips"),
    Entry("51_conditions", "table", "Unweighted average recall of listeners by what is known of the clips"),
    Entry("51_cells", "figure", "Recall of listeners per emotion, by source or by intensity"),
    Entry("51_cells", "table", "Recall of listeners per emotion, by source or by intensity"),
    Entry("51_confusion", "figure", "What listeners name instead"),
    Entry("51_confusion", "table", "What listeners name instead"),
    Entry("51_bias", "figure", "Recall, unbiased hit rate and chance of listeners per emotion"),
    Entry("51_bias", "table", "Recall, unbiased hit rate and chance of listeners per emotion"),
    Entry("51_agreement", "table", "Agreement of listeners"),
    Entry("51_majority", "table", "Accuracy of the majority of listeners"),
    Entry("51_groups", "table", "Unweighted average recall by group of listeners"),
    Entry("51_behaviour", "figure", "Accuracy over positions, response times, and accuracy by confidence"),
    Entry("51_times", "table", "Response times of right and wrong answers"),
    Entry("51_confidence", "table", "Accuracy by confidence"),
    Entry("51_model", "table", "Recall of listeners by a mixed model and by the bootstrap"),
    Entry("51_effects", "table", "How much listeners and clips differ in a mixed model"),
    Entry("51_difficulty", "figure", "Difficulty of the clips, and a pipeline's confidence"),
    Entry("51_hardest", "table", "The clips whose intended emotion listeners name least"),
    Entry("51_power", "figure", "Which differences a listening study detects"),
    Entry("51_power", "table", "Which differences a listening study detects"),
    Entry("51_published", "table", "Recall of CREMA-D's listeners beside published figures"),
    Entry("51_emodb", "table", "Recognition rates of EmoDB's listeners, of all recorded and of the published clips"),
    Entry("52_sources", "table", "What listeners and pipelines answered alike: clips, listeners, answers"),
    Entry("52_recall", "figure", "Recall of listeners and pipelines per emotion"),
    Entry("52_recall", "table", "Recall of listeners and pipelines per emotion"),
    Entry("52_answers", "table", "How often listeners and pipelines name an emotion, and the unbiased hit rate"),
    Entry("52_confusions", "figure", "Confusions of listeners and of pipelines"),
    Entry("52_labels", "figure", "Listeners and pipelines against the intended and the perceived emotion"),
    Entry("52_scores", "table", "Listeners and pipelines against the intended and the perceived emotion"),
    Entry("52_differences", "table", "Listeners less pipelines on the same clips, with paired tests"),
    Entry("52_failures", "table", "Which clips listeners and pipelines fail, and whether alike"),
    Entry("52_likeness", "table", "How alike listeners and pipelines fail"),
    Entry("52_hardest", "table", "Clips that most listeners and every pipeline fail"),
    Entry("52_difficulty", "figure", "Pipelines over how hard a clip is for listeners"),
    Entry("52_selection", "table", "What keeping the recognized clips does to listeners' rates"),
    Entry("60_calibration", "figure", "Reliability diagrams before and after temperature scaling"),
    Entry("60_calibration", "table", "Calibration before and after temperature scaling on the validation side"),
    Entry("60_coverage", "figure", "Risk over coverage with abstention by confidence"),
    Entry("60_promise", "figure", "Accuracy promised on the validation side, and what comes of it"),
    Entry("60_promise", "table", "Accuracy promised on the validation side, and what comes of it, by corpus"),
    Entry("60_gaps", "figure", "Gaps of recall between women and men"),
    Entry("60_gaps", "table", "Gaps of recall between women and men"),
    Entry("60_speakers", "figure", "Unweighted average recall of each speaker"),
    Entry("60_speakers", "table", "How unequal speakers are, and how unequal by chance"),
    Entry("60_robustness", "figure", "What noise, telephones, codecs, rooms and levels cost"),
    Entry("60_robustness", "table", "What noise, telephones, codecs, rooms and levels cost"),
    Entry("90_try_it", "figure", "What a pipeline hears in one recording"),
    Entry("results", "data", "Every number of every result"),
    Entry("numbers", "numbers", "Numbers quoted in the text"),
)

_VARIANT = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


def find(id: str, *, kind: str) -> Entry:
    """The row of `id` as a `kind`.

    Raises `ValueError` with a sentence where no row has this id, or where its rows are of another kind.
    """
    rows = [entry for entry in CATALOGUE if entry.id == id]
    for entry in rows:
        if entry.kind == kind:
            return entry
    if rows:
        raise ValueError(
            f"Expected {KINDS[rows[0].kind]} for the id {id!r}, which the catalogue lists as {rows[0].kind}; "
            f"found {KINDS[kind]}. Save it under an id of kind {kind} ({_known(kind)}) or add the row "
            f"Entry({id!r}, {kind!r}, …) to emolabs/reporting/catalogue.py."
        )
    raise ValueError(
        f"Expected the id of a {kind} in the catalogue, found {id!r}. Known ids: {_known(kind)}. "
        f"For a new one add a row to emolabs/reporting/catalogue.py."
    )


def is_data(id: str) -> bool:
    """Whether the rows of `id` are data, which no text prints."""
    return any(entry.id == id and entry.kind == "data" for entry in CATALOGUE)


def stem(id: str, *, variant: str | None = None) -> str:
    """File name without its ending: the id, and after a hyphen the variant where there is one.

    A variant is what one id exists several times for, such as `logmel-cnn3-mean_hash_pooled`: lower-case letters and
    digits, in parts joined by a hyphen or an underscore, so that LaTeX and every file system take the name.

    Raises `ValueError` with a sentence for any other variant.
    """
    if variant is None:
        return id
    if not _VARIANT.fullmatch(variant):
        raise ValueError(
            f"Expected a variant of lower-case letters and digits in parts joined by '-' or '_', found {variant!r} "
            f"for the id {id!r}. Name it like 'logmel-cnn3-mean_hash_pooled'."
        )
    return f"{id}-{variant}"


def _known(kind: str) -> str:
    return ", ".join(sorted(entry.id for entry in CATALOGUE if entry.kind == kind))
