"""How well: the field's official metrics, and running them over data sets."""
