"""M2D, the masked modeling duo: its transformer, checkpoints, export and M2D-CLAP."""
