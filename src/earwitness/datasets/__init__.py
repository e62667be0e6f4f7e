"""Data sets with a truth to compare with: published ones, one's own, and mixtures made here. Start at `loading`."""
