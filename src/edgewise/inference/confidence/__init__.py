"""Confidence that means something: false discoveries, temperature, ensembles, bootstrap (docs/confidence.md)."""
