"""Measuring: benchmarks in their official formats, runs that survive a kill, figures, tables and comparisons."""
