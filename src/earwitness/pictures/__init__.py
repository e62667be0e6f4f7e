"""Pictures of what was heard and of how well: spectrogram and events, attention, tags, curves, counts, embeddings."""
