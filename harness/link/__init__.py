"""Relays TCP and UDP between two ports of this machine, so that a paused relay is a broken cable."""
