"""Stage 4: the LSTM against PyTorch's own, on packed sequences and on each clip alone."""

import pytest
import torch
from torch import nn

from emolabs.modeling.temporal import LSTM

LENGTHS = torch.tensor([4, 6, 1, 5])


@pytest.fixture
def lstm() -> LSTM:
    torch.manual_seed(0)
    return LSTM(features=3, hidden=2)


@pytest.fixture
def x(lstm) -> torch.Tensor:
    """Frames [clips, frames, features] with noise in the padding, too."""
    return torch.randn(len(LENGTHS), 8, 3)


def test_is_the_lstm_of_torch_on_packed_sequences(lstm, x):
    reference = nn.LSTM(3, 2, bidirectional=True)
    reference.load_state_dict(lstm.lstm.state_dict())
    order = LENGTHS.argsort(descending=True)
    clips = [x[i, : LENGTHS[i]] for i in order]
    out, lengths = nn.utils.rnn.pad_packed_sequence(reference(nn.utils.rnn.pack_sequence(clips))[0])
    expected = torch.zeros(4, 8, 4)
    expected[order, : len(out)] = out.transpose(0, 1)
    assert lengths.tolist() == LENGTHS[order].tolist()
    found = lstm(x, LENGTHS)
    torch.testing.assert_close(found, expected)
    slope = torch.randn_like(found)
    for result in (found, expected):
        (result * slope).sum().backward()
    for (name, ours), theirs in zip(lstm.lstm.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, msg=name)


def test_hears_each_clip_as_if_it_were_alone(lstm, x):
    out = lstm(x, LENGTHS)
    for row, clip, length in zip(out, x, LENGTHS.tolist(), strict=True):
        torch.testing.assert_close(row[:length], lstm.lstm(clip[None, :length])[0][0])
        assert (row[length:] == 0).all()


def test_padding_gets_no_gradient(lstm, x):
    lstm(x.requires_grad_(), LENGTHS).square().sum().backward()
    for grad, length in zip(x.grad, LENGTHS.tolist(), strict=True):
        assert (grad[:length] != 0).any(dim=1).all() and (grad[length:] == 0).all()
