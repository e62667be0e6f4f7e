"""The benchmark: words, events, clips and scenes on material that nothing was tuned on."""
