"""Telling people: one file per channel."""
