"""The workflow, on a small copy of the project: what runs, what is left alone and what is said."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from emolabs import paths

PARAMETERS = 'profile: str = "demo"  # which profile'
RUN_PARAMETERS = """
pipeline: str = ""  # row of the table
protocol: str = ""  # partition
scope: str = "pooled"  # corpora
seed: int = 0  # of the run
spaces: list[str] = [""]  # rows
epochs: int = 1  # passes"""
#: What the code of each small notebook writes.
WRITES = {
    "10_indexing": "[paths.index(profile), paths.rejected(profile)]",
    "11_split": "[paths.manifest(profile, protocol) for protocol in ('hash', 'speaker')]",
    "12_normalization": "[paths.waveforms(profile) / 'current.json']",
    "13_near_duplicates": "[paths.near_duplicates(profile)]",
    "20_waveforms": "[paths.figures(profile) / '20_lengths.csv']",
    "21_embeddings": "[paths.features(profile, branch) / 'current.json' for branch in ('whisper', 'whisper-pooled')]",
    "22_spectrograms": "[paths.features(profile, 'logmel') / 'current.json']",
    "23_functionals": "[paths.features(profile, branch) / 'current.json' for branch in ('mfcc', 'egemaps')]",
    "24_identity": "[paths.figures(profile) / '24_identity.csv']",
    "30_classic_cnn": "[paths.results(profile) / protocol / scope / pipeline / f'seed{seed}.json']",
    "34_classical": "[paths.results(profile) / protocol / scope / pipeline / f'seed{seed}.json']",
    "40_evaluation": "[paths.figures(profile) / 'numbers.tex']",
    "41_representations": "[paths.figures(profile) / '41_effects.csv']",
    "43_inside": "[paths.figures(profile) / '43_neighbours.csv']",
    "50_listening_study": "[paths.study_page(profile, 'demo')]",
    "51_human_baseline": "[paths.figures(profile) / '51_overall.csv']",
    "52_human_vs_machine": "[paths.figures(profile) / '52_scores.csv']",
    "90_try_it": "[paths.figures(profile) / '90_try_it.png']",
}
#: What reruns with the run that is tried, the run included.
READERS = {"40_evaluation", "41_representations", "43_inside"}  # 42, 44 and 60 want the protocol speaker
AFTER_TRAINING = {"training", "human_vs_machine", "try_it", *READERS}
#: What 42, 44 and 60 write.
OF_NEW_SPEAKERS = {
    "42_generalization": "42_hardest.csv",
    "44_stability": "44_seeds.csv",
    "60_reliability": "60_promise.csv",
}
#: What the parameter files say, beside nothing.
SAYS = {
    "30_classic_cnn": "epochs: 2\n",
    "34_classical": "epochs: 2\n",
    "43_inside": "{spaces: [logmel-cnn3-mean]}\n",
    "52_human_vs_machine": "{protocol: hash}\n",
    "90_try_it": "{protocol: hash, scope: pooled, pipeline: logmel-cnn3-mean, seed: 0}\n",
}
PIPELINE_MODULE = """
from types import SimpleNamespace as Row

ENCODERS = ("wav2vec2", "hubert", "whisper")

def load_pipelines():
    return {
        "logmel-cnn3-mean": Row(branch="logmel", store=("logmel", "current"), demo=True, notebook="30_classic_cnn"),
        "constant": Row(branch="none", store=("", ""), demo=True, notebook="34_classical"),
        "egemaps-linear": Row(branch="egemaps", store=("egemaps", "current"), demo=True, notebook="34_classical"),
        "hubert-cnn3-mean": Row(branch="hubert", store=("hubert", "current"), demo=False, notebook="30_classic_cnn"),
    }
"""
#: Stands in for papermill, so that a step costs no kernel; `test_execute.py` has the real one.
PAPERMILL = """
import nbformat

def execute_notebook(notebook, output, *, parameters, **_):
    executed, names = nbformat.read(notebook, as_version=4), {}
    try:
        for count, cell in enumerate((c for c in executed.cells if c.cell_type == "code"), start=1):
            cell.metadata["papermill"] = {"start_time": "now"}
            cell.execution_count = count
            exec(cell.source, names)
            names.update(parameters)
    except Exception as error:
        fault = {"ename": type(error).__name__, "evalue": str(error), "traceback": []}
        cell.outputs = [nbformat.v4.new_output("error", **fault)]
        raise
    finally:
        nbformat.write(executed, output)
"""
#: Makes openSMILE importable, or not, whatever is installed (sitecustomize.py).
WITH_OPENSMILE = """
import importlib.machinery, sys, types
sys.modules["opensmile"] = types.ModuleType("opensmile")
sys.modules["opensmile"].__spec__ = importlib.machinery.ModuleSpec("opensmile", None)
"""
WITHOUT_OPENSMILE = "import sys\nsys.modules['opensmile'] = None\n"
#: Recorded corpora with tables beside their audio.
RECORDED = """
from emolabs import paths


class Recorded:
    def __init__(self, key):
        self.key, self.name = key, key.upper()

    def folders(self):
        return [folder for folder in [paths.raw(self.key) / self.key] if folder.is_dir()]

    def annotation_files(self):
        return [file for folder in self.folders() for file in folder.glob("*.csv")]

    def missing(self):
        return f"no recordings of {self.name} were found: look into its drawer."


def get(keys):
    return [Recorded(key) for key in keys]
"""
#: What would let the workflow see data outside the project.
OUTSIDE = ("EMOLABS_RAW", "EMOLABS_HUMAN")
PROFILE = {
    "corpora": ["emosynth-en"],
    "protocols": ["hash", "speaker"],
    "keep_results": False,
    "runs": [{"protocol": "hash", "scope": "pooled", "seeds": [0], "pipelines": "demo"}],
}


def write_notebook(root: Path, name: str) -> None:
    lines = PARAMETERS + (RUN_PARAMETERS if name in SAYS else "")
    code = f"""
from emolabs import paths
from emolabs.parts import step_{name[:2]}

for file in {WRITES[name]}:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(step_{name[:2]}.TEXT)"""
    cells = [
        new_markdown_cell(f"# {name}"),
        new_code_cell(lines, metadata={"tags": ["parameters"]}),
        new_code_cell(code),
    ]
    nbformat.write(new_notebook(cells=cells), root / "notebooks" / f"{name}.ipynb")


def write_step(root: Path, name: str) -> None:
    """A notebook with its parameters and the module that it rests on."""
    module = f'"""What step {name} writes."""\n\nTEXT = "{name}"\n'
    (root / "emolabs" / "parts" / f"step_{name[:2]}.py").write_text(module)
    (root / "params" / "demo" / f"{name}.yaml").write_text(SAYS.get(name, "{}\n"))
    write_notebook(root, name)


def write_project(root: Path) -> None:
    package = root / "emolabs"
    for name in ["__init__", "paths", "storage", "params", "types", "execute", "dependencies"]:
        package.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.ROOT / "emolabs" / f"{name}.py", package)
    shutil.copytree(paths.ROOT / "workflow", root / "workflow")
    for folder in ["corpora", "modeling", "parts"]:
        (package / folder).mkdir()
        (package / folder / "__init__.py").write_text("")
    (package / "modeling" / "pipeline.py").write_text(PIPELINE_MODULE)
    (package / "corpora" / "__init__.py").write_text("def get(keys):\n    return []\n")
    synthesis = """
from emolabs import paths

def main():
    (paths.raw("emosynth-en") / "emosynth-en").mkdir(parents=True, exist_ok=True)

if __name__ == "__main__":
    main()
"""
    (package / "corpora" / "synthesis.py").write_text(synthesis)
    (root / "notebooks").mkdir()
    (root / "params" / "demo").mkdir(parents=True)
    (root / "params" / "emotions.yaml").write_text("anger: [angry]\n")
    (root / "params" / "demo" / "profile.yaml").write_text(yaml.safe_dump(PROFILE))
    (root / "papermill.py").write_text(PAPERMILL)
    (root / "sitecustomize.py").write_text(WITH_OPENSMILE)
    for name in WRITES:
        write_step(root, name)


def snakemake(root: Path, *arguments: str) -> str:
    """Run the workflow in `root` and return all it says; fails where it fails."""
    done = call(root, *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def call(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    environment |= {"PYTHONPATH": str(root), "XDG_CACHE_HOME": str(root / ".cache")}
    return subprocess.run(
        command, cwd=root, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
    )


def would_run(root: Path, *arguments: str) -> set[str]:
    """The rules that a dry run names, but for the one that only collects."""
    table = re.search(r"^Job stats:\n.*?^total ", snakemake(root, "-n", "--quiet", "host", *arguments), re.M | re.S)
    return set(re.findall(r"^(\w+) +\d+$", table[0], re.M)) - {"all"} if table else set()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, str]:
    """A project whose demo ran once, and what was said."""
    root = tmp_path_factory.mktemp("finished") / "project"
    write_project(root)
    return root, snakemake(root)


@pytest.fixture
def project(finished, tmp_path) -> Path:
    """A copy of the finished project with its times, to be changed."""
    return Path(shutil.copytree(finished[0], tmp_path / "project", copy_function=shutil.copy2))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new))


def edit_profile(root: Path, **values) -> None:
    file = root / "params" / "demo" / "profile.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **values}))


@pytest.mark.parametrize(("asked", "passed"), [([], False), (["GPU_RUNS=8"], True)])
def test_networks_share_a_gpu_where_asked(asked, passed):
    done = subprocess.run(
        ["make", "-n", "reproduce", *asked], cwd=paths.ROOT, capture_output=True, text=True, check=True
    )
    assert ("--resources gpu=8" in done.stdout) == passed and "profile=demo" in done.stdout


@pytest.mark.parametrize("target", ["verify", "thesis-figures"])
@pytest.mark.parametrize(
    ("asked", "environment", "taken"),
    [([], {}, "thesis"), (["PROFILE=demo"], {}, "demo"), ([], {"PROFILE": "demo"}, "demo")],
)
def test_what_is_committed_is_that_of_the_thesis_unless_a_profile_is_named(target, asked, environment, taken):
    environment = {name: value for name, value in os.environ.items() if name != "PROFILE"} | environment
    command = ["make", "-n", target, "DEST=folder", *asked]
    done = subprocess.run(command, cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=True)
    module = {"verify": "emolabs.experiments.verification", "thesis-figures": "emolabs.reporting.export"}[target]
    assert f"-m {module} {taken}" in done.stdout


def test_first_run_makes_everything_and_counts_its_steps(finished):
    root, said = finished
    for name in ["logmel-cnn3-mean", "constant", "egemaps-linear"]:
        assert (root / f"data/results/demo/hash/pooled/{name}/seed0.json").is_file()
        assert (root / f"runs/demo/hash/pooled/{name}/seed0.ipynb").is_file()
    assert (root / "figures/demo/numbers.tex").read_text() == "40_evaluation"
    assert (root / "runs/demo/notebooks/22_spectrograms.ipynb").is_file()
    assert "21 of 21 steps (100%) done" in said
    assert not (root / "data/results/demo/hash/pooled/hubert-cnn3-mean").exists()


def test_nothing_runs_after_touching_and_editing_prose(project):
    assert "Nothing to be done" in snakemake(project)
    for file in [*project.glob("notebooks/*.ipynb"), *project.glob("params/demo/*"), *project.glob("emolabs/**/*.py")]:
        os.utime(file)
    edit(project / "notebooks/22_spectrograms.ipynb", "# 22_spectrograms", "# How a voice looks")
    edit(project / "emolabs/parts/step_12.py", "What step", "Which text step")
    edit(project / "params/demo/30_classic_cnn.yaml", "epochs", "# a remark\nepochs")
    stamps = {file: file.stat().st_mtime_ns for file in project.glob("data/interim/demo/stamps/*")}
    assert "Nothing to be done" in snakemake(project)
    assert stamps == {file: file.stat().st_mtime_ns for file in stamps}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("notebooks/22_spectrograms.ipynb", "mkdir(", "mkdir(mode=0o755, ", {"spectrograms", *AFTER_TRAINING}),
        (
            "emolabs/parts/step_23.py",
            'TEXT = "',
            'TEXT = "new',
            {"functionals", "identity", "training", "human_vs_machine", *READERS},
        ),
        ("params/demo/30_classic_cnn.yaml", "2", "3", AFTER_TRAINING),
        ("params/demo/40_evaluation.yaml", "{}", "profile: demo", {"40_evaluation"}),
        (
            "emolabs/parts/step_11.py",
            'TEXT = "',
            'TEXT = "new',
            {"split", "near_duplicates", "listening_study", "human_baseline", *AFTER_TRAINING},
        ),
        (
            "params/demo/50_listening_study.yaml",
            "{}",
            "profile: demo",
            {"listening_study", "human_baseline", "human_vs_machine"},
        ),
        ("emolabs/parts/step_51.py", 'TEXT = "', 'TEXT = "new', {"human_baseline"}),
        ("emolabs/parts/step_52.py", 'TEXT = "', 'TEXT = "new', {"human_vs_machine"}),
        ("emolabs/parts/step_90.py", 'TEXT = "', 'TEXT = "new', {"try_it"}),
    ],
)
def test_a_change_reruns_what_rests_on_it_and_nothing_before(project, file, old, new, expected):
    edit(project / file, old, new)
    assert would_run(project) == expected


def test_a_training_parameter_reruns_its_own_family_only_and_a_dry_run_forgets_nothing(project):
    edit(project / "params/demo/34_classical.yaml", "2", "3")
    snakemake(project, "-n")
    said = snakemake(project, "-n", "--quiet", "host")
    assert "seed 0" in said and "constant, hash" in said
    assert "logmel-cnn3-mean, hash" not in said


def test_a_missing_embedded_corpus_is_spoken_again(project):
    shutil.rmtree(project / "data/raw/emosynth-en")
    assert {"corpus", "indexing", *READERS} <= would_run(project)


def test_a_failed_step_is_said_in_a_sentence_and_tried_again(project):
    edit(project / "emolabs/parts/step_22.py", "TEXT =", "TEXT = no_such_name +")
    failed = call(project)
    assert failed.returncode != 0
    assert "NameError" in failed.stdout and "runs/demo/notebooks/22_spectrograms.ipynb" in failed.stdout
    assert (project / "runs/demo/notebooks/22_spectrograms.ipynb").is_file()
    assert would_run(project) == {"spectrograms", *AFTER_TRAINING}


def test_kept_results_outlive_code_and_missing_audio_but_can_be_forced(project):
    edit_profile(project, keep_results=True)
    edit(project / "emolabs/parts/step_30.py", 'TEXT = "', 'TEXT = "new')
    edit(project / "emolabs/parts/step_12.py", 'TEXT = "', 'TEXT = "new')
    assert would_run(project) == set()
    shutil.rmtree(project / "data/interim")
    shutil.rmtree(project / ".snakemake")
    assert would_run(project) == READERS, "a fresh clone makes its tables from the committed results"
    stale = "data/results/demo/hash/pooled/logmel-cnn3-mean/seed0.json"
    said = snakemake(project, "-n", "--quiet", "host", "--forcerun", stale)
    assert "12_normalization" in said and "logmel-cnn3-mean, hash" in said and "constant, hash" not in said


def test_where_the_audio_is_the_stages_of_kept_results_are_made_and_nothing_is_trained(project):
    edit_profile(project, keep_results=True, corpora=["tess"])
    (project / "emolabs/corpora/__init__.py").write_text(RECORDED)
    assert would_run(project) == set()
    (project / "data/raw/tess").mkdir(parents=True)
    (project / "data/raw/tess/OAF_back_angry.wav").write_bytes(b"audio")
    ran = would_run(project)
    assert ran >= {"indexing", "split", "normalization", "spectrograms"} and "training" not in ran


def test_a_corpus_that_is_missing_beside_others_is_named_and_that_stages_are_left_out(project):
    edit_profile(project, keep_results=True, corpora=["tess", "savee"])
    (project / "emolabs/corpora/__init__.py").write_text(RECORDED)
    left_out = "The stages from audio (10 to 24) are left out"
    said = snakemake(project, "-n", "--quiet", "host").splitlines()
    about = [line for line in said if "no recordings" in line or left_out in line]
    assert len(about) == 1 and "no recordings of TESS, SAVEE are here" in about[0] and left_out in about[0]
    for key, expected in [("tess", {"no recordings of SAVEE were found: look into its drawer."}), ("savee", set())]:
        (project / "data/raw" / key).mkdir(parents=True)
        (project / "data/raw" / key / "one.wav").write_bytes(b"audio")
        said = snakemake(project, "-n", "--quiet", "host").splitlines()
        assert {line for line in said if "no recordings" in line} == expected
        assert any(left_out in line for line in said) == bool(expected)


def test_a_kept_run_is_tried_only_where_its_model_is(project):
    edit_profile(project, keep_results=True, corpora=["tess"])
    (project / "emolabs/corpora/__init__.py").write_text(RECORDED)
    (project / "data/raw/tess").mkdir(parents=True)
    (project / "figures/demo/90_try_it.png").unlink()
    assert "try_it" not in would_run(project)
    model = project / "runs/demo/hash/pooled/logmel-cnn3-mean/fold0/seed0/config.json"
    model.parent.mkdir(parents=True)
    model.write_text("{}")
    assert "try_it" in would_run(project)


def test_published_votes_are_analysed_where_they_lie_and_again_when_they_change(project):
    edit_profile(project, keep_results=True)
    shutil.rmtree(project / "data/interim")
    declared = '# which profile\\nanswers: str = \\"simulated\\"  # where they come from'
    edit(project / "notebooks/51_human_baseline.ipynb", "# which profile", declared)
    edit(project / "params/demo/51_human_baseline.yaml", "{}", "answers: cremad")
    assert "human_baseline" not in would_run(project)
    votes = project / "data/human/crema-d/tabulatedVotes.csv"
    votes.parent.mkdir(parents=True)
    votes.write_text("A,D\n")
    assert would_run(project) == {"human_baseline"}
    snakemake(project)
    assert would_run(project) == set()
    votes.write_text("A,D,F\n")
    assert would_run(project) == {"human_baseline"}


def test_a_table_that_a_command_left_among_the_results_reruns_its_reader_alone(project, monkeypatch):
    for name, file in OF_NEW_SPEAKERS.items():
        monkeypatch.setitem(WRITES, name, f"[paths.figures(profile) / '{file}']")
        write_step(project, name)
    edit_profile(project, runs=[*PROFILE["runs"], {"protocol": "speaker", "pipelines": ["constant"]}])
    snakemake(project)
    expected = set()
    for file, reader in [("again", "44_stability"), ("variance-mfcc", "42_generalization"), ("costs", "40_evaluation")]:
        assert would_run(project) == expected
        (project / f"data/results/demo/{file}.csv").write_text("pipeline\n")
        assert would_run(project) == (expected := {*expected, reader})


def test_notebooks_of_pooled_runs_wait_for_one_with_new_speakers_whatever_single_corpora_have(project, monkeypatch):
    for name, file in OF_NEW_SPEAKERS.items():
        monkeypatch.setitem(WRITES, name, f"[paths.figures(profile) / '{file}']")
        write_step(project, name)
    run = {"protocol": "speaker", "pipelines": ["constant"]}
    edit_profile(project, runs=[*PROFILE["runs"], run | {"scope": "emosynth-en"}])
    assert would_run(project) & {*OF_NEW_SPEAKERS} == {"44_stability"}
    edit_profile(project, runs=[*PROFILE["runs"], run | {"scope": "pooled"}])
    assert would_run(project) >= {*OF_NEW_SPEAKERS}


def test_a_label_changed_beside_the_audio_is_indexed_anew(project):
    edit_profile(project, corpora=["tess"])
    (project / "emolabs/corpora/__init__.py").write_text(RECORDED)
    table = project / "data/raw/tess/clips.csv"
    table.parent.mkdir(parents=True)
    table.write_text("file,speaker,emotion\n1.wav,anna,happy\n")
    stamp = project / "data/interim/demo/stamps/10_indexing.json"
    found = []
    for old, new in [("happy", "angry"), ("angry", "happy")]:  # a listing of names and sizes sees no difference
        assert "indexing" in would_run(project)
        found.append(stamp.read_text())
        edit(table, old, new)
    assert would_run(project) and found[0] != found[1] and found[0] == stamp.read_text()


def test_a_new_run_beside_kept_results_brings_what_it_rests_on_up_to_date(project):
    runs = [{"protocol": "hash", "seeds": [0, 1], "pipelines": ["logmel-cnn3-mean"]}]
    edit_profile(project, keep_results=True, runs=runs)
    edit(project / "emolabs/parts/step_12.py", 'TEXT = "', 'TEXT = "new')
    said = snakemake(project, "-n", "--quiet", "host")
    assert "pooled, seed 1" in said and "pooled, seed 0" not in said
    assert "12_normalization" in said and "22_spectrograms" in said and "23_functionals" not in said


def test_a_row_without_its_package_is_left_out_with_a_message(project):
    (project / "sitecustomize.py").write_text(WITHOUT_OPENSMILE)
    (project / "data/results/demo/hash/pooled/egemaps-linear/seed0.json").unlink()
    said = snakemake(project, "-n", "--quiet", "host")
    assert "egemaps-linear is left out: opensmile is not installed" in said
    assert "egemaps-linear, hash" not in said


def test_a_row_whose_encoder_is_not_here_is_left_out_with_a_message(project):
    (project / "emolabs/extraction").mkdir(exist_ok=True)
    (project / "emolabs/extraction/__init__.py").write_text("")
    (project / "emolabs/extraction/obtain.py").write_text("print('wav2vec2')")
    declared = '# which\\nweights: str = \\"untrained\\"  # encoder'
    edit(project / "notebooks/21_embeddings.ipynb", "# which profile", declared)
    (project / "params/demo/21_embeddings.yaml").write_text("weights: ''")
    edit_profile(project, runs=[{"protocol": "hash", "pipelines": ["hubert-cnn3-mean", "constant"]}])
    said = snakemake(project, "-n", "--quiet", "host")
    assert "hubert-cnn3-mean is left out: the weights of its encoder are not here: run make weights" in said
    assert "hubert-cnn3-mean, hash" not in said and "21_embeddings" not in said


def test_an_unknown_profile_and_an_unknown_pipeline_are_sentences(project):
    said = call(project, "-n", "--config", "profile=thseis").stdout
    assert "there is no profile 'thseis'" in said and "the profiles there are: demo" in said
    edit_profile(project, runs=[{"protocol": "hash", "pipelines": ["logmel-cnn3-men"]}])
    assert "did you mean logmel-cnn3-mean?" in call(project, "-n").stdout


def test_the_cluster_profile_asks_for_the_same_steps(finished):
    profile = "workflow/profiles/slurm"
    assert would_run(finished[0], "--workflow-profile", profile, "--executor", "dryrun", "--forceall") >= {
        "training",
        "corpus",
    }
    assert yaml.safe_load((paths.ROOT / profile / "config.yaml").read_text())["executor"] == "slurm"
