"""Kubernetes in Docker: the life of a cluster of our own, and what only its node can do to a pod."""
