"""Reasoning chains: what a good reply says about each document of a row, by rule or by a teacher."""
