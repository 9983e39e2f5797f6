"""Renderers: pure functions of a result. No clock, no network."""
