"""What the providers `kind` and `existing` share: a platform on Kubernetes. Knows nothing of Docker.

api: one request -> apply, waiting: many objects, in order, until they are ready -> explain: why one is not
stack, chart: the two ways to install the operator; platform, pods: what is applied; provider, site: who applies it
"""
