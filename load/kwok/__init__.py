"""Fake nodes and pods: a big cluster as the API server, and so kube-state-metrics, sees it, on one small node."""
