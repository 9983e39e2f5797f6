"""Observers: look at the running platform and write down what they see."""
