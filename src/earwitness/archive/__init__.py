"""Archives of any size: recordings are heard once into a store of tag scores, and asked later."""
