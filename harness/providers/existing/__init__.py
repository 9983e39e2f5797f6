"""A cluster that somebody else made: nothing is written in it but what bears the run's mark."""
