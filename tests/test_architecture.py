"""The table and the drawing of a network's parts, against counts by hand."""

import matplotlib.pyplot as plt
import pytest
import torch
from test_modeling import NETWORKS, SOME, channels, network, sounds

from emolabs.experiments import architecture
from emolabs.modeling import get_pipeline
from emolabs.modeling.classifier import Classifier


@pytest.mark.parametrize("name", SOME)
def test_every_parameter_belongs_to_one_part(name):
    model = network(NETWORKS[name])
    x, lengths = sounds(NETWORKS[name], torch.tensor([60]))
    table = architecture.parts(model, x=x, pipeline=NETWORKS[name])
    assert table.parameters.sum() == sum(p.numel() for p in model.parameters())
    assert table.trained.sum() == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert NETWORKS[name].backbone in set(table.kind)
    assert table.part.iloc[-1] == "output" and table.out.iloc[-1] == (7,)
    figure, axis = plt.subplots()
    architecture.draw(axis, table)
    assert len([text for text in axis.texts if text.get_text()]) >= 2 * len(table)
    plt.close(figure)


def test_operations_are_those_of_the_formulas():
    row = get_pipeline("logmel-cnn3-lstm-mean")
    model = Classifier(row, channels=channels(row), classes=7, width=4)
    table = architecture.parts(model, x=torch.randn(1, 64, 80), pipeline=row).set_index("part").operations
    kernels = [(1, 4, 64 * 80), (4, 8, 32 * 40), (8, 16, 16 * 20)]  # in, out, where
    assert table.backbone == sum(2 * 9 * a * b * places for a, b, places in kernels)
    assert table.temporal == 10 * 2 * (2 * 4 * 16 * (128 + 16))  # frames, directions, 4 gates of hidden · (in + hidden)
    assert table.output == 2 * 32 * 7
