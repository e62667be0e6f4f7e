"""How good recognition is on a data set: run, score, write, compare."""
