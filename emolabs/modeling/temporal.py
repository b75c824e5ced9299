"""Stage 4: temporal modelling between convolution and aggregation, with or without an LSTM."""

import torch
from torch import nn


class LSTM(nn.Module):
    """Bidirectional LSTM (Hochreiter & Schmidhuber 1997) over valid frames only; padded frames come out as zeros."""

    def __init__(self, *, features: int, hidden: int):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, batch_first=True, bidirectional=True)
        self.features = 2 * hidden

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Frames x [batch, frames, features] -> [batch, frames, 2 · hidden]."""
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        out, _ = self.lstm(packed)
        return nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])[0]
