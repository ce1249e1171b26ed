"""Chains by a teacher: a large model says why each document helps or does not, and refines that into one chain."""
