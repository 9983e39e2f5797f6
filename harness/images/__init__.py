"""Container images made here, for clusters that reach no registry: each holds one pinned binary and little else.

catalogue: what each image is -> archive: a file that containerd loads; debian, node: what a kind node is made of
"""
