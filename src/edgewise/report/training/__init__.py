"""The page of a run of `edgewise train`: its figure beside the published one, every run, every curve."""
