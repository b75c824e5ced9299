"""Reporting: only catalogued items are written, the same inputs give the same bytes, and every file says what it is."""

import csv
import doctest
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from emolabs import paths, reporting
from emolabs.corpora import emotions
from emolabs.reporting import catalogue, gallery, numbers, style

SOURCE = "Synthetic speech (eSpeak NG), not human: emosynth-en, emosynth-de"
LONG = reporting.describe(["ravdess", "cremad", "tess", "savee", "emodb"], opus=True, protocol="hash " * 30, seed=0)

#: Colours as Okabe and Ito (2008) publish them in RGB, and R's grey.
OKABE_ITO = {
    (0, 0, 0),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (153, 153, 153),
}

TABLE = pd.DataFrame(
    {
        "uar_%": [0.71234, -0.5, np.nan],
        "clips": [3, -4, 5],
        "remark": ["a_b & 50%", "#1 {x} $y$", "~ ^ \\ –"],
    },
    index=pd.Index(["logmel_cnn3", "p%2", "p&3"], name="pipe_line"),
)


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """An empty repository."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    yield tmp_path
    plt.close("all")


def bars() -> Figure:
    """A small figure with hatches, math and an outer legend."""
    figure, ax = reporting.figure(height_in=2.5)
    for place, name in enumerate(reporting.EMOTIONS):
        ax.bar(place, 9 - place, label=name, **reporting.emotion_bar(name))
    ax.set(xlabel="emotion $x_1$", ylabel="clips")
    figure.legend(loc="outside lower center", ncols=5)
    return figure


def run(code: str, root, **environment) -> subprocess.Popen:
    """Start `code` in a process of its own whose repository is `root`."""
    start = f"import pathlib\nfrom emolabs import paths\npaths.ROOT = pathlib.Path({str(root)!r})\n"
    variables = {**os.environ, "MPLBACKEND": "agg", **environment}
    home = os.path.dirname(os.path.dirname(os.path.abspath(reporting.__path__[0])))
    return subprocess.Popen([sys.executable, "-c", start + textwrap.dedent(code)], cwd=home, env=variables)


def manifest() -> list[dict[str, str]]:
    with open(paths.figures("demo") / "manifest.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("module", ["provenance", "style", "numbers", "latex"])
def test_examples_in_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"emolabs.reporting.{module}"))
    assert result.failed == 0 and result.attempted > 0


def test_rows_of_the_catalogue_are_unique_and_named_by_notebook():
    keys = [(entry.id, entry.kind) for entry in reporting.CATALOGUE]
    assert len(set(keys)) == len(keys)
    for entry in reporting.CATALOGUE:
        assert entry.kind in catalogue.KINDS and entry.title
        assert re.fullmatch(r"\d\d_[a-z]+(_[a-z]+)*", entry.id) or entry.kind in ("numbers", "data")


@pytest.mark.parametrize("entry", reporting.CATALOGUE, ids=lambda entry: f"{entry.id}-{entry.kind}")
def test_every_row_can_be_saved_and_is_entered_in_the_manifest(entry):
    if entry.kind == "numbers":
        files = reporting.save_numbers({"clips": 3}, profile="demo", provenance=SOURCE)
    else:
        item = TABLE if entry.kind in ("table", "data") else reporting.figure(height_in=1.5)[0]
        files = reporting.save(item, entry.id, profile="demo", provenance=SOURCE, parameters={"seed": 0}, data="abc")
    endings = {"figure": ["pdf", "png"], "table": ["tex", "csv"], "data": ["csv"], "numbers": ["tex"]}[entry.kind]
    assert files == [paths.figures("demo") / f"{entry.id}.{ending}" for ending in endings]
    rows = manifest()
    assert [row["file"] for row in rows] == sorted(file.name for file in files)
    for row in rows:
        content = (paths.figures("demo") / row["file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert (row["id"], row["title"], row["provenance"]) == (entry.id, entry.title, SOURCE)
    left = {file.name for file in paths.figures("demo").iterdir()}
    assert left == {"manifest.csv", *(file.name for file in files)}


@pytest.mark.parametrize(
    ("item", "id", "changes", "sentence"),
    [
        ("figure", "99_nothing", {}, "Known ids: .*10_counts"),
        ("table", "99_nothing", {}, "Known ids: .*10_corpora"),
        ("table", "10_counts", {}, "Expected a matplotlib Figure .*found a pandas DataFrame"),
        ("figure", "10_corpora", {}, "Expected a pandas DataFrame .*found a matplotlib Figure"),
        ("figure", "numbers", {}, "save_numbers"),
        ("axes", "10_counts", {}, "found Axes"),
        ("wide", "10_counts", {}, "at most 6.3 in wide.*found 6.40 in"),
        ("low", "10_counts", {}, "found a figure 0.55 in high"),
        ("sunk", "10_counts", {}, "Expected the foot"),
        ("figure", "10_counts", {"provenance": ""}, "Expected a provenance"),
        ("table", "10_corpora", {"provenance": " \n"}, "Expected a provenance"),
        ("figure", "10_counts", {"provenance": None}, "Expected a provenance"),
        ("figure", "10_counts", {"profile": ""}, "Expected a profile"),
        ("figure", "10_counts", {"variant": "../up"}, "Expected a variant"),
        ("figure", "10_counts", {"variant": ""}, "Expected a variant"),
        ("figure", "10_counts", {"parameters": {"a": np.float32(1)}}, "plain JSON"),
    ],
)
def test_what_cannot_be_saved_is_refused_in_a_sentence_and_leaves_nothing(item, id, changes, sentence):
    heights = {"low": 0.55}
    figure, ax = plt.subplots(figsize=(6.4 if item == "wide" else 6.3, heights.get(item, 2)))
    if item == "sunk":
        figure.text(0.5, -0.1, "below the edge")
    value = {"table": TABLE, "axes": ax}.get(item, figure)
    with pytest.raises(ValueError, match=sentence):
        reporting.save(value, id, **{"profile": "demo", "provenance": SOURCE, **changes})
    assert not paths.figures("demo").exists()


def test_variants_stand_beside_each_other():
    for variant in ("logmel-cnn3-mean_hash_pooled", "logmel-cnn3-mean_speaker_pooled"):
        reporting.save(TABLE, "40_results", profile="demo", provenance=SOURCE, variant=variant)
    assert [row["file"] for row in manifest() if row["file"].endswith("tex")] == [
        "40_results-logmel-cnn3-mean_hash_pooled.tex",
        "40_results-logmel-cnn3-mean_speaker_pooled.tex",
    ]


def test_two_processes_write_the_same_bytes_without_torch(tmp_path):
    code = """
        import sys
        import numpy as np, pandas as pd
        from emolabs import reporting
        assert "torch" not in sys.modules
        figure, axes = reporting.figure(cols=2, height_in=2.6)
        for place, name in enumerate(reporting.EMOTIONS):
            axes[0].bar(place, 9 - place, **reporting.emotion_bar(name))
            axes[0].plot(place, 10, marker=reporting.emotion_marker(name), color=reporting.emotion_color(name))
        reporting.draw_confusion(axes[1], np.arange(9).reshape(3, 3), ["anger", "fear", "neutral"])
        common = dict(profile="demo", provenance="ä " * 90, parameters={"b": 1, "a": [2]})
        reporting.save(figure, "30_confusion", **common)
        reporting.save(pd.DataFrame({"a": [0.1, 2]}), "40_results", **common)
        reporting.save_numbers({"b": 0.25, "a3": 1}, profile="demo", provenance="here")
    """
    folders = [tmp_path / "first", tmp_path / "second"]
    times = [
        {"PYTHONHASHSEED": "1", "TZ": "UTC"},
        {"PYTHONHASHSEED": "2", "SOURCE_DATE_EPOCH": "1", "TZ": "Asia/Tokyo"},
    ]
    processes = [run(code, folder, **time) for folder, time in zip(folders, times, strict=True)]
    assert [process.wait(120) for process in processes] == [0, 0]
    first, second = (
        {file.name: file.read_bytes() for file in (folder / "figures" / "demo").iterdir()} for folder in folders
    )
    assert len(first) == 6 and first == second


def test_saving_a_figure_again_changes_nothing_but_its_provenance():
    figure = bars()
    size = figure.get_size_inches()
    first = [file.read_bytes() for file in reporting.save(figure, "10_counts", profile="demo", provenance=LONG)]
    other = [file.read_bytes() for file in reporting.save(figure, "10_counts", profile="demo", provenance=SOURCE)]
    again = [file.read_bytes() for file in reporting.save(figure, "10_counts", profile="demo", provenance=LONG)]
    assert first == again and first != other
    assert np.array_equal(size, figure.get_size_inches())


def test_processes_that_save_at_once_lose_no_row(tmp_path):
    code = """
        import pandas as pd
        from emolabs import reporting
        for number in range(12):
            item = pd.DataFrame({{"a": [number]}})
            reporting.save(item, "40_results", profile="demo", provenance="x", variant=f"{name}{{number}}")
            reporting.save(item, "10_corpora", profile="demo", provenance="{name}")
    """
    processes = [run(code.format(name=name), tmp_path) for name in "abc"]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    rows = manifest()
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    assert len(rows) == 3 * 12 * 2 + 2
    for row in rows:
        assert row["sha256"] == hashlib.sha256((paths.figures("demo") / row["file"]).read_bytes()).hexdigest()


def test_the_manifest_forgets_files_that_are_gone_and_refuses_what_is_no_manifest():
    reporting.save(TABLE, "10_corpora", profile="demo", provenance=SOURCE)
    (paths.figures("demo") / "10_corpora.csv").unlink()
    reporting.save(TABLE, "40_results", profile="demo", provenance=SOURCE)
    assert [row["file"] for row in manifest()] == ["10_corpora.tex", "40_results.csv", "40_results.tex"]
    (paths.figures("demo") / "manifest.csv").write_text("<<<<<<< HEAD\n")
    with pytest.raises(ValueError, match="Restore or delete that file"):
        reporting.save(TABLE, "40_results", profile="demo", provenance=SOURCE)


def test_metadata_can_be_read_back():
    parameters = {"seed": 0, "epochs": 3}
    known = {"profile": "demo", "provenance": SOURCE, "parameters": parameters}
    pdf, png = reporting.save(bars(), "10_counts", data=TABLE, **known)
    with Image.open(png) as image:
        about = json.loads(image.text["emolabs"])
        assert image.size == (1260, 500)  # 6.3 in × 2.5 in at 200 dpi
        assert "Software" not in image.text
    row = next(row for row in manifest() if row["file"] == "10_counts.png")
    assert about == {**{key: row[key] for key in ("id", "provenance", "parameters", "data")}, "profile": "demo"}
    assert len(about["parameters"]) == len(about["data"]) == 16
    content = pdf.read_bytes()
    assert f'"data": "{about["data"]}"'.encode() in content and about["parameters"].encode() in content
    assert b"CreationDate" not in content and b"Producer" not in content and b"/Type3" not in content
    assert re.search(rb"/MediaBox \[ ?0 0 453\.6 180 ?\]", content)
    changed = reporting.save(bars(), "10_counts", data=TABLE * 2, **known)[1]
    with Image.open(changed) as image:
        assert json.loads(image.text["emolabs"])["data"] != about["data"]


@pytest.mark.parametrize("width_in", [2.0, 4.0, 6.3])
@pytest.mark.parametrize("provenance", [SOURCE, LONG, "x" * 300, "a $b$ c_d \\e"])
def test_the_provenance_is_drawn_inside_the_page_and_below_all_else(width_in, provenance):
    figure, ax = plt.subplots(figsize=(width_in, 3))
    ax.set(xlabel="an axis with $x_1$")
    ax.plot([0, 1], label="line")
    figure.legend(loc="outside lower center")
    file = reporting.save(figure, "10_counts", profile="demo", provenance=provenance)[1]
    notes = [text for text in figure.texts if text.get_gid() == gallery._NOTE]
    assert "".join(note.get_text() for note in notes).replace(" ", "") == provenance.replace(" ", "")
    assert max(note.get_window_extent().y1 for note in notes) <= 1
    assert figure.legends[0].get_window_extent().y0 >= 0
    assert ax.get_tightbbox().y0 >= figure.legends[0].get_window_extent().y1
    pixels = np.array(Image.open(file).convert("L"))
    assert (pixels[-100:] < 200).any()  # drawn,
    assert (pixels[-2:] == 255).all() and (pixels[-30:, -5:] == 255).all()  # and not cut off


def test_tables_are_escaped_rounded_and_aligned():
    tex, raw = reporting.save(TABLE, "40_results", profile="demo", provenance="50% of\nEmoDB", precision=2)
    lines = tex.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("% ") and lines[0].endswith("50% of EmoDB") and lines[1].startswith("% ")
    assert lines[2:] == [
        r"\begin{tabular}{lrrl}",
        r"\toprule",
        r"pipe line & uar\_\% & clips & remark \\",
        r"\midrule",
        r"logmel\_cnn3 & 0.71 & 3 & a\_b \& 50\% \\",
        r"p\%2 & $-$0.50 & $-$4 & \#1 \{x\} \$y\$ \\",
        r"p\&3 & -- & 5 & \textasciitilde{} \textasciicircum{} \textbackslash{} – \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    pd.testing.assert_frame_equal(pd.read_csv(raw, index_col="pipe_line"), TABLE)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on the PATH")
def test_a_table_says_under_itself_what_its_marks_mean(root):
    marked = pd.DataFrame({"pipeline": ["a§"], "UAR (%)": ["60.1 [59.1, 61.1]†"]})
    look = {"profile": "demo", "provenance": SOURCE, "in_markdown": True}
    reporting.save(marked, "40_corpora", note="† told already.", **look)
    for ending in ("tex", "md"):
        text = (root / f"figures/demo/40_corpora.{ending}").read_text(encoding="utf-8")
        assert f"† told already. {reporting.IN_NOTES['§']}" in text and reporting.IN_NOTES["†"] not in text
    reporting.save_numbers({"uar": "60.1 [59.1, 61.1]†"}, profile="demo", provenance=SOURCE)
    assert "{60.1 [59.1, 61.1]†}" in (root / "figures/demo/numbers.tex").read_text(encoding="utf-8")


def test_tables_and_numbers_that_fit_compile_with_booktabs_alone(tmp_path):
    two_levels = TABLE.set_axis(pd.MultiIndex.from_tuples([("a_b", "x%"), ("a_b", "y"), ("&", "z")]), axis="columns")
    items = {"one": TABLE, "two": two_levels, "none": TABLE.iloc[:0], "plain": TABLE.reset_index(drop=True)}
    files = [
        reporting.save(items[name], "40_results", profile="demo", provenance=LONG, variant=name)[0] for name in items
    ]
    values = {"cnn3_uar": "71.2%", "gap": -0.5, "clips": 12, "odd": "a_b & #1 ~ ^ \\ {–2 ± −3}"}
    files += reporting.save_numbers(values, profile="demo", provenance=LONG)
    inputs = "\n\n".join(rf"\input{{{file.as_posix()}}}" for file in files)
    commands = " ".join(rf"\{numbers.spell(name)}" for name in values)
    document = tmp_path / "document.tex"
    document.write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{inputs} {commands}\end{{document}}",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", document.name]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert result.returncode == 0, result.stdout[-2000:]


def tex_of(table: pd.DataFrame) -> str:
    return reporting.save(table, "40_results", profile="demo", provenance=SOURCE)[0].read_text(encoding="utf-8")


def test_a_wide_table_stacks_its_headings_and_takes_smaller_type_before_anything_is_broken():
    names = ["pipeline", "accuracy-of-all (%)", "UAR (%)", "known speakers (%)", "known-texts"]
    wide = pd.DataFrame([["logmel-cnn3-attention", "67.4 [64.7, 70.1]", "70.1 [67.7, 72.5]", 100, 7]], columns=names)
    wide = wide.assign(remark="some more words in a cell", other="and some")
    lines = tex_of(wide).splitlines()[2:]
    assert re.match(r"{\\footnotesize\\setlength{\\tabcolsep}{[\d.]+pt}%$", lines[0])
    assert lines[1] == r"\begin{tabular}{lllrrll}"
    assert lines[3] == (
        r"pipeline & \shortstack[l]{accuracy-of-all\\(\%)} & UAR (\%) & \shortstack[r]{known\\speakers\\(\%)} & "
        r"\shortstack[r]{known-\\texts} & remark & other \\"
    )
    assert lines[5].startswith("logmel-cnn3-attention & 67.4 [64.7, 70.1] & ") and lines[-1] == r"\end{tabular}}"


def test_long_text_is_boxed_and_long_tables_run_over_pages():
    lines = tex_of(pd.DataFrame({"path": ["a/b_c"], "reason": ["word " * 40]})).splitlines()
    assert lines[2].startswith(r"{\footnotesize") and lines[7].startswith(r"a/b\_c & \parbox[t]{")
    text = tex_of(pd.DataFrame({"clips": range(61)}))
    assert r"\begin{longtable}{r}" in text and "\\midrule\n\\endhead\n0 \\\\" in text and text.count(r" \\") == 62
    assert "longtable" not in tex_of(pd.DataFrame({"clips": range(60)}))
    broken = pd.DataFrame({"compared": ["one pipeline and another one " * 5] * 40, "of": ["a corpus"] * 40})
    assert "longtable" not in tex_of(broken[:20]) and r"\begin{longtable}" in tex_of(broken), "broken cells take lines"


def test_numbers_stand_with_their_points_under_each_other_and_carry_a_minus():
    scores = ["82.7 [71.5, 91.3]", "-5.0 [-10.1, 2.0]", "100.0†", "–", "not run"]
    rows = tex_of(pd.DataFrame({"UAR (%)": scores, "clips": ["1,209", "44", "–", "7", "8"]})).splitlines()
    assert rows[2] == r"\begin{tabular}{lr}"
    assert [row.split(" & ")[0] for row in rows[6:11]] == [
        r"\phantom{$-$}\phantom{0}82.7 [71.5, 91.3]",
        r"\phantom{0}\phantom{0}$-$5.0 [$-$10.1, 2.0]",
        r"\phantom{$-$}100.0†",
        "–",
        "not run",
    ]


def test_floats_have_the_digits_that_their_column_needs():
    table = pd.DataFrame({"share (%)": [2.3, 41.7], "raw": [0.12345, 1.0], "whole": [3.0, np.nan], "n": [11936, 7]})
    rows = tex_of(table.assign(zero=[0.0, 0.0])).splitlines()
    assert rows[6:8] == [r"2.3 & 0.123 & 3 & 11,936 & 0.0 \\", r"41.7 & 1.000 & -- & 7 & 0.0 \\"]


def test_numbers_that_name_something_keep_their_digits_together():
    table = pd.DataFrame({"year": [2021, 1999], "Year of recording": [2014.0, np.nan], "seed": [12345, 0]})
    table = table.assign(yearly=[2021, 7])
    rows = tex_of(table).splitlines()
    assert rows[6:8] == [r"2021 & 2014 & 12345 & 2,021 \\", r"1999 & -- & 0 & 7 \\"]


def test_rows_that_are_only_counted_are_not_named():
    chosen = pd.DataFrame({"clips": [1, 2, 3]}).iloc[[0, 2]]
    assert r"\begin{tabular}{r}" in tex_of(chosen) and r"3 \\" in tex_of(chosen)
    named = chosen.rename_axis("fold")
    assert r"\begin{tabular}{rr}" in tex_of(named) and r"2 & 3 \\" in tex_of(named)


def test_units_are_written_in_brackets():
    head = tex_of(pd.DataFrame({"loudness_lufs": [1.5], "held_back": [2], "UAR (%)": ["a"]})).splitlines()[4]
    assert head == r"loudness (LUFS) & held back & UAR (\%) \\"


@pytest.mark.parametrize("intervals", range(1, 8))
def test_no_box_is_narrower_than_its_longest_word(intervals):
    """With many columns that cannot be broken nothing is left of the line for text: boxes had negative widths."""
    text = {"claim": ["what is said of whisper-direct-attention under one of the protocols " * 2]}
    scores = {f"score {i} (%)": ["100.0 [100.0, 100.0]†"] for i in range(intervals)}
    tex = tex_of(pd.DataFrame(text | scores))
    boxes = [float(width) for width in re.findall(r"parbox\[t\]{(-?[\d.]+)em}", tex)]
    assert boxes and min(boxes) > 0.4 * len("attention")
    assert ("landscape" in tex) == (intervals > 5)
    assert r"\tiny" not in tex


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on the PATH")
def test_the_committed_tables_compile_and_are_no_wider_than_the_text(tmp_path):
    files = sorted((Path(style.__file__).parents[2] / "figures" / "thesis").glob("*.tex"))
    assert len(files) > 10
    inputs = "\n\n".join(rf"\noindent\input{{{file.as_posix()}}}" for file in files)
    packages = r"\usepackage[T1]{fontenc}\usepackage{booktabs,longtable,mathptmx,pdflscape}"
    size = r"\textwidth16cm\textheight24cm\topmargin-2cm"
    document = rf"\documentclass[11pt]{{article}}{packages}{size}\begin{{document}}{inputs}\end{{document}}"
    (tmp_path / "document.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    for _ in range(2):  # a longtable has its widths from the run before
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
        assert result.returncode == 0, result.stdout[-2000:]
    assert re.findall(r"Overfull .*", result.stdout) == []


def test_numbers_are_spelled_sorted_and_formatted():
    values = {"uar_logmel-cnn3-mean": "71.2%", "resnet20 1d": 1 / 3, "clips": np.int64(7), "gap": -2}
    file = reporting.save_numbers(values, profile="demo", provenance=SOURCE)[0]
    assert file.name == "numbers.tex"
    assert [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("%")] == [
        r"\newcommand{\emoClips}{7}",
        r"\newcommand{\emoGap}{$-$2}",
        r"\newcommand{\emoResnetTwoZeroOneD}{0.333}",
        r"\newcommand{\emoUarLogmelCnnThreeMean}{71.2\%}",
    ]
    first = file.read_bytes()
    reporting.save_numbers(dict(reversed(values.items())), profile="demo", provenance=SOURCE)
    assert file.read_bytes() == first
    assert reporting.interval(0.712, 0.68, 0.741) == "71.2 [68.0, 74.1]"
    assert [reporting.p_value(p) for p in (0.0312, 1e-5, np.nan)] == ["0.031", "< 0.001", "–"]
    assert reporting.interval(-0.0001, -0.00049, -0.001) == "0.0 [0.0, -0.1]"  # no sign before what rounds to zero


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"a-b": 1, "a_b": 2}, r"found \\emoAB for both 'a-b' and 'a_b'"),
        ({"cnn3": 1, "cnn_three": 2}, "for both"),
        ({"größe": 1}, "Expected the name"),
        ({"-": 1}, "Expected the name"),
        ({"a": float("nan")}, "finite number"),
        ({"a": None}, "finite number"),
        ({"a": ""}, "some text"),
        ({"a": True}, "finite number"),
    ],
)
def test_numbers_that_latex_could_not_tell_or_print_are_refused(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        reporting.save_numbers(values, profile="demo", provenance=SOURCE)


def test_colours_are_named_in_the_palette_and_written_nowhere_else():
    sources = [*Path(style.__file__).parents[1].rglob("*.py"), *paths.NOTEBOOKS.glob("*.ipynb")]
    assert len(sources) > 60
    found = [file.name for file in sources if re.search(r"[\"']#[0-9A-Fa-f]{6}\b", file.read_text(encoding="utf-8"))]
    assert found == ["style.py"]


def test_emotions_look_different_with_and_without_colour():
    looks = reporting.EMOTIONS.values()
    colors = [tuple(int(look.color[place : place + 2], 16) for place in (1, 3, 5)) for look in looks]
    assert len(looks) == len(set(colors)) == 9 and set(colors) == OKABE_ITO
    for cue in ("marker", "hatch", "label"):
        assert len({getattr(look, cue) for look in looks}) == 9
    assert reporting.emotion_color("anger") == reporting.emotion_bar("anger")["facecolor"]
    assert reporting.emotion_bar("anger")["hatch"] and reporting.emotion_label("anger") == "ang"
    with pytest.raises(ValueError, match="found 'joy'"):
        reporting.emotion_color("joy")


def test_labels_that_no_protocol_uses_can_be_drawn_and_told_apart():
    rest = [emotion for emotion in emotions() if emotion not in reporting.EMOTIONS]
    assert rest == list(style.OTHERS)
    assert len({reporting.emotion_label(emotion) for emotion in emotions()}) == len(emotions())
    for cue in ("marker", "hatch"):
        assert len({getattr(style.OTHERS[emotion], cue) for emotion in rest}) == len(rest)
    _, ax = reporting.figure(height_in=2.5)
    for emotion in rest:
        ax.bar(emotion, 1, **reporting.emotion_bar(emotion))
        ax.plot(0, 1, marker=reporting.emotion_marker(emotion), color=reporting.emotion_color(emotion))
    ax.figure.canvas.draw()


def test_a_confusion_matrix_shows_recall_and_counts_and_leaves_empty_rows_open():
    _, ax = reporting.figure(height_in=2.5)
    mesh = reporting.draw_confusion(ax, np.array([[3, 1], [0, 0]]), ["anger", "other"])
    assert [text.get_text() for text in ax.texts] == ["75", "3", "25", "1", "–", "–"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["ang", "other"]
    assert [text.get_color() for text in ax.texts[:4]] == ["black", "black", "white", "white"]
    assert mesh.get_cmap().name == "cividis" and mesh.get_clim() == (0, 100)
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*\(1, 2\)"):
        reporting.draw_confusion(ax, np.ones((1, 2)), ["anger", "other"])


def test_figures_have_the_width_of_the_text_and_fonts_that_come_with_matplotlib():
    figure, axes = reporting.figure(rows=2, cols=3, height_ratio=0.5)
    assert tuple(figure.get_size_inches()) == (style.TEXT_WIDTH_IN, 0.5 * style.TEXT_WIDTH_IN) and axes.shape == (2, 3)
    pdf = reporting.save(figure, "10_counts", profile="demo", provenance=SOURCE)[0].read_bytes()
    assert b"STIXGeneral" in pdf and b"DejaVu" not in pdf


def test_provenance_names_corpora_copies_and_facts():
    assert reporting.describe(["emosynth-en", "emosynth-de"], opus=False) == SOURCE
    everything = reporting.describe(
        ["ravdess", "tess", "mine"], opus=True, protocol="hash", label_set="seven", seed=None
    )
    assert everything == "RAVDESS, TESS, mine · from Opus copies · protocol hash · label set seven"
    assert "not human: emosynth-en" in reporting.describe(["savee", "emosynth-en"], opus=False)
    for nothing in ([], "ravdess"):
        with pytest.raises(ValueError, match="Expected a list"):
            reporting.describe(nothing, opus=False)


#: More line segments than this in one picture could be the samples of a recording; audio is never passed on.
MOST_SEGMENTS = 3_000


@pytest.mark.parametrize("file", sorted(paths.ROOT.glob("figures/*/*.pdf")), ids=lambda file: file.stem)
def test_no_committed_picture_holds_the_samples_of_a_recording(file):
    streams = re.findall(rb"stream\r?\n(.*?)endstream", file.read_bytes(), re.DOTALL)
    texts = [zlib.decompressobj().decompress(stream) for stream in streams if stream[:1] == b"x"]
    paths_drawn = (path for text in texts for path in re.split(rb"\b[SsfFbBn]\*?\b", text))
    assert max(len(re.findall(rb" l\b", path)) for path in paths_drawn) <= MOST_SEGMENTS
