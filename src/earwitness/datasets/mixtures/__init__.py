"""Mixtures with an exact truth: events laid into backgrounds at known ratios."""
