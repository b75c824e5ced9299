"""How busy processor and GPU are, with a GPU that is none."""

import time

import pytest
import torch

from emolabs.experiments import utilization


def spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_work_counts_and_waiting_does_not(monkeypatch):
    monkeypatch.setattr(utilization.joblib, "cpu_count", lambda: 2)
    shares = {}
    for name, run in {"working": spin, "waiting": time.sleep}.items():
        with utilization.measured(gpu=lambda: None) as busy:
            run(0.3)
        shares[name] = busy["cpu_utilization"]
    assert shares["waiting"] < 0.1 < shares["working"] <= 0.6, "one of two cores is half of them at most"


def test_the_gpus_share_is_the_mean_of_its_samples():
    said = iter([0.2, 0.4, 0.9])
    with utilization.measured(gpu=lambda: next(said, None), interval_s=0.02) as busy:
        time.sleep(0.5)
    assert busy["gpu_utilization"] == 0.5


def test_a_short_run_has_one_sample_and_an_error_passes_through():
    with pytest.raises(KeyError), utilization.measured(gpu=lambda: 0.75, interval_s=60) as busy:
        raise KeyError
    assert busy["gpu_utilization"] == 0.75 and busy["cpu_utilization"] is not None


@pytest.mark.parametrize(("there", "said", "share"), [(True, 87, 0.87), (True, None, None), (False, 87, None)])
def test_a_gpu_that_is_not_there_or_does_not_answer_has_no_share(monkeypatch, there, said, share):
    def asked() -> int:
        if said is None:
            raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")
        return said

    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "utilization", asked)
    with utilization.measured() as busy:
        pass
    assert busy["gpu_utilization"] == share
