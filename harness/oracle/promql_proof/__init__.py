"""How `oracle.promql` is proved: random series, written into a running Prometheus, asked there and computed here.

    series, histograms --> remote_write --> Prometheus --> its answers --.
         |                                                               +--> comparison --> agreements, disagreements
         `----------------> questions (what we compute) -----------------'

`branches` says which branch of Prometheus' code each question went through, `mutants` are wrong ports that must be
noticed, `shrink` makes a disagreement small enough to read. One seed reproduces everything.
"""
