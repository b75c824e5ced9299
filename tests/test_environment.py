"""The environment: one truth (pyproject.toml), its visible face (environment.yml) and its lock say the same."""

import re
import tomllib
from importlib.metadata import version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from emolabs import paths

PYPROJECT = paths.ROOT / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
#: The packages that the thesis names beside Python and pip.
NAMED = {
    *("jupyterlab", "papermill", "torch", "torchaudio", "transformers"),
    *("librosa", "seaborn", "pandas", "numpy", "nbval"),
}


def requirements(*extras: str) -> dict[str, Requirement]:
    """What the project depends on, with these extras, by name."""
    texts = [*PROJECT["dependencies"], *(t for extra in extras for t in PROJECT["optional-dependencies"][extra])]
    parsed = [Requirement(text) for text in texts]
    assert len({canonicalize_name(r.name) for r in parsed}) == len(parsed), "a package is there twice"
    return {canonicalize_name(r.name): r for r in parsed}


def locked() -> dict[str, Version]:
    """The versions that `requirements.lock` pins, by name."""
    lines = (paths.ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.split(";")[0].split("#")[0].strip() for line in lines]
    pairs = [pin.split("==") for pin in pins if pin]
    assert all(len(pair) == 2 for pair in pairs), "a line of the lock is no pin"
    return {canonicalize_name(name): Version(number) for name, number in pairs}


class TestCondaFile:
    content = yaml.safe_load((paths.ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [item for item in content["dependencies"] if isinstance(item, str)]
    (pip,) = (item["pip"] for item in content["dependencies"] if isinstance(item, dict))

    def listed(self) -> dict[str, Requirement]:
        texts = [text for text in [*self.conda, *self.pip] if not text.startswith("-e")]
        parsed = [Requirement(re.sub(r"(?<![=<>!~])=(?!=)", "==", text)) for text in texts]
        return {canonicalize_name(r.name): r for r in parsed}

    def test_names_python_pip_and_the_ten_packages_of_the_thesis(self):
        assert set(self.listed()) == {"python", "pip"} | NAMED

    def test_pins_are_those_of_the_project(self):
        expected = requirements("test")
        for name in NAMED:
            assert self.listed()[name].specifier == expected[name].specifier, name

    def test_python_is_one_the_project_allows(self):
        (pin,) = self.listed()["python"].specifier
        minor = Version(pin.version.removesuffix(".*"))
        assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(minor)

    def test_ends_with_the_project_itself(self):
        assert self.pip[-1] == "-e .[test,egemaps]"
        assert {"test", "egemaps"} <= set(PROJECT["optional-dependencies"])


def test_every_dependency_says_why_it_is_there():
    text = PYPROJECT.read_text(encoding="utf-8")
    start = text.index("dependencies = [")
    lines = text[start : text.index("[tool.", start)].splitlines()
    named = [line for line in lines if re.search(r'"[a-z][\w.-]*(\[.*\])?([=<>!~].*)?"', line)]
    assert len(named) >= len(PROJECT["dependencies"])
    for line in named:
        reason = line.rpartition("#")[2].strip() if "#" in line else ""
        assert len(reason) > 4, f"no reason: {line.strip()}"


@pytest.mark.parametrize("name", requirements("test", "egemaps"))
def test_the_lock_pins_every_direct_dependency_as_the_project_allows(name):
    pins = locked()
    assert name in pins, f"requirements.lock does not pin {name}"
    assert requirements("test", "egemaps")[name].specifier.contains(pins[name])


@pytest.mark.parametrize("name", ["torch", "torchaudio"])
def test_torch_and_torchaudio_are_one_pair(name):
    assert str(requirements()[name].specifier) == "==2.11.*"
    assert Version(version(name)).release[:2] == (2, 11)


def test_torchaudio_computes_with_this_torch():
    import torch
    import torchaudio

    mel = torchaudio.transforms.MelSpectrogram(16000, n_fft=512, n_mels=20)(torch.ones(1, 1600))
    assert mel.shape[:2] == (1, 20) and mel.isfinite().all()
