"""The distance of a golden case from kinks: for a value at a kink, rounding decides where a gradient flows."""
import torch
import torch.nn.functional as F


class Margin:
    """The smallest distance from a kink of any value that passed through its layers."""

    def __init__(self):
        self.least = float("inf")

    def relu(self, x):
        self.least = min(self.least, float(x.detach().abs().min()))
        return F.relu(x)

    def max_pool(self, x):
        """(N, K, H, W), after ReLU: only a positive maximum passes a gradient on, and the next value must stay below it."""
        windows = F.unfold(x.detach().flatten(0, 1)[:, None], 2, stride=2)  # 2 x 2, without an odd last row or column
        top = windows.topk(2, dim=1).values
        gaps = (top[:, 0] - top[:, 1])[top[:, 0] > 0]
        self.least = min(self.least, float(gaps.min()))
        return F.max_pool2d(x, 2)
