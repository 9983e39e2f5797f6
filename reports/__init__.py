"""Renderers: pure functions of a result. No clock, no network."""

from fawkes.reports.render import render_all

__all__ = ["render_all"]
