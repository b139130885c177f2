"""Linear autoregressions whose in-edges are summed over exactly, with effects within a frame and without cycles."""
