"""Page stores: the vectors of pages, kept and found again by MaxSim."""
